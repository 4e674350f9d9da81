"""Zeropoint fits made by hand, for tests of what is concluded from them."""

import numpy as np

from photzp.calibration.zeropoint import StarSample, ZeropointFit


def fitted(n=400, *, seed=1, slope=0.0, excess=1.0, scatter=0.0, held=False, unused=0):
    """(sample, fit) whose residuals are noise of `excess` times the errors and a slope with magnitude."""
    rng = np.random.default_rng(seed)
    mag = rng.uniform(14, 18, n)
    flux = 10 ** (-0.4 * (mag - 25))
    sample = StarSample(flux=flux, fluxerr=0.01 * flux, ref_mag=mag, ref_error=np.full(n, 0.006),
                        colour=rng.uniform(0.5, 2.0, n), exptime_s=60.0)
    error = np.hypot(0.0108574, 0.006)
    residual = slope * (mag - 16) + excess * error * rng.normal(size=n)
    used = np.arange(n) >= unused
    residual[~used] = 5.0
    fit = ZeropointFit(
        zp_mag=24.0, zperr_mag=0.002, colorterm=0.02, colortermerr=0.003, covariance_mag2=0.0, zpsig_mag=0.01,
        scatter_mag=scatter, nstars=n - unused, colorterm_held=held, kron_loss_mag=0.0, snr_floor=15.0,
        considered=np.ones(n, bool), used=used, residual_mag=residual, kron_mag=np.zeros(n))
    return sample, fit
