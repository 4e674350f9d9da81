"""TODO photzp.magnitudes"""

from typing import TypeVar

import numpy as np

Magnitudes = TypeVar('Magnitudes', float, np.ndarray)


def percent_of_reference(model_mag: Magnitudes, reference_mag: float) -> Magnitudes:
    """Throughput in percent of the reference."""
    return 100 * 10 ** (0.4 * (model_mag - reference_mag))
