"""Real nights: a fleet from the parts that weather, visits, declines, nightnoise, pointings, cadences and wrongrows
draw, and describe.

Draws of a site and of a telescope have seeds of their own, so that a telescope is the same in a fleet of any size.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simulation.cadences import CADENCES, draw_airmass, draw_cadence, draw_counts, draw_filter_nights, draw_observed
from simulation.declines import Storm, draw_decline, draw_storms, pieces_of
from simulation.fleet import FILTER_FACTOR, TELESCOPES, TrueSeries, TrueTelescope, YearsSpec
from simulation.histories import draw_cameras_in
from simulation.nightnoise import NightNoise, draw_night_noise
from simulation.pointings import Pointings, draw_pointings, point_frames
from simulation.rows import Air, ByFilter, draw_midnights, draw_rows
from simulation.spec import REFERENCE_ZP, SITES
from simulation.visits import Visit, draw_cameras, draw_events, draw_visits
from simulation.weather import SiteWeather, draw_site_weather
from simulation.wrongrows import spoil_rows

_SITE_SEED, _TELESCOPE_SEED = 11, 12  # each kind of draws has its own number after the seed of the years
_FIRST_LOSS_MAG = (0.02, 0.3)  # as in ideal nights


@dataclass(frozen=True, kw_only=True)
class RealSite:
    """What the telescopes of a site share.

    Attributes
    ----------
    weather : SiteWeather
        The air over it.
    visits : list of dict
        What was done, by number of the telescope.
    storms : list of Storm
        Dust storms.
    """

    weather: SiteWeather
    visits: list[Visit]
    storms: list[Storm]


@dataclass(frozen=True, kw_only=True)
class RealSky:
    """What the frames of a telescope in one filter are taken through.

    Attributes
    ----------
    telescope : TrueTelescope
        The telescope.
    series : TrueSeries
        Its truth in the filter.
    weather : SiteWeather
        Of its site.
    noise : NightNoise
        Of its nights.
    pointings : Pointings
        Its fields and seeing.
    open_nights : ndarray of bool (n_nights,)
        Nights with frames in the filter.
    spec : YearsSpec
        Which years.
    """

    telescope: TrueTelescope
    series: TrueSeries
    weather: SiteWeather
    noise: NightNoise
    pointings: Pointings
    open_nights: np.ndarray
    spec: YearsSpec

    def draw_times(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw night and time of each row.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of all draws.

        Returns
        -------
        night, day : ndarray (n,)
            Number of the night, and time from the first noon, in order of time.
        """
        nights = np.flatnonzero(self.open_nights)
        return draw_midnights(np.repeat(nights, draw_counts(self.telescope.cadence, len(nights), rng)), rng)

    def draw_air(self, frames: dict[str, np.ndarray], rng: np.random.Generator) -> Air:
        """Draw what air and telescope do to frames.

        Parameters
        ----------
        frames : dict of ndarray (n,)
            Their night, day and camera.
        rng : numpy.random.Generator
            Source of all draws.

        Returns
        -------
        Air
            Airmass, extinction, cloud, noise of the night, field and seeing.
        """
        night, name = frames['night'], self.series.filter
        airmass = draw_airmass(self.telescope.cadence, len(night), rng)
        pointed = point_frames(self.pointings, frames, name, self.spec, rng)
        noise = self.noise.of_nights[name][night] - self.weather.excess[name][night] * airmass + pointed.effect
        return Air(airmass=airmass, extinction=self.series.extinction * (airmass - 1), noise=noise,
                   dimming=self.weather.draw_dimming(night, frames['day'], rng), ra_deg=pointed.ra_deg,
                   dec_deg=pointed.dec_deg, fwhm_arcsec=pointed.fwhm_arcsec)


def simulate_real(spec: YearsSpec) -> Iterator[tuple[TrueTelescope, ByFilter]]:
    """Simulate a fleet in real nights.

    Parameters
    ----------
    spec : YearsSpec
        Which years.

    Yields
    ------
    telescope : TrueTelescope
        A telescope and its history.
    by_filter : dict
        TrueSeries and rows by filter.
    """
    sites = {}
    for number in spec.numbers:
        site = TELESCOPES[number][0]
        if site not in sites:
            sites[site] = _draw_site(site, spec)
        yield _draw_one(number, sites[site], spec)


def _draw_site(site: str, spec: YearsSpec) -> RealSite:
    """Draw what the telescopes of a site share."""
    seed = [spec.seed, _SITE_SEED, sorted(SITES).index(site)]
    weather_rng, visit_rng, storm_rng = np.random.default_rng(seed).spawn(3)
    return RealSite(weather=draw_site_weather(site, spec, weather_rng), visits=draw_visits(site, spec, visit_rng),
                    storms=draw_storms(spec, storm_rng))


def _draw_one(number: int, site: RealSite, spec: YearsSpec) -> tuple[TrueTelescope, ByFilter]:
    """Draw a telescope with its rows."""
    rngs = np.random.default_rng([spec.seed, _TELESCOPE_SEED, number]).spawn(5 + len(FILTER_FACTOR))
    telescope_rng, decline_rng, noise_rng, pointing_rng, night_rng, *filter_rngs = rngs
    telescope = _draw_telescope(number, site, spec, telescope_rng)
    decline = draw_decline(telescope.events, site.storms, spec, decline_rng)
    noise = draw_night_noise(spec, noise_rng)
    pointings = draw_pointings(telescope, spec, pointing_rng)
    nights = draw_filter_nights(telescope.cadence, spec, night_rng)
    lost = night_rng.uniform(*_FIRST_LOSS_MAG)
    by_filter = {}
    for name, rng in zip(FILTER_FACTOR, filter_rngs, strict=True):
        if name not in spec.filters:
            continue
        breaks, level, slope = pieces_of(decline, telescope, name, rng)
        healthy = REFERENCE_ZP[telescope.telescope[:3]][name]
        offsets, colorterms = draw_cameras_in(name, telescope, rng)
        series = TrueSeries(
            filter=name, breaks=breaks, level=healthy - FILTER_FACTOR[name] * lost + level, slope=slope,
            offsets=offsets, colorterms=colorterms, extinction=site.weather.extinction[name],
            drift=FILTER_FACTOR[name] * decline.drift, night_noise_mag=noise.rms[name])
        sky = RealSky(telescope=telescope, series=series, weather=site.weather, noise=noise, pointings=pointings,
                      open_nights=telescope.open_nights & nights[name], spec=spec)
        wrong_rng, = rng.spawn(1)
        by_filter[name] = series, spoil_rows(draw_rows(telescope, series, sky, rng), spec, wrong_rng)
    return telescope, by_filter


def _draw_telescope(number: int, site: RealSite, spec: YearsSpec, rng: np.random.Generator) -> TrueTelescope:
    """Draw the history of a telescope."""
    where, enclosure, telescope, tag, _ = TELESCOPES[number]
    cadence = draw_cadence(spec, rng)
    events = draw_events(number, site.visits, spec, rng)
    cameras, events = draw_cameras(number, CADENCES[cadence].in_turn, events, spec, rng)
    old_until = int(rng.uniform(0.2, 0.4) * spec.n_nights) if number % 11 == 6 else 0
    return TrueTelescope(
        site=where, enclosure=enclosure, telescope=telescope, tag=tag, events=events, cameras=cameras,
        open_nights=draw_observed(cadence, spec, rng), native=number % 5 == 0, old_until=old_until, cadence=cadence)
