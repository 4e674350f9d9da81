"""What Kron fluxes of faint stars have lost: the forms that are thought possible, and how much of each.

The noisier a star, the smaller the aperture that its moments set, and the more of its light is left out.  So the loss L
goes with S/N, and to 0 for bright stars.  Its form is not known beforehand:

    power p  L = B (S/N / 25)^-p     p = 0.5 on two real frames, over a range of 60 in S/N, with B = 0.09 and 0.06
    log S    L = B ln(S / (S/N)) / ln(S / 25) up to S/N = S, 0 above: linear in magnitude, as long as noise is the sky's
    none     L = 0

Each form has a prior weight, and B a Gaussian prior.  Which holds in a frame is judged by its own stars: for weighted
linear models with Gaussian priors the evidence is known in closed form, so any number of forms can be averaged over
(Bayesian model averaging; Hoeting et al. 1999, Statistical Science 14, 382).  What they disagree on is in the error.
"""

from dataclasses import dataclass

import numpy as np

KRON_SNR = 25.0               # S/N at which B, the size of the loss, is defined
B_MAG = (0.07, 0.025)         # mean and spread of B on two real frames
B_WIDE_MAG = (0.07, 0.05)     # of forms that were seen on none
MIN_SNR = 3.0                 # forms are not followed any deeper

# Prior weights, to one another: the power 0.5 is what was seen, and others have to be told by the frame itself.
POWERS = {0.5: 8.0, 1.0: 1.0, 2.0: 0.5}
LOG_SNRS = {300.0: 0.05, 1000.0: 0.05, 3000.0: 0.05, 10000.0: 0.05}
NONE_PRIOR, NONE_MAG = 0.2, (0.0, 0.01)
FAR_PRIOR, FAR_MAG = 0.1, (0.1, 0.1)  # the usual form, but of another size than any that was seen


@dataclass(frozen=True)
class LossForm:
    """One form: values (n,) of L / B for the stars of a frame, prior of B (mean, width) [mag], prior weight."""

    values: np.ndarray
    b_mag: tuple[float, float]
    prior: float


def loss_forms(snr: np.ndarray) -> list[LossForm]:
    """The forms, for stars of a S/N (n,)."""
    snr = np.maximum(snr, MIN_SNR)
    half = (snr / KRON_SNR) ** -0.5
    forms = [LossForm((snr / KRON_SNR) ** -power, B_MAG if power == 0.5 else B_WIDE_MAG, prior)
             for power, prior in POWERS.items()]
    forms += [LossForm(np.maximum(np.log(top / snr), 0.0) / np.log(top / KRON_SNR), B_WIDE_MAG, prior)
              for top, prior in LOG_SNRS.items()]
    return [*forms, LossForm(half, NONE_MAG, NONE_PRIOR), LossForm(half, FAR_MAG, FAR_PRIOR)]


@dataclass(frozen=True)
class Averaged:
    """Average over the forms: mean (p,) and covariance (p, p) of the parameters before the loss; amounts (forms,)
    [mag], each form's B times its share; shares (forms,), how probable each is."""

    mean: np.ndarray
    covariance: np.ndarray
    amounts: np.ndarray
    shares: np.ndarray


def average_over_forms(design: np.ndarray, data: np.ndarray, weight: np.ndarray, forms: list[LossForm]) -> Averaged:
    """Fit data = design @ parameters - L by weighted least squares, averaged over the forms of L.

    design (n, p), data (n,) [mag], weight (n,) [1/mag^2].  The parameters have flat priors.
    The log evidence of a form is -(chi^2 + log det) / 2, where chi^2 holds the prior of B and det is that of the
    posterior precision over the prior one of B.
    """
    flat = np.zeros(design.shape[1])
    means, covariances, costs = [], [], []
    for form in forms:
        full = np.column_stack([design, -form.values])
        at, precision = np.append(flat, form.b_mag[0]), np.append(flat, form.b_mag[1] ** -2)
        normal = (full * weight[:, None]).T @ full + np.diag(precision)
        covariance = np.linalg.inv(normal)
        mean = covariance @ (full.T @ (weight * data) + precision * at)
        chi2 = weight @ (data - full @ mean) ** 2 + precision @ (mean - at) ** 2
        costs.append(chi2 / 2 + np.linalg.slogdet(normal)[1] / 2 - np.log(precision[-1]) / 2 - np.log(form.prior))
        means.append(mean)
        covariances.append(covariance)
    share = np.exp(np.min(costs) - np.array(costs))
    share /= share.sum()
    all_means = np.array(means)
    mean = share @ all_means
    apart = all_means - mean
    covariance = np.tensordot(share, np.array(covariances), 1) + (apart * share[:, None]).T @ apart
    return Averaged(mean[:-1], covariance[:-1, :-1], share * all_means[:, -1], share)
