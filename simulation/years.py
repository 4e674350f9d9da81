"""Years of zeropoints of a whole fleet, with known truth, for `python -m simulation years`.

Nights are real or ideal; `YearsSpec.nights` says which.  What is planted in ideal nights, in magnitudes of zeropoint at
airmass 1:

1. Mirrors lose 2 to 20 mmag a month.  A wash, recoating or break (bounding events) changes throughput by 0.1 to 0.4
   mag and begins a new slope; a cleaning gives back 20 to 80 mmag and leaves the slope as it is.
2. Cameras are exchanged, with an offset: in a night, recorded as an event or not, or after weeks with both.  Some
   telescopes use the native filter zs besides zp; some rows are old ones without zperr and zpcolor, with an offset.
3. Sky: extinction differs from the adopted one by site and filter.  Nights are cloudy or clear for a whole site, in
   spells and with a season; in a cloudy night every frame is dimmed by the same grey cloud of exponential depth, more
   or less (Gamma distributed about it).
4. Frames: Gaussian noise of 20 mmag in all, zperr being a part of it; 1% wild values on either side; nights without
   frames, nights with one, gaps of weeks; a few rows that are not usable (large zpsig, no airmass).
5. Stars: most frames have 40 to 400, some 10 to 40.  zperr falls with their number; so does the error of the colour
   term, which at the pivot makes an error of zp that is the larger, the farther the mean colour of the stars lies from
   it.  The colour term is one per camera and native filter, but for a little from frame to frame.

Real nights have the frames and stars of points 4 and 5, and the rows of older programs and native filters of point 2.
All else is as real series show it; each module says what it plants, and where its numbers come from:

- `visits`: visits to a site, events with wrong dates, exchanges of cameras, steps that nobody recorded.
- `declines`: mirrors that get dirty fast after a wash, dust storms, and rain.
- `weather`: extinction of the night, of the season and by haze; thin, even and half clouds; wet seasons, lasting veils.
- `nightnoise`: grey noise of the nights, that of each filter, what lasts for weeks, flat fields.
- `pointings`: fields with an offset of their own, and seeing.
- `cadences`: 20, 5 or 1 frames a night and filter, one filter a night, 40 nights a year, gaps of half a year, two
  cameras in turn, airmasses that hardly differ.
- `wrongrows`: a few rows with wrong clocks and airmasses.

The true level is the zeropoint at airmass 1 under the mean extinction of the site over the years.  Steps, declines,
dust and rain are part of it; clouds, extinction of nights, seasons and haze, noise of nights and flat fields are not.
Few telescopes are taken from sites in both hemispheres, one to three of each; all 22 are three or four to a site.

Ideal nights: events and truth are drawn by `histories`, clouds by `idealnights`.  Rows are drawn by `rows`, and written
by `yearfiles`.
"""

from collections.abc import Iterator

import numpy as np

from simulation.fleet import FILTER_FACTOR, TELESCOPES, TrueTelescope, YearsSpec
from simulation.histories import draw_series, draw_telescope
from simulation.idealnights import IdealSky, draw_weather
from simulation.realnights import simulate_real
from simulation.rows import ByFilter, draw_rows
from simulation.spec import EXTINCTION, SITES

_EXTINCTION_SPREAD = 0.1  # of the adopted value; k of good sites differ by about that


def simulate(spec: YearsSpec) -> Iterator[tuple[TrueTelescope, ByFilter]]:
    """Simulate a fleet; the same specification gives the same rows.

    Parameters
    ----------
    spec : YearsSpec
        Which years.

    Yields
    ------
    telescope : TrueTelescope
        A telescope and its history.
    by_filter : dict
        TrueSeries and rows (as of `draw_rows`) by filter.

    Raises
    ------
    ValueError
        There are fewer telescopes, or there are no such nights.
    """
    _check_nights(spec)
    if not 1 <= spec.telescopes <= len(TELESCOPES):
        raise ValueError(f'{spec.telescopes} telescopes: there are 1 to {len(TELESCOPES)}')
    yield from simulate_real(spec) if spec.nights == 'real' else _simulate_ideal(spec)


def _check_nights(spec: YearsSpec) -> None:
    """Raise ValueError unless such nights can be had."""
    if spec.nights not in ('real', 'ideal'):
        raise ValueError(f'{spec.nights}: nights are real or ideal')
    asked = [name for name, value in (('cadence', spec.cadence != 'mixed'), ('wet', spec.wet is not None),
                                      ('veil', spec.veil is not None)) if value]
    if spec.nights == 'ideal' and asked:
        raise ValueError(f'{", ".join(asked)}: only real nights have that')


def _simulate_ideal(spec: YearsSpec) -> Iterator[tuple[TrueTelescope, ByFilter]]:
    """Simulate a fleet in ideal nights."""
    weather_seed, *seeds = np.random.SeedSequence(spec.seed).spawn(1 + len(TELESCOPES))
    site_rngs = np.random.default_rng(weather_seed).spawn(len(SITES))
    weather, extinction = {}, {}
    for site, rng in zip(sorted(SITES), site_rngs, strict=True):
        extinction[site] = {name: EXTINCTION[name] * (1 + rng.normal(0, _EXTINCTION_SPREAD)) for name in FILTER_FACTOR}
        weather[site] = draw_weather(spec, rng)
    for number, seed in enumerate(seeds[:spec.telescopes]):
        rng = np.random.default_rng(seed)
        telescope = draw_telescope(number, spec, rng)
        by_filter = {}
        for name, filter_rng in zip(FILTER_FACTOR, rng.spawn(len(FILTER_FACTOR)), strict=True):
            if name in spec.filters:
                series = draw_series(telescope, name, extinction[telescope.site][name], spec, filter_rng)
                sky = IdealSky(telescope=telescope, series=series, weather=weather[telescope.site], spec=spec)
                by_filter[name] = series, draw_rows(telescope, series, sky, filter_rng)
        yield telescope, by_filter
