"""Each night of a site photometric, cloudy or unknown, from the fits of all its telescopes.

A cloud is over all telescopes of a site.  The fit of each telescope says how likely its own data are if the night was
clear and if it was cloudy (`ThroughputFit.night_log_odds`, one value for all its filters).  Given its class, the data
of telescopes are independent, so the logarithms l_t of these ratios add up, and with the share w of clear nights in the
weeks around

    P(clear) = 1 / (1 + exp(-log(w / (1 - w)) - sum_t l_t)).

w is the mean of P(clear) over the nights around, found with the classes by expectation and maximisation.  One telescope
can be wrong in a way that its likelihood does not know (a closed petal, dew): so each l_t is limited to 6 either way.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from photzp.names import SeriesKey
from photzp.throughput.model import ThroughputFit

_CERTAIN = 0.8       # a class less probable than that is unknown
_LOG_ODDS_MAX = 6.0  # of one telescope: one night in 400 in which it is wrong
_SEASON_NIGHTS = 20  # with data on either side, for the share of clear nights: weather changes within weeks
_SHARE_MIN = 0.05    # of clear and of cloudy nights, at any time
_NOISE_MAG = 0.003   # scatter of nightly means in clear nights beyond their errors, at least
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
        NaN without frames, and where all of them are wild.
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
    fits = {key: fit for key, fit in sorted(fits.items()) if len(fit.night)}
    night = _all_nights(fits.values())
    residual, weight, frames = _by_series(fits.values(), night)
    observed, odds = weight.any(axis=0), _log_odds(fits, night)
    state = np.full(len(night), 'unknown', 'U11')
    clear, dimming, error = np.full((3, len(night)), np.nan)
    total = weight[:, observed].sum(axis=0)
    dimming[observed] = -(weight * residual)[:, observed].sum(axis=0) / total
    error[observed] = 1 / np.sqrt(total)
    known = observed & np.isfinite(odds)  # else all frames are wild, and the weeks around alone do not make a class
    clear[known] = _clear_probability(odds[known])
    state[clear >= _CERTAIN], state[clear <= 1 - _CERTAIN] = 'photometric', 'cloudy'
    return SiteNights(site=site, night=night, state=state, clear_probability=clear,
                      frames=frames.sum(axis=0).astype(int), series=(weight > 0).sum(axis=0), dimming_mag=dimming,
                      dimming_error_mag=error)


def _all_nights(fits: Iterable[ThroughputFit]) -> np.ndarray:
    """All nights from the first of any fit to the last (m,)."""
    ends = np.array([(fit.night[0], fit.night[-1]) for fit in fits], 'datetime64[D]')
    return np.arange(ends.min(), ends.max() + np.timedelta64(1, 'D')) if len(ends) else ends.ravel()


def _by_series(fits: Iterable[ThroughputFit], night: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean residual, weight and number of usable frames in each night (m,) of each series (s, m)."""
    fits = list(fits)
    residual, weight, frames = np.zeros((3, len(fits), len(night)))
    for number, fit in enumerate(fits):
        index = np.searchsorted(night, fit.night)
        noise = np.fmax(fit.night_noise_mag, _NOISE_MAG)
        variance = fit.night_residual_error_mag**2 + fit.model_error_mag**2 + noise**2
        measured = np.isfinite(fit.night_residual_mag / variance)
        residual[number, index] = np.where(measured, fit.night_residual_mag, 0)
        weight[number, index] = np.where(measured, 1 / variance, 0)
        frames[number, index] = fit.night_rows
    return residual, weight, frames


def _log_odds(fits: Mapping[SeriesKey, ThroughputFit], night: np.ndarray) -> np.ndarray:
    """Sum over telescopes of the log odds of each night to be clear (m,); NaN where no telescope says anything."""
    telescopes: dict[str, np.ndarray] = defaultdict(lambda: np.full(len(night), np.nan))
    for (telescope, _), fit in fits.items():
        odds, index = telescopes[telescope], np.searchsorted(night, fit.night)
        odds[index] = np.where(np.isnan(odds[index]), fit.night_log_odds, odds[index])
    each = np.nan_to_num(np.array(list(telescopes.values())).reshape(len(telescopes), len(night)))
    return np.where(each.any(axis=0), np.clip(each, -_LOG_ODDS_MAX, _LOG_ODDS_MAX).sum(axis=0), np.nan)


def _clear_probability(log_odds: np.ndarray) -> np.ndarray:
    """Probability that each observed night (n,), in order of time, is clear."""
    share = np.full(len(log_odds), 0.5)
    for _ in range(_ROUNDS):
        probability = expit(log_odds + logit(share))
        share = _clear_share(probability)
    return probability


def _clear_share(clear: np.ndarray) -> np.ndarray:
    """Share of clear nights around each night (n,), from their probabilities to be clear.

    With one clear and one cloudy night added, and kept away from 0 and 1.
    """
    total = np.append(0, np.cumsum(clear))
    index = np.arange(len(clear))
    first, last = np.maximum(index - _SEASON_NIGHTS, 0), np.minimum(index + _SEASON_NIGHTS + 1, len(clear))
    return np.clip((total[last] - total[first] + 1) / (last - first + 2), _SHARE_MIN, 1 - _SHARE_MIN)


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
