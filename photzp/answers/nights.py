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
from photzp.names import SeriesKey
from photzp.robust import robust_spread
from photzp.throughput.cloudmixture import SEASON_NIGHTS
from photzp.throughput.model import ThroughputFit

_CERTAIN = 0.8      # a class less probable than that is unknown
_CLEAR_NIGHTS = 10  # fewer clear nights say nothing of their noise
_ROUNDS = 12


@dataclass(frozen=True, kw_only=True)
class SiteNights:
    """All nights of a site from the first to the last with frames; arrays of shape (m,).

    Attributes
    ----------
    site : str
        As in 'lsc'.
    night : ndarray of datetime64[D]
        Date on which each night begins.
    state : ndarray of str
        'photometric', 'cloudy' or 'unknown' (no frames, or a class less probable than 0.8).
    clear_probability : ndarray
        NaN without frames.
    frames, series : ndarray of int
        Numbers of usable frames, and of pairs of telescope and filter that they are of.
    dimming_mag, dimming_error_mag : ndarray
        Mean residual of all series, positive for less light, and its error; NaN without frames.
    """

    site: str
    night: np.ndarray
    state: np.ndarray
    clear_probability: np.ndarray
    frames: np.ndarray
    series: np.ndarray
    dimming_mag: np.ndarray
    dimming_error_mag: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Month:
    """Nights of one month by state.

    Attributes
    ----------
    month : numpy.datetime64
        datetime64[M].
    photometric, cloudy, unknown : int
        Numbers of nights.
    fraction, fraction_error : float
        Share of photometric nights in those of known state, and the standard deviation of its posterior for an even
        prior; NaN where no state is known.
    """

    month: np.datetime64
    photometric: int
    cloudy: int
    unknown: int
    fraction: float
    fraction_error: float


def site_nights(site: str, fits: Mapping[SeriesKey, ThroughputFit]) -> SiteNights:
    """The nights of a site.

    Parameters
    ----------
    site : str
        Its name, for the result.
    fits : mapping of (str, str) to ThroughputFit
        By telescope and filter, of that site only.

    Returns
    -------
    SiteNights
        Without any night where no fit has one.
    """
    night, residual, weight, frames = _by_series([fit for _, fit in sorted(fits.items()) if len(fit.night)])
    state = np.full(len(night), 'unknown', 'U11')
    clear, dimming, error = np.full((3, len(night)), np.nan)
    observed = weight.any(axis=0)
    if observed.any():
        total = weight[:, observed].sum(axis=0)
        clear[observed] = _clear_probability(residual[:, observed], weight[:, observed])
        dimming[observed] = -(weight * residual)[:, observed].sum(axis=0) / total
        error[observed] = 1 / np.sqrt(total)
    state[clear >= _CERTAIN], state[clear <= 1 - _CERTAIN] = 'photometric', 'cloudy'
    return SiteNights(site=site, night=night, state=state, clear_probability=clear,
                      frames=frames.sum(axis=0).astype(int), series=(weight > 0).sum(axis=0), dimming_mag=dimming,
                      dimming_error_mag=error)


def _by_series(fits: list[ThroughputFit]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Nights (m,), and mean residual, weight and number of usable frames in each series (s, m)."""
    if not fits:
        return np.empty(0, 'datetime64[D]'), *np.zeros((3, 0, 0))
    first, last = min(fit.night[0] for fit in fits), max(fit.night[-1] for fit in fits)
    night = np.arange(first, last + np.timedelta64(1, 'D'))
    residual, weight, frames = np.zeros((3, len(fits), len(night)))
    for number, fit in enumerate(fits):
        index = (fit.night - first).astype(int)
        variance = fit.night_residual_error_mag**2 + fit.model_error_mag**2 + _noise_mag(fit) ** 2
        residual[number, index], weight[number, index] = fit.night_residual_mag, 1 / variance
        frames[number, index] = fit.night_rows
    return night, residual, weight, frames


def _noise_mag(fit: ThroughputFit) -> float:
    """What scatters clear nights of a series beyond the errors of their means [mag], by medians."""
    clear = fit.clear_probability > 0.5
    if np.count_nonzero(clear) < _CLEAR_NIGHTS:
        return NOISE_MAG
    scatter = robust_spread(fit.night_residual_mag[clear])
    return float(np.sqrt(max(scatter**2 - np.median(fit.night_residual_error_mag[clear]) ** 2, NOISE_MAG**2)))


def _clear_probability(residual: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Probability that each night is clear (m,), from residuals and weights of the series (s, m)."""
    share = np.full(residual.shape[1], 0.5)
    for _ in range(_ROUNDS):
        _, probability, _ = night_likelihood(residual, weight, share)
        share = clear_share(probability, SEASON_NIGHTS)
    return probability


def monthly(nights: SiteNights) -> tuple[Month, ...]:
    """The months of a site.

    Parameters
    ----------
    nights : SiteNights
        All nights of the site.

    Returns
    -------
    tuple of Month
        In order of time.
    """
    months = nights.night.astype('datetime64[M]')
    return tuple(_month(month, nights.state[months == month]) for month in np.unique(months))


def _month(month: np.datetime64, state: np.ndarray) -> Month:
    photometric, cloudy = (int(np.count_nonzero(state == name)) for name in ('photometric', 'cloudy'))
    certain = photometric + cloudy
    fraction, error = np.nan, np.nan
    if certain:
        fraction = photometric / certain
        mean = (photometric + 1) / (certain + 2)
        error = float(np.sqrt(mean * (1 - mean) / (certain + 3)))
    return Month(month=month, photometric=photometric, cloudy=cloudy, unknown=len(state) - certain, fraction=fraction,
                 fraction_error=error)
