"""Steps of a telescope, and the priors of their sizes by kind."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from photzp.throughput.levelprior import Jump

# Change of slope [mag/month], mean and width: clean mirrors get dirty fast at first; others go on as before.
_CLEANED_SLOPE, _OTHER_SLOPE = (-0.020, 0.025), (0.0, 0.005)
_CAMERA_MAG = 0.3  # between two cameras


@dataclass(frozen=True, kw_only=True)
class StepAt:
    """A step of the model.

    Attributes
    ----------
    day : float
        When; no row is at that time.
    kind : str
        Of its event; 'instrument' for a change of cameras, 'break' for a found jump.
    origin : str
        As of `fitvalues.Step`.
    changed : frozenset of str
        Filters whose camera may have changed.
    written : float
        Day of the event; NaN without one.
    early, late : float
        68.3% interval of the day; NaN where that is known.
    log_evidence : float
        For the step against none; NaN where it was not asked for.
    """

    day: float
    kind: str
    origin: str = 'recorded'
    changed: frozenset[str] = frozenset()
    written: float = np.nan
    early: float = np.nan
    late: float = np.nan
    log_evidence: float = np.nan


def jump_of(step: StepAt, filters: Sequence[str]) -> Jump:
    """Prior of a step.

    Parameters
    ----------
    step : StepAt
    filters : sequence of str
        Names of the filters of the telescope.

    Returns
    -------
    Jump
        By its kind, its origin and the cameras that changed.
    """
    one, eye = np.ones((len(filters), len(filters))), np.eye(len(filters))
    camera = _CAMERA_MAG**2 * np.diag([float(name in step.changed) for name in filters])
    if step.kind == 'cleaning':
        return Jump(np.full(len(filters), 0.03), 0.03**2 * one + 0.01**2 * eye + camera,
                    0.004**2 * one + 0.001**2 * eye)
    grey, own = (0.2, 0.04) if step.origin != 'found' else (0.10, 0.02)
    if step.kind == 'instrument' and len(step.changed) < len(filters):
        grey, own = 0.0, 0.001  # only some filters have another camera
    cleaned = step.origin != 'found' and step.kind != 'instrument'
    slope_mean, slope = _CLEANED_SLOPE if cleaned else _OTHER_SLOPE
    return Jump(np.zeros(len(filters)), grey**2 * one + own**2 * eye + camera, slope**2 * one + 0.003**2 * eye,
                cleaned, slope_mean)
