"""How often the telescopes of real nights observe.

Each telescope has one cadence: five frames a night and filter for two of five telescopes, and what is unlike that for
the others.  Cameras that change places every few weeks and airmasses that hardly differ count as cadences as well.
"""

from dataclasses import dataclass

import numpy as np

from simulation.fleet import YearsSpec

_LOST_NIGHTS = 0.12
_SINGLE_NIGHTS = 0.12  # as in ideal nights
_HALF_YEAR_DAYS = (150, 210)
_AIRMASS_MEAN, _AIRMASS_MOST = 0.28, 2.4  # of the exponential distribution above 1; as in ideal nights


@dataclass(frozen=True, kw_only=True)
class Cadence:
    """How often a telescope observes.

    Attributes
    ----------
    share : float
        Of the telescopes.
    frames : float
        Mean number a night and filter, in nights with more than one.
    one_filter : bool
        Only one filter a night.
    nights_a_year : float
        How many have frames, where that is less than all that are not lost.
    half_year_gaps : bool
        A gap of half a year every two years.
    in_turn : bool
        Two cameras in turn.
    airmass : tuple of float or None
        Range that airmasses are confined to.
    """

    share: float
    frames: float = 5.65
    one_filter: bool = False
    nights_a_year: float = 366.0
    half_year_gaps: bool = False
    in_turn: bool = False
    airmass: tuple[float, float] | None = None


CADENCES = {
    'usual': Cadence(share=0.4), 'many': Cadence(share=0.1, frames=20.0), 'single': Cadence(share=0.1, frames=1.0),
    'one-filter': Cadence(share=0.1, one_filter=True), 'forty-nights': Cadence(share=0.075, nights_a_year=40.0),
    'half-years': Cadence(share=0.075, half_year_gaps=True), 'in-turn': Cadence(share=0.075, in_turn=True),
    'low-airmass': Cadence(share=0.075, airmass=(1.1, 1.4)),
}


def draw_cadence(spec: YearsSpec, rng: np.random.Generator) -> str:
    """Draw the cadence of a telescope.

    Parameters
    ----------
    spec : YearsSpec
        Which years; names a cadence or draws one.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    str
        Key of CADENCES.

    Raises
    ------
    ValueError
        There is no such cadence, or it is not of one frame per night where that is asked for.
    """
    drawn = str(rng.choice(list(CADENCES), p=[cadence.share for cadence in CADENCES.values()]))
    if spec.cadence not in ('mixed', *CADENCES):
        raise ValueError(f'{spec.cadence}: cadences are mixed, {", ".join(CADENCES)}')
    if spec.one_per_night and spec.cadence not in ('mixed', 'single'):
        raise ValueError(f'{spec.cadence}: one frame per night and filter is the cadence single')
    if spec.one_per_night:
        return 'single'
    return drawn if spec.cadence == 'mixed' else spec.cadence


def draw_observed(cadence: str, spec: YearsSpec, rng: np.random.Generator) -> np.ndarray:
    """Draw the nights with frames.

    Parameters
    ----------
    cadence : str
        Key of CADENCES.
    spec : YearsSpec
        Which years.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    ndarray of bool (n_nights,)
        Single nights are lost, and there are gaps of weeks, whatever the cadence.
    """
    n, chosen = spec.n_nights, CADENCES[cadence]
    observed = rng.random(n) >= _LOST_NIGHTS
    for first in rng.integers(0, n, round(rng.integers(2, 5) * spec.years / 4)):
        observed[first:first + rng.integers(10, 40)] = False
    if chosen.half_year_gaps:
        for middle in np.arange(1, max(spec.years, 2), 2) * 365.25 + rng.uniform(-100, 100):
            half = rng.integers(*_HALF_YEAR_DAYS) // 2
            observed[max(int(middle) - half, 0):int(middle) + half] = False
    return observed & (rng.random(n) < chosen.nights_a_year / 365.25 / (1 - _LOST_NIGHTS))


def draw_filter_nights(cadence: str, spec: YearsSpec, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw the nights in which each filter may be used.

    Parameters
    ----------
    cadence : str
        Key of CADENCES.
    spec : YearsSpec
        Which years.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    dict of ndarray of bool (n_nights,)
        By filter.
    """
    number = rng.integers(0, len(spec.filters), spec.n_nights)
    every = np.full(spec.n_nights, not CADENCES[cadence].one_filter)
    return {name: every | (number == which) for which, name in enumerate(spec.filters)}


def draw_counts(cadence: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw how many frames nights have in a filter.

    Parameters
    ----------
    cadence : str
        Key of CADENCES.
    n : int
        Number of nights.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    ndarray of int (n,)
        1 or more.
    """
    frames = CADENCES[cadence].frames
    several = 2 + rng.poisson(max(frames - 2, 0), n)
    return np.where((rng.random(n) < _SINGLE_NIGHTS) | (frames <= 1), 1, several)


def draw_airmass(cadence: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw airmasses.

    Parameters
    ----------
    cadence : str
        Key of CADENCES.
    n : int
        Number of frames.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    ndarray (n,)
        Airmasses.
    """
    confined = CADENCES[cadence].airmass
    if confined:
        return rng.uniform(*confined, n)
    return np.minimum(1 + rng.exponential(_AIRMASS_MEAN, n), _AIRMASS_MOST)
