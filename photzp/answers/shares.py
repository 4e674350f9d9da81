"""Share of the lost light that an event of each kind restores, as it is to be expected of the next one.

Event i of kind k restored the share y_i of the loss before it, with error s_i (`photzp.answers.gains`).  Where a kind
has few events, their mean alone says little, and its scatter nothing.  So shares have a normal hierarchical model
(Gelman et al. 2013, Bayesian Data Analysis, 3rd ed., sec. 5.4),

    y_i ~ N(theta_k, tau_k^2 + s_i^2),    theta_k ~ N(m_k, p_k^2),

with a prior that is worth about one event: tau_k^2 = [p_k^2 + (n - 1) t_k^2] / n for n events, of which t_k is the
intrinsic scatter of the random-effects model.  A cleaning takes off loose dust, a wash all dirt, a recoating also the
aged metal: theta_cleaning <= theta_wash <= theta_recoating.  The posterior of each is the marginal one of independent
normals phi_k under that order (Gelfand, Smith & Lee 1992, J. Am. Stat. Assoc. 87, 523), for three kinds

    p_1(x) ~ phi_1(x) Int_x^oo phi_2(y) [1 - Phi_3(y)] dy,    p_2(x) ~ Phi_1(x) phi_2(x) [1 - Phi_3(x)],  ...

A kind without an event before which the loss is known is not estimated, and has no part in the order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from photzp.answers.gains import Gain, random_effects, shares_restored

# Mean m_k and standard deviation p_k, by kind in their order.  Chosen because snow of CO2 leaves what sticks, water
# leaves an aged coating, and a new coating leaves the dust of other optics; so wide that they exclude little.
_PRIOR = {'cleaning': (0.25, 0.25), 'wash': (0.5, 0.3), 'recoating': (0.8, 0.25)}
KINDS = tuple(_PRIOR)  # events of a mirror that somebody may decide on
_POINTS = 8001  # of numerical integrals
_REACH = 8.0    # standard deviations that they go beyond the means


@dataclass(frozen=True, kw_only=True)
class RestoredShare:
    """Share of the loss that events of a kind restore, 1 for all of it.

    Attributes
    ----------
    kind : str
        Of the events.
    number : int
        Events that it rests on; of none it is not estimated.
    share, share_error : float
        Mean of events by the module docstring, and its 1-sigma error; NaN where it is not estimated.
    share_scatter : float
        True scatter of events about that mean, NaN where it is not estimated.
    """

    kind: str
    number: int
    share: float = np.nan
    share_error: float = np.nan
    share_scatter: float = np.nan


def restored_shares(events: Iterable[Gain]) -> tuple[RestoredShare, ...]:
    """What events of each kind restore.

    Parameters
    ----------
    events : iterable of Gain
        Per event, over its filters, of the whole fleet.

    Returns
    -------
    tuple of RestoredShare
        Cleaning, wash, recoating.
    """
    events = list(events)
    measured = {kind: shares_restored(event for event in events if event.kind == kind) for kind in KINDS}
    known = [kind for kind in KINDS if len(measured[kind][0])]
    alone = {kind: _posterior(*measured[kind], *_PRIOR[kind]) for kind in known}
    in_order = dict(zip(known, _ordered([alone[kind][:2] for kind in known]), strict=True))
    return tuple(RestoredShare(kind=kind, number=len(measured[kind][0]), share=in_order[kind][0],
                               share_error=in_order[kind][1], share_scatter=alone[kind][2])
                 if kind in in_order else RestoredShare(kind=kind, number=0) for kind in KINDS)


def _posterior(value: np.ndarray, error: np.ndarray, prior: float,
               prior_deviation: float) -> tuple[float, float, float]:
    """theta_k of values (n,) with errors, its error, and tau_k, without the order."""
    n, (_, _, scatter) = len(value), random_effects(value, error)
    tau = np.sqrt((prior_deviation**2 + (n - 1) * scatter**2) / n)
    weight = np.append(1 / (tau**2 + error**2), prior_deviation**-2.0)
    return float(np.average(np.append(value, prior), weights=weight)), float(weight.sum() ** -0.5), float(tau)


def _ordered(normals: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Mean and deviation of each of independent normals, given as (mean, deviation), where each is above the last.

    Sums on a grid, in logarithms, as normals far against the order have hardly any common part.
    """
    if len(normals) < 2:
        return list(normals)
    mean, deviation = np.array(normals).T
    x = np.linspace((mean - _REACH * deviation).min(), (mean + _REACH * deviation).max(), _POINTS)
    density = -0.5 * ((x - mean[:, None]) / deviation[:, None]) ** 2
    below, above = np.zeros((2, *density.shape))
    for k in range(1, len(mean)):
        below[k] = np.logaddexp.accumulate(density[k - 1] + below[k - 1])
    for k in range(len(mean) - 2, -1, -1):
        above[k] = np.logaddexp.accumulate((density[k + 1] + above[k + 1])[::-1])[::-1]
    logs = density + below + above
    mass = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
    centre = mass @ x
    return [(float(c), float(np.sqrt(m @ (x - c) ** 2))) for c, m in zip(centre, mass, strict=True)]
