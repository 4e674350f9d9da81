"""How levels change with time before any data: a Gaussian process from bin to bin, and steps.

In bin j, at time t_j [month], filter f has a level x, its slope b, and a lasting part of the noise l; all filters share
the haze h.  From bin to bin, with dt = t_{j+1} - t_j,

    (x, b) : a local linear trend, x' = x + b dt, b' = b, plus Gaussian changes of covariance C (x) [[dt^3/3, dt^2/2],
             [dt^2/2, dt]], C = q_grey 11' + q_filter 1: an integrated Wiener process (Wahba 1978, J. R. Stat. Soc. B
             40, 364), most of which is the same in all filters; q is larger in the weeks after a step;
    l      : a process of Ornstein and Uhlenbeck, l' = rho l + change, rho = exp(-dt / tau), covariance A at any time;
    h      : another one, of _HAZE_MONTHS and size `Stiffness.haze_mag`;
    a step : between two bins adds a jump to x and a change to b, with the covariances of `Jump`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

TAU_MONTHS = 0.5  # of the lasting noise: water vapour, haze, flat fields last 5 to 40 days

REVERT_MONTHS = 6.0  # after which a slope has gone back to the mean of its telescope by 63%
HAZE_MAG = 0.007  # mag/airmass in r: usual size of haze that comes and goes within _HAZE_MONTHS
_HAZE_MONTHS = 1.5
_HAZE_AIRMASS = 1.25  # of a typical frame, for the covariance of nights of any airmass
# After a step q is larger by _AFTER_STEP^2 [mag/month^1.5], for about _AFTER_MONTHS: clean mirrors get dirty fast.
_AFTER_STEP, _AFTER_MONTHS = 0.010, 1.2
_START_LEVEL_MAG = 3.0   # 1-sigma width of the prior of the first level about the data
START_SLOPE = (-0.010, 0.012)  # mag/month, mean and width: LCO's mirrors lose 2 to 20 mmag a month
_FILTER_SLOPE = 0.003    # mag/month, of a filter relative to all
GREY_STIFFNESS = (0.0020, 2.5)  # sqrt(q) [mag/month^1.5]: median and factor of its lognormal prior
_FILTER_SHARE = 0.15     # of a filter by itself in sqrt(q)
_LEAST = 1e-9            # months: two bins at a step may be at the same time
_LEAST_LASTING = 1e-8    # mag^2: keeps the covariance of the lasting noise regular


@dataclass(frozen=True)
class Jump:
    """Prior of a step between two bins, by filter.

    Attributes
    ----------
    mean : ndarray, shape (F,)
        Mean size [mag].
    covariance : ndarray, shape (F, F)
        Of the size [mag^2].
    slope : ndarray, shape (F, F)
        Covariance of the change of slope [(mag/month)^2].
    cleaned : bool
        The mirror may be clean after it, and get dirty fast.
    slope_mean : float
        Mean of the change of slope [mag/month].
    """

    mean: np.ndarray
    covariance: np.ndarray
    slope: np.ndarray
    cleaned: bool = False
    slope_mean: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Stiffness:
    """How fast levels change, and the lasting noise.

    Attributes
    ----------
    grey, filter : float
        q of all filters together, and of each by itself [mag^2/month^3].
    lasting : ndarray, shape (F, F)
        Covariance A of the lasting noise [mag^2].
    slope : ndarray, shape (F,)
        Mean slope of the telescope [mag/month].
    colour : ndarray, shape (F,)
        Extinction by haze in each filter, relative to that in r.
    haze_mag : float
        Size of haze [mag/airmass in r].
    """

    grey: float
    filter: float
    lasting: np.ndarray
    slope: np.ndarray
    colour: np.ndarray
    haze_mag: float = HAZE_MAG

    def of_grey(self, root: float) -> 'Stiffness':
        """Change how fast levels change.

        Parameters
        ----------
        root : float
            sqrt(q) of all filters together [mag/month^1.5]; each by itself has its usual part of that.

        Returns
        -------
        Stiffness
            With the same noise.
        """
        return replace(self, grey=root**2, filter=(_FILTER_SHARE * root) ** 2)

    @property
    def haze(self) -> np.ndarray:
        """Dimming of each filter by haze h at a typical airmass [airmass], shape (F,)."""
        return _HAZE_AIRMASS * self.colour


@dataclass(frozen=True, kw_only=True)
class Bins:
    """Nights joined to bins.

    Attributes
    ----------
    month : ndarray, shape (J,)
        Time of each bin [month].
    of_night : ndarray of int, shape (N,)
        Bin of each night.
    dt : ndarray, shape (N,)
        Time of each night minus that of its bin [month].
    piece : ndarray of int, shape (J,)
        Number of steps before each bin.
    jumps : tuple of Jump
        Of each step, in order of time.
    """

    month: np.ndarray
    of_night: np.ndarray
    dt: np.ndarray
    piece: np.ndarray
    jumps: tuple[Jump, ...] = ()


def make_bins(month: np.ndarray, steps: np.ndarray, jumps: Sequence[Jump], width: float) -> Bins:
    """Join nights to bins, none of which spans a step.

    Parameters
    ----------
    month : ndarray, shape (N,)
        Time of each night, ascending [month].
    steps : ndarray, shape (S,)
        Times of steps, ascending [month]; each with nights on either side.
    jumps : sequence of Jump
        Of each step.
    width : float
        Longest time between the first and the last night of a bin [month].

    Returns
    -------
    Bins
        In order of time.
    """
    piece = np.searchsorted(steps, month, side='right')
    code = piece * 1_000_000 + (month / width).astype(int)
    _, first, of_night, counts = np.unique(code, return_index=True, return_inverse=True, return_counts=True)
    centre = np.add.reduceat(month, first) / counts
    return Bins(month=centre, of_night=of_night, dt=month - centre[of_night], piece=piece[first], jumps=tuple(jumps))


@dataclass(frozen=True, kw_only=True)
class LevelPrior:
    """Prior of the states of all bins: J of them, of m = 3F + 1 unknowns, in the order x, b, l, h.

    Attributes
    ----------
    diagonal : ndarray, shape (J, m, m)
        Blocks of the precision.
    lower : ndarray, shape (J - 1, m, m)
        Blocks below the diagonal.
    right : ndarray, shape (J, m)
        Precision times mean.
    log_determinant : float
        Of the precision.
    phi, mean : ndarray, shape (J - 1, m, m) and (J - 1, m)
        Of each gap between bins: a state s is followed by phi s + mean, and a change.
    q, inverse : ndarray, shape (J - 1, m, m)
        Covariance of this change, and its inverse.
    first, start : ndarray, shape (m,) and (m, m)
        Mean and precision of the state of the first bin.
    """

    diagonal: np.ndarray
    lower: np.ndarray
    right: np.ndarray
    log_determinant: float
    phi: np.ndarray
    mean: np.ndarray
    q: np.ndarray
    inverse: np.ndarray
    first: np.ndarray
    start: np.ndarray


def prior_blocks(bins: Bins, stiffness: Stiffness, level: np.ndarray) -> LevelPrior:
    """Prior of the states as blocks of its precision.

    Parameters
    ----------
    bins : Bins
        J of them.
    stiffness : Stiffness
        For F filters.
    level : ndarray, shape (F,)
        Rough level of each filter, about which the first one lies [mag].

    Returns
    -------
    LevelPrior
    """
    q, phi, mean = _gaps(bins, stiffness)
    start, first = _start(level, stiffness.lasting, stiffness.haze_mag)
    inverse = np.linalg.inv(q)
    diagonal = np.zeros((len(bins.month), *start.shape))
    diagonal[0] = start
    diagonal[1:] += inverse
    back = np.swapaxes(phi, 1, 2) @ inverse
    diagonal[:-1] += back @ phi
    right = np.zeros((len(bins.month), len(first)))
    right[0] = start @ first
    right[1:] += (inverse @ mean[..., None])[..., 0]
    right[:-1] -= (back @ mean[..., None])[..., 0]
    return LevelPrior(diagonal=diagonal, lower=-inverse @ phi, right=right, phi=phi, mean=mean, q=q, inverse=inverse,
                      log_determinant=float(np.linalg.slogdet(start)[1] - np.linalg.slogdet(q)[1].sum()),
                      first=first, start=start)


def _parts(n: int) -> tuple[slice, slice, slice, slice]:
    """Where x, b, l and h of n filters stand in the state of a bin."""
    return slice(0, n), slice(n, 2 * n), slice(2 * n, 3 * n), slice(3 * n, 3 * n + 1)


def _gaps(bins: Bins, stiffness: Stiffness) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Covariance Q (J - 1, m, m), phi (J - 1, m, m) and mean (J - 1, m) of the change of state in each gap."""
    n = len(stiffness.lasting)
    one, eye, (x, b, noise, h) = np.ones((n, n)), np.eye(n), _parts(n)
    dt = np.maximum(np.diff(bins.month), _LEAST)[:, None, None]
    rho, fade = np.exp(-dt / TAU_MONTHS), np.exp(-dt / _HAZE_MONTHS)
    changes = stiffness.grey * one + stiffness.filter * eye
    changes = changes + _softer(bins)[:, None, None] * (one + stiffness.filter / stiffness.grey * eye)
    reach, of_level, of_both, of_slope = reverting(dt)
    q, phi = np.zeros((2, len(dt), h.stop, h.stop))
    q[:, x, x], q[:, x, b] = changes * of_level + 1e-9 * eye, changes * of_both
    q[:, b, b], q[:, b, x] = changes * of_slope + 1e-9 * eye, q[:, x, b]
    q[:, noise, noise] = (stiffness.lasting + _LEAST_LASTING * eye) * (1 - rho**2)
    q[:, h, h] = stiffness.haze_mag**2 * (1 - fade**2)
    phi[:, x, x], phi[:, b, b], phi[:, x, b] = eye, (1 - reach / REVERT_MONTHS) * eye, reach * eye
    phi[:, noise, noise], phi[:, h, h] = rho * eye, fade
    mean = np.zeros((len(dt), h.stop))
    mean[:, x], mean[:, b] = (dt - reach)[:, 0] * stiffness.slope, (reach / REVERT_MONTHS)[:, 0] * stiffness.slope
    for number in np.flatnonzero(np.diff(bins.piece) > 0):
        for jump in bins.jumps[bins.piece[number]:bins.piece[number + 1]]:
            q[number, x, x] += jump.covariance
            q[number, b, b] += jump.slope
            mean[number, x] += jump.mean
            mean[number, b] += jump.slope_mean
    return q, phi, mean


