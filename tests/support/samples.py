"""Values of the product, for tests of what is made of them."""

from photzp.answers.status import SeriesStatus

STATUS = SeriesStatus(
    telescope='lsc-doma-1m0a', filter='rp', cameras=('fa15',), last_observation='2024-05-01T03:00:00', rows=900,
    usable_rows=880, nights=300, zp_mag=23.6, zp_error_mag=0.01, reference_mag=23.8, percent=83.2, percent_error=0.8,
    slope_mag_per_month=-0.004, slope_error_mag_per_month=0.001, event_date=None, event_kind=None,
    days_since_event=None, nights_observed=20, nights_photometric=15, state='good', updated='2024-05-02T00:00:00',
    reference_error_mag=0.1)
