"""Nights of a planted sky, and the fit of their level."""

import numpy as np

from photzp.throughput.clearsky import fit_clear_sky
from photzp.throughput.cloudmixture import make_data

FREE = np.array([[0.0, np.inf]])  # one parameter without a prior


def planted(seed, nights=200, clear=0.6, level=23.5):
    """(y, error, night, clear) of four rows a night; nights that are not clear are dimmed by 0.3 mag on average."""
    rng = np.random.default_rng(seed)
    night = np.repeat(np.arange(nights), 4)
    cloud = np.where(rng.random(nights) < clear, 0.0, rng.exponential(0.3, nights))
    return level - cloud[night] + rng.normal(0, 0.01, len(night)), np.full(len(night), 0.004), night, cloud == 0


def level_of(y, error, night):
    """Fit one level."""
    return fit_clear_sky(make_data(y, error, np.ones((len(y), 1)), night, FREE))