def reverting(dt: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """How a slope that reverts to its mean changes the level.

    Parameters
    ----------
    dt : ndarray
        Time [month].

    Returns
    -------
    reach : ndarray
        Change of the level per slope beyond the mean one [month].
    of_level, of_both, of_slope : ndarray
        Covariance of level and slope after that time per q [month^3, month^2, month].

    Notes
    -----
    Of an integrated process of Ornstein and Uhlenbeck; for a short time it is the integrated Wiener process.
    """
    tau = REVERT_MONTHS
    gone = -np.expm1(-dt / tau)
    exact = tau**3 / 2 * (2 * dt / tau - 2 * gone - gone**2)
    of_level = np.where(dt < 0.02 * tau, dt**3 / 3, exact)
    return tau * gone, of_level, tau**2 / 2 * gone**2, tau / 2 * -np.expm1(-2 * dt / tau)


def _start(level: np.ndarray, lasting: np.ndarray, haze_mag: float) -> tuple[np.ndarray, np.ndarray]:
    """Precision (m, m) and mean (m,) of the state of the first bin."""
    n = len(level)
    one, eye, (x, b, noise, h) = np.ones((n, n)), np.eye(n), _parts(n)
    start = np.zeros((h.stop, h.stop))
    start[x, x] = np.linalg.inv(_START_LEVEL_MAG**2 * (one + eye))
    start[b, b] = np.linalg.inv(START_SLOPE[1]**2 * one + _FILTER_SLOPE**2 * eye)
    start[noise, noise], start[h, h] = np.linalg.inv(lasting + _LEAST_LASTING * eye), haze_mag**-2.0
    return start, np.concatenate([level, np.full(n, START_SLOPE[0]), np.zeros(n + 1)])


def _softer(bins: Bins) -> np.ndarray:
    """What is added to q in each gap between bins (J - 1,)."""
    at_step = np.array([at for at in np.flatnonzero(np.diff(bins.piece) > 0)
                        if any(jump.cleaned for jump in bins.jumps[bins.piece[at]:bins.piece[at + 1]])], int)
    opened = np.append(-np.inf, bins.month[at_step + 1])
    number = np.searchsorted(opened, bins.month[:-1], side='right') - 1
    return _AFTER_STEP**2 * np.exp(-(bins.month[:-1] - opened[number]) / _AFTER_MONTHS)
