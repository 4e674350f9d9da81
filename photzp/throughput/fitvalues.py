"""What a fit of a telescope is given, and what it gives: plain values, which reports keep and other fits read."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from photzp.throughput.curve import Curve
from photzp.throughput.nightsky import DEPTH_MAG
from photzp.times import instant_of

NEVER = instant_of('NaT')


@dataclass(frozen=True, kw_only=True)
class FilterRows:
    """Rows of one telescope in one filter, in any order; rows that are not finite are not used.

    Attributes
    ----------
    time : ndarray of datetime64[ms], shape (n,)
        UTC.
    zp, zperr : ndarray, shape (n,)
        Gain-corrected zeropoints at airmass 1, and their 1-sigma errors [mag], NaN where unknown.
    airmass : ndarray, shape (n,), or None
        With it, the error of the adopted extinction is fitted, too.
    group : ndarray of int, shape (n,), or None
        Code of camera, native filter and kind of row.
    field : ndarray of int, shape (n,), or None
        Code of the field on the sky, -1 where unknown; the same for all filters of the telescope.
    fwhm : ndarray, shape (n,), or None
        Width of stars [arcsec], NaN where unknown.
    other_scale : frozenset of int
        Groups whose zp means something else (at g-i = 0): references only where no other group is tied to them.
    """

    time: np.ndarray
    zp: np.ndarray
    zperr: np.ndarray
    airmass: np.ndarray | None = None
    group: np.ndarray | None = None
    field: np.ndarray | None = None
    fwhm: np.ndarray | None = None
    other_scale: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True)
class SkyEvidence:
    """What telescopes say of the air over their site.

    Attributes
    ----------
    night : ndarray of datetime64[D], shape (m,)
        Nights by the date on which they begin, ascending.
    clouds : ndarray, shape (m, k)
        Logarithm of the likelihood of their data with clouds of each depth (`nightsky.DEPTH_MAG`) over that without.
    haze_weight, haze_value : ndarray, shape (m,)
        What they say of the extinction h beyond the mean, in r [mag/airmass]: the part of chi^2 that depends on it is
        haze_weight h^2 - 2 haze_value h.
    coefficients : dict of str to (float, float)
        Values and errors of extinction minus the adopted one ('extinction gp') and of its yearly swing ('cos', 'sin',
        'cos gp', ...), as their data alone have them [mag/airmass].
    """

    night: np.ndarray
    clouds: np.ndarray
    haze_weight: np.ndarray
    haze_value: np.ndarray
    coefficients: dict[str, tuple[float, float]]

    @classmethod
    def none(cls) -> 'SkyEvidence':
        """Build that of no night.

        Returns
        -------
        SkyEvidence
        """
        return cls(night=np.empty(0, 'datetime64[D]'), clouds=np.empty((0, len(DEPTH_MAG))), haze_weight=np.empty(0),
                   haze_value=np.empty(0), coefficients={})


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Throughput between two steps.

    Attributes
    ----------
    start, end : datetime64[ms]
        The steps, or the first and last usable row.
    opened_by : str
        Kind of the event that it begins with; without an event 'first data', 'camera change' or 'jump'.
    nights, rows : int
        Usable nights and rows.
    start_mag, mid_mag, end_mag : float
        Model at start, middle and end.
    start_error_mag, mid_error_mag, end_error_mag : float
        1-sigma errors of the model.
    slope_mag_per_month, slope_error_mag_per_month : float
        Mean slope, negative for a loss; NaN with too few nights.
    end_slope_mag_per_month, end_slope_error_mag_per_month : float
        Mean slope of the last 60 days, or of the whole interval where it is shorter.
    reference_group : int
        Code of the camera (and native filter) on whose zeropoint scale the model is.
    """

    start: np.datetime64
    end: np.datetime64
    opened_by: str
    nights: int
    rows: int
    start_mag: float
    start_error_mag: float
    mid_mag: float
    mid_error_mag: float
    end_mag: float
    end_error_mag: float
    slope_mag_per_month: float
    slope_error_mag_per_month: float
    end_slope_mag_per_month: float
    end_slope_error_mag_per_month: float
    reference_group: int


@dataclass(frozen=True, kw_only=True)
class Step:
    """Change of throughput at one event.

    Attributes
    ----------
    time : datetime64[ms]
        Local noon of the date of the event; for a change of cameras without an event, between the last frame of one and
        the first of the other; of a jump, the median of its posterior.
    kind : str
        Of the event; without one 'instrument' for a change of cameras and 'break' for a jump.
    size_mag, error_mag : float
        Gain and its 1-sigma error: the difference of the levels after and before.
    instrumental : bool
        The step holds the difference of two cameras, so it is no gain of a mirror, whatever its kind.
    recorded : bool
        An event records it.
    origin : str
        'recorded' (at the date of its event, or at a change of cameras), 'moved' (to the jump near an event, whose
        recorded date is `written`), or 'found' (neither an event nor a change of cameras explains it).
    early, late : datetime64[ms]
        68.3% interval of the time; NaT where that is known.
    written : datetime64[ms]
        When the event is recorded; NaT without an event.
    log_evidence : float
        Logarithm of the evidence for the step against none, over all filters; NaN where it was not asked for.
    nights : tuple of (float, float)
        Clear nights before and after that it rests on.
    """

    time: np.datetime64
    kind: str
    size_mag: float
    error_mag: float
    instrumental: bool
    recorded: bool = True
    origin: str = 'recorded'
    early: np.datetime64 = NEVER
    late: np.datetime64 = NEVER
    written: np.datetime64 = NEVER
    log_evidence: float = np.nan
    nights: tuple[float, float] = (np.nan, np.nan)


