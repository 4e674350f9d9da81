"""Light that Kron apertures of faint stars leave out: its possible forms, averaged by how well they fit.

The noisier a star, the smaller the aperture that its moments set, and the more of its light is left out.  So the loss L
depends on S/N, and goes to 0 for bright stars.  Its form is not known beforehand:

    power p  L = B (S/N / 25)^-p     p = 0.5 on two real frames, over a range of 60 in S/N, with B = 0.09 and 0.06
    log S    L = B ln(S / (S/N)) / ln(S / 25) up to S/N = S, 0 above: linear in magnitude, as long as noise is the sky's
    none     L = 0

Each form has a prior weight, and B a Gaussian prior.  The stars of a frame decide which forms hold: for weighted linear
models with Gaussian priors the evidence is known in closed form, so any number of forms can be averaged over (Bayesian
model averaging; Hoeting et al. 1999, Statistical Science 14, 382).  The error holds the differences between the forms.
"""

from dataclasses import dataclass

import numpy as np

KRON_SNR = 25.0               # S/N at which B, the size of the loss, is defined
B_MAG = (0.07, 0.025)         # prior of B, mean and width, from two real frames
_B_WIDE_MAG = (0.07, 0.05)    # the same for forms that no real frame has shown
_MIN_SNR = 3.0                # a fainter star has the loss of this S/N

# Prior weights relative to one another: the power 0.5 is that of the real frames; for the others a frame's own stars
# have to speak.
_POWERS = {0.5: 8.0, 1.0: 1.0, 2.0: 0.5}
_LOG_SNRS = {300.0: 0.05, 1000.0: 0.05, 3000.0: 0.05, 10000.0: 0.05}
_NONE_WEIGHT, _NONE_MAG = 0.2, (0.0, 0.01)
_FAR_WEIGHT, _FAR_MAG = 0.1, (0.1, 0.1)  # the power 0.5 with a larger B than on any real frame


@dataclass(frozen=True)
class LossForm:
    """One form of the loss.

    Attributes
    ----------
    values : ndarray, shape (n,)
        L / B of each star.
    b_mag : tuple of float
        Prior of B, mean and width [mag].
    weight : float
        Prior weight, relative to the other forms.
    """

    values: np.ndarray
    b_mag: tuple[float, float]
    weight: float


def loss_forms(snr: np.ndarray) -> list[LossForm]:
    """The possible forms of the loss.

    Parameters
    ----------
    snr : ndarray, shape (n,)
        S/N of each star.

    Returns
    -------
    list of LossForm
    """
    snr = np.maximum(snr, _MIN_SNR)
    half = (snr / KRON_SNR) ** -0.5
    forms = [LossForm((snr / KRON_SNR) ** -power, B_MAG if power == 0.5 else _B_WIDE_MAG, weight)
             for power, weight in _POWERS.items()]
    forms += [LossForm(np.maximum(np.log(top / snr), 0.0) / np.log(top / KRON_SNR), _B_WIDE_MAG, weight)
              for top, weight in _LOG_SNRS.items()]
    return [*forms, LossForm(half, _NONE_MAG, _NONE_WEIGHT), LossForm(half, _FAR_MAG, _FAR_WEIGHT)]


@dataclass(frozen=True)
class AveragedFit:
    """A linear fit averaged over the forms of the loss.

    Attributes
    ----------
    mean : ndarray, shape (p,)
        Parameters without those of the loss.
    covariance : ndarray, shape (p, p)
    b_mag : ndarray, shape (forms,)
        B of each form times its probability: the loss of a star is their sum, each times the form's value.
    probability : ndarray, shape (forms,)
    """

    mean: np.ndarray
    covariance: np.ndarray
    b_mag: np.ndarray
    probability: np.ndarray


def average_over_forms(design: np.ndarray, data: np.ndarray, weight: np.ndarray, forms: list[LossForm]) -> AveragedFit:
    """Fit data = design @ parameters - L by weighted least squares, averaged over the forms of L.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        Of the parameters without those of the loss, which have flat priors.
    data : ndarray, shape (n,)
        In magnitudes.
    weight : ndarray, shape (n,)
        In 1/mag^2.
    forms : list of LossForm

    Returns
    -------
    AveragedFit

    Notes
    -----
    The log evidence of a form is -(chi^2 + log det) / 2, where chi^2 holds the prior of B and det is that of the
    posterior precision over the prior one of B.
    """
    fits = [_fit_form(design, data, weight, form) for form in forms]
    means, covariances, costs = (np.array(values) for values in zip(*fits, strict=True))
    probability = np.exp(np.min(costs) - costs)
    probability /= probability.sum()
    mean = probability @ means
    deviation = means - mean
    covariance = np.tensordot(probability, covariances, 1) + (deviation * probability[:, None]).T @ deviation
    return AveragedFit(mean[:-1], covariance[:-1, :-1], probability * means[:, -1], probability)


def _fit_form(design: np.ndarray, data: np.ndarray, weight: np.ndarray,
              form: LossForm) -> tuple[np.ndarray, np.ndarray, float]:
    """(mean (p + 1,), covariance, negative log evidence) of the fit with one form, whose B is the last parameter."""
    flat = np.zeros(design.shape[1])
    full = np.column_stack([design, -form.values])
    prior_mean, precision = np.append(flat, form.b_mag[0]), np.append(flat, form.b_mag[1] ** -2)
    normal = (full * weight[:, None]).T @ full + np.diag(precision)
    covariance = np.linalg.inv(normal)
    mean = covariance @ (full.T @ (weight * data) + precision * prior_mean)
    chi2 = weight @ (data - full @ mean) ** 2 + precision @ (mean - prior_mean) ** 2
    cost = chi2 / 2 + np.linalg.slogdet(normal)[1] / 2 - np.log(precision[-1]) / 2 - np.log(form.weight)
    return mean, covariance, cost
