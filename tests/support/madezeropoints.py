"""Zeropoint fits made by hand, for tests of what is concluded from them."""

import numpy as np

from photzp.calibration.zeropoint import StarSample, ZeropointFit


def fitted(n=400, *, seed=1, slope=0.0, excess=1.0, scatter=0.0, held=False, unused=0):
    """(sample, fit) whose residuals are noise of `excess` times the errors and a slope with magnitude."""
    rng = np.random.default_rng(seed)
    mag = rng.uniform(14, 18, n)
    flux = 10 ** (-0.4 * (mag - 25))
    sample = StarSample(flux, 0.01 * flux, mag, np.full(n, 0.006), rng.uniform(0.5, 2.0, n), 60.0)
    error = np.hypot(0.0108574, 0.006)
    residual = slope * (mag - 16) + excess * error * rng.normal(size=n)
    used = np.arange(n) >= unused
    residual[~used] = 5.0
    fit = ZeropointFit(24.0, 0.002, 0.02, 0.003, 0.0, 0.01, scatter, n - unused, held, 0.0, 15.0,
                       np.ones(n, bool), used, residual, np.zeros(n))
    return sample, fit
