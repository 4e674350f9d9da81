"""What the telescopes of a site say of its air to one another.

A telescope is fitted twice: alone and roughly, which gives what it says, and then with what the others say.  The
evidence is rounded before anything uses or compares it, so that noise far below that makes nothing anew, and what a run
keeps of an earlier one is what it would find itself.
"""

from collections.abc import Mapping

import numpy as np

from photzp.report.state import digest
from photzp.throughput.model import SkyEvidence

CLOUDS_DECIMALS = 1  # chosen because half of 0.1 changes a probability by 0.0125 at most
CLOUDS_MAX = 6.0     # of one telescope (400 to 1): it may be wrong about a night for reasons of its own, such as a dome
_HAZE_DECIMALS = 0, 2  # of weight and value, which are about 10^4 and 10^2 in a clear night
_COEFFICIENT_DECIMALS, _LEAST = 5, 1e-5  # mag/airmass; no error is smaller


def rounded(said: SkyEvidence) -> SkyEvidence:
    """Limit and round what a telescope says.

    Parameters
    ----------
    said : SkyEvidence

    Returns
    -------
    SkyEvidence
        Without nights and coefficients of which it knows nothing.
    """
    known = np.isfinite(said.clouds).all(axis=1) & np.isfinite(said.haze_weight) & np.isfinite(said.haze_value)
    weight, value = _HAZE_DECIMALS
    return SkyEvidence(
        night=said.night[known], clouds=_round(np.clip(said.clouds[known], -CLOUDS_MAX, CLOUDS_MAX), CLOUDS_DECIMALS),
        haze_weight=_round(said.haze_weight[known], weight), haze_value=_round(said.haze_value[known], value),
        coefficients={name: _rounded_coefficient(*values) for name, values in said.coefficients.items()
                      if np.isfinite(values).all()})


def _rounded_coefficient(mean: float, error: float) -> tuple[float, float]:
    """Value and error of a coefficient to some decimals, as plain numbers: digests are of their repr."""
    mean, error = (round(float(value), _COEFFICIENT_DECIMALS) for value in (mean, error))
    return mean + 0.0, max(error, _LEAST)


def evidence_of_others(telescope: str, said: Mapping[str, SkyEvidence]) -> SkyEvidence | None:
    """What the other telescopes of a site say of its air.

    Parameters
    ----------
    telescope : str
        Site-enclosure-telescope; what it says itself does not count.
    said : mapping of str to SkyEvidence
        By telescope, of one site, as `rounded` returns them.

    Returns
    -------
    SkyEvidence or None
        Sums over them, and weighted means of coefficients; None where no other telescope has a night.
    """
    others = [own for name, own in sorted(said.items()) if name != telescope and len(own.night)]
    if not others:
        return None
    night, place = np.unique(np.concatenate([own.night for own in others]), return_inverse=True)
    clouds, weight, value = (_sums(place, [getattr(own, name) for own in others], len(night))
                             for name in ('clouds', 'haze_weight', 'haze_value'))
    names = sorted({name for own in others for name in own.coefficients})
    means = {name: _mean([own.coefficients[name] for own in others if name in own.coefficients]) for name in names}
    return SkyEvidence(night=night, clouds=_round(clouds, CLOUDS_DECIMALS), haze_weight=weight, haze_value=value,
                       coefficients=means)


def _sums(place: np.ndarray, values: list[np.ndarray], n: int) -> np.ndarray:
    """Sums of values of several telescopes by their places (n, ...)."""
    total = np.zeros((n, *values[0].shape[1:]))
    np.add.at(total, place, np.concatenate(values))
    return total


def _mean(values: list[tuple[float, float]]) -> tuple[float, float]:
    """Weighted mean of values with errors, and its error."""
    value, error = np.array(values).T
    weight = 1 / error**2
    return float(np.sum(weight * value) / weight.sum()), float(weight.sum() ** -0.5)


def digest_of_evidence(evidence: SkyEvidence | None) -> str:
    """Digest of what others say.

    Parameters
    ----------
    evidence : SkyEvidence or None

    Returns
    -------
    str
        Hexadecimal.
    """
    if evidence is None:
        return digest(None)
    return digest(digest(evidence.night, evidence.clouds, evidence.haze_weight, evidence.haze_value),
                  sorted(evidence.coefficients.items()))


def _round(values: np.ndarray, decimals: int) -> np.ndarray:
    """Values to some decimals, without a negative zero."""
    return np.round(values, decimals) + 0.0
