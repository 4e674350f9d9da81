"""Steps in the clear-sky level of a telescope that no event explains, as its fits have them.

The model finds such steps together with the level and the clear nights (`photzp.throughput.model`): all filters of a
telescope have the same ones, each with its own size.  Here the sizes of a step are put side by side: their weighted
mean (`photzp.answers.overfilters`), and by chi-square whether they are equal.  As filters share a part of their errors,
which chi-square takes for independent ones, a step is rather called grey than coloured.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import chdtrc

from photzp.answers.overfilters import weighted_mean
from photzp.throughput.model import ThroughputFit
from photzp.throughput.summary import Step
from photzp.times import days_since

_GREY_P = 0.01  # chi-square probability of equal sizes in all filters, below which a step is coloured
_ONE_FILTER_SIGMA = 5.0  # least size of a step in one filter alone, in units of its error


@dataclass(frozen=True, kw_only=True)
class UnrecordedStep:
    """A change of the clear-sky level that no event explains; gains are positive.

    Attributes
    ----------
    time : numpy.datetime64
        As the fits have it, datetime64[ms].
    early, late : numpy.datetime64
        Central 68.3% interval of the time, datetime64[ms].
    error_days : float
        Half of that interval.
    filters : tuple of str
        All filters of the telescope, f of them.
    size_mag, error_mag : ndarray, shape (f,)
        Size by filter, and its 1-sigma error; NaN where the fit of a filter does not have the step.
    joint_mag, joint_error_mag : float
        Weighted mean of the filters; of that filter, if it is in one only.
    colour : str
        'grey', 'coloured', 'one filter' or 'unknown' (the telescope has only one filter).
    filter : str
        The only filter that changed, '' otherwise.
    chi2 : float
        Of equal sizes in all filters.
    dof : int
        Its degrees of freedom.
    llr : float
        Logarithm of the evidence for the step against none.
    nights : tuple of (float, float)
        Numbers of clear nights before and after that it rests on.
    """

    time: np.datetime64
    early: np.datetime64
    late: np.datetime64
    error_days: float
    filters: tuple[str, ...]
    size_mag: np.ndarray
    error_mag: np.ndarray
    joint_mag: float
    joint_error_mag: float
    colour: str
    filter: str
    chi2: float
    dof: int
    llr: float
    nights: tuple[float, float]


def find_steps(fits: Mapping[str, ThroughputFit]) -> tuple[UnrecordedStep, ...]:
    """Steps of one telescope that nobody recorded.

    Parameters
    ----------
    fits : mapping of str to ThroughputFit
        By filter, of one telescope; those without nights are left out.

    Returns
    -------
    tuple of UnrecordedStep
        In order of time.
    """
    filters = tuple(sorted(name for name, fit in fits.items() if len(fit.night)))
    found: dict[np.datetime64, dict[str, Step]] = defaultdict(dict)
    for name in filters:
        for step in fits[name].steps:
            if step.origin == 'found':
                found[step.time][name] = step
    return tuple(_over_filters(filters, found[time]) for time in sorted(found))


def _over_filters(filters: tuple[str, ...], steps: Mapping[str, Step]) -> UnrecordedStep:
    """One step in all filters of a telescope; steps : by filter, as far as the fits have it."""
    one = next(iter(steps.values()))
    size, error = np.array([(steps[name].size_mag, steps[name].error_mag) if name in steps else (np.nan, np.nan)
                            for name in filters]).T
    return UnrecordedStep(
        time=one.time, early=one.early, late=one.late, error_days=days_since(one.late, one.early) / 2, filters=filters,
        llr=one.log_evidence, nights=one.nights, **_sizes(filters, size, error))


def _sizes(filters: Sequence[str], size: np.ndarray, error: np.ndarray) -> dict[str, Any]:
    """Fields of an UnrecordedStep that follow from its size in each filter (f,)."""
    measured = np.isfinite(size) & np.isfinite(error)
    joint, joint_error, chi2 = weighted_mean(size[measured], error[measured])
    dof = max(int(np.count_nonzero(measured)) - 1, 0)
    colour, only = _colour(size[measured], error[measured], chi2, dof)
    name = ''
    if only is not None:
        index = int(np.flatnonzero(measured)[only])
        joint, joint_error, name = float(size[index]), float(error[index]), filters[index]
    return {'size_mag': np.where(measured, size, np.nan), 'error_mag': np.where(measured, error, np.nan),
            'joint_mag': joint, 'joint_error_mag': joint_error, 'colour': colour, 'filter': name, 'chi2': chi2,
            'dof': dof}


def _colour(size: np.ndarray, error: np.ndarray, chi2: float, dof: int) -> tuple[str, int | None]:
    """The field `colour` for sizes (f,) with errors, and the index of the only filter that changed, else None."""
    if dof < 1:
        return 'unknown', None
    if chdtrc(dof, chi2) > _GREY_P:
        return 'grey', None
    pull = size / error
    top = int(np.argmax(np.abs(pull)))
    others = np.delete(pull, top)
    quiet = chdtrc(dof, others @ others) > _GREY_P
    return ('one filter', top) if quiet and abs(pull[top]) >= _ONE_FILTER_SIGMA else ('coloured', None)
