"""Each night of a site photometric, cloudy or unknown, from the residuals of all its telescopes and filters.

A cloud is over all telescopes of a site, while a dirty mirror is in the model of its telescope: so the mean residuals
of a night in all series (telescope and filter) have one likelihood (`sharednight`).  Their variances are those of the
mean of the frames and of the model, and a noise of the nights of the series.  The share of clear nights is that in the
weeks around, found with the classes by expectation and maximisation.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from photzp.answers.sharednight import NOISE_MAG, clear_share, night_likelihood
from photzp.robust import robust_spread
from photzp.throughput.cloudmixture import SEASON_NIGHTS
from photzp.throughput.model import ThroughputFit

CERTAIN = 0.8      # a class less probable than that is unknown
CLEAR_NIGHTS = 10  # fewer clear nights say nothing of their noise
_ROUNDS = 12


@dataclass(frozen=True)
class SiteNights:
    """All nights of a site from the first to the last with frames, (m,) each.

    night : datetime64[D], date on which it begins.  state : 'photometric', 'cloudy' or 'unknown' (no frames, or a
    class less probable than CERTAIN).  clear_probability : nan without frames.  frames, series : usable frames, and
    telescope and filter pairs behind it.  dimming_mag, dimming_error_mag : mean residual of all series, positive for
    less light; nan without frames.
    """

    site: str
    night: np.ndarray
    state: np.ndarray
    clear_probability: np.ndarray
    frames: np.ndarray
    series: np.ndarray
    dimming_mag: np.ndarray
    dimming_error_mag: np.ndarray


@dataclass(frozen=True)
class Month:
    """Nights of one month (datetime64[M]) by state, and the share of photometric ones of those that are known.

    fraction_error : standard deviation of its posterior for an even prior; both nan where none is known.
    """

    month: np.datetime64
    photometric: int
    cloudy: int
    unknown: int
    fraction: float
    fraction_error: float


def site_nights(site: str, fits: Mapping[tuple[str, str], ThroughputFit]) -> SiteNights:
    """The nights of a site; fits : by (telescope, filter), of that site only."""
    used = [fit for _, fit in sorted(fits.items()) if len(fit.night)]
    if not used:
        return _none(site)
    first, last = min(fit.night[0] for fit in used), max(fit.night[-1] for fit in used)
    night = np.arange(first, last + np.timedelta64(1, 'D'))
    residual, weight, rows = np.zeros((3, len(used), len(night)))
    for number, fit in enumerate(used):
        at = (fit.night - first).astype(int)
        residual[number, at] = fit.night_residual_mag
        variance = fit.night_residual_error_mag**2 + fit.model_error_mag**2 + noise_of(fit) ** 2
        weight[number, at], rows[number, at] = 1 / variance, fit.night_rows
    there = weight.any(axis=0)
    probability = _probabilities(residual[:, there], weight[:, there])
    state, clear, dimming, error = np.full(len(night), 'unknown', 'U11'), *np.full((3, len(night)), np.nan)
    total = weight[:, there].sum(axis=0)
    clear[there], dimming[there] = probability, -(weight * residual)[:, there].sum(axis=0) / total
    error[there] = 1 / np.sqrt(total)
    state[clear >= CERTAIN], state[clear <= 1 - CERTAIN] = 'photometric', 'cloudy'
    return SiteNights(site, night, state, clear, rows.sum(axis=0).astype(int), (weight > 0).sum(axis=0), dimming, error)


def _none(site: str) -> SiteNights:
    empty = np.empty(0)
    return SiteNights(site, empty.astype('datetime64[D]'), empty.astype('U11'), empty, empty.astype(int),
                      empty.astype(int), empty, empty)


def noise_of(fit: ThroughputFit) -> float:
    """What scatters clear nights of a series beyond the errors of their means [mag], by medians."""
    clear = fit.clear_probability > 0.5
    if np.count_nonzero(clear) < CLEAR_NIGHTS:
        return NOISE_MAG
    residual = fit.night_residual_mag[clear]
    scatter = robust_spread(residual)
    return float(np.sqrt(max(scatter**2 - np.median(fit.night_residual_error_mag[clear]) ** 2, NOISE_MAG**2)))


def _probabilities(residual: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Probability that each night is clear (m,), from residuals and weights of the series (s, m)."""
    share = np.full(residual.shape[1], 0.5)
    for _ in range(_ROUNDS):
        _, probability, _ = night_likelihood(residual, weight, share)
        share = clear_share(probability, SEASON_NIGHTS)
    return probability


def monthly(nights: SiteNights) -> tuple[Month, ...]:
    """The months of a site, in order of time."""
    month = nights.night.astype('datetime64[M]')
    return tuple(_month(each, nights.state[month == each]) for each in np.unique(month))


def _month(month: np.datetime64, state: np.ndarray) -> Month:
    photometric, cloudy = (int(np.count_nonzero(state == name)) for name in ('photometric', 'cloudy'))
    known = photometric + cloudy
    fraction, error = np.nan, np.nan
    if known:
        fraction = photometric / known
        mean = (photometric + 1) / (known + 2)
        error = float(np.sqrt(mean * (1 - mean) / (known + 3)))
    return Month(month, photometric, cloudy, len(state) - known, fraction, error)