@dataclass(frozen=True)
class GroupOffset:
    """Offset of a group of rows (camera, native filter): its zp = model + offset.

    Attributes
    ----------
    group : int
        Code of the group.
    reference : int
        Code of the group that it is tied to, itself for a reference.
    offset_mag, error_mag : float
        Offset and its 1-sigma error; 0 and 0 for a reference.
    rows : int
        Usable rows of the group.
    """

    group: int
    reference: int
    offset_mag: float
    error_mag: float
    rows: int


@dataclass(frozen=True, kw_only=True)
class ThroughputFit:
    """Throughput of one telescope in one filter.

    Without usable rows all arrays and tuples are empty, and numbers NaN.  m nights have usable rows; n rows were given.

    Attributes
    ----------
    night : ndarray of datetime64[D], shape (m,)
        Nights by the date on which they begin, ascending.
    time : ndarray of datetime64[ms], shape (m,)
        Mean time of the usable rows of each night.
    model_mag, model_error_mag : ndarray, shape (m,)
        Zeropoint at airmass 1 under a clear sky, and its 1-sigma error.
    night_rows : ndarray of int, shape (m,)
        Usable rows.
    clear_probability : ndarray, shape (m,)
        Probability that the night was free of cloud, or dimmed by less than 34 mmag, by all filters of the telescope.
    photometric : ndarray of bool, shape (m,)
        The night is more likely clear than not.
    row_clear_probability : ndarray, shape (n,)
        Probability that the row is of a clear night and not wild (an outlier); NaN where not used.
    row_residual_mag : ndarray, shape (n,)
        zp - covariates (offset, extinction, field, width) - model; NaN where not used.
    intervals : tuple of Interval
        Between steps, in order of time.
    steps : tuple of Step
        In order of time; the same times in all filters of a telescope.
    offsets : tuple of GroupOffset
        Of groups of rows, by their codes.
    scatter_mag : float
        Intrinsic scatter, left after zperr.
    clear_share, wild_share : float
        Shares of clear nights, and of wild rows.
    cloud_mag : float
        Mean dimming in cloudy nights.
    extinction_offset_mag, extinction_offset_error_mag : float
        Fitted minus adopted extinction, without what others said of it [mag/airmass]; NaN where no airmass was given.
    night_residual_mag, night_residual_error_mag : ndarray, shape (m,)
        Mean of row_residual_mag without wild rows, about 0 in clear nights and below in cloudy ones; its 1-sigma error
        from those of its rows.
    night_log_odds : ndarray, shape (m,)
        Logarithm of the likelihood of the night if clear, or dimmed by less than 34 mmag, over that if not: by the mean
        values of the telescope in all its filters, without what others say or the scatter of rows does.
    night_noise_mag : float
        Scatter of clear nights about the level, beyond the errors of their rows.
    curve : Curve or None
        The level at any time; None without usable rows.
    """

    night: np.ndarray
    time: np.ndarray
    model_mag: np.ndarray
    model_error_mag: np.ndarray
    night_rows: np.ndarray
    clear_probability: np.ndarray
    photometric: np.ndarray
    row_clear_probability: np.ndarray = field(repr=False)
    row_residual_mag: np.ndarray = field(repr=False)
    intervals: tuple[Interval, ...] = ()
    steps: tuple[Step, ...] = ()
    offsets: tuple[GroupOffset, ...] = ()
    scatter_mag: float = np.nan
    clear_share: float = np.nan
    cloud_mag: float = np.nan
    wild_share: float = np.nan
    extinction_offset_mag: float = np.nan
    extinction_offset_error_mag: float = np.nan
    night_residual_mag: np.ndarray = field(default_factory=lambda: np.empty(0))
    night_residual_error_mag: np.ndarray = field(default_factory=lambda: np.empty(0))
    night_log_odds: np.ndarray = field(default_factory=lambda: np.empty(0))
    night_noise_mag: float = np.nan
    curve: Curve | None = field(default=None, repr=False)

    def at(self, time: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Evaluate the model at any times.

        Parameters
        ----------
        time : array_like of datetime64, shape (q,)
            UTC; after the last night the slope reverts to the mean one of the telescope, and the error grows.

        Returns
        -------
        model_mag, model_error_mag : ndarray, shape (q,)
            Model and its 1-sigma error; NaN before the first interval.
        """
        time = np.asarray(time, 'datetime64[ms]')
        if self.curve is None:
            return np.full(time.shape, np.nan), np.full(time.shape, np.nan)
        return self.curve.at(self.curve.days(time))
