"""What the telescopes of a site say of its nights to one another.

A telescope is fitted twice: alone, from which its nights come, and then with what the others say of theirs.  The
evidence is rounded before anything uses or compares it, so that noise far below that makes nothing anew, and what a run
keeps of an earlier one is what it would find itself.
"""

from collections.abc import Mapping

import numpy as np

from photzp.report.state import digest
from photzp.throughput.model import SkyEvidence, ThroughputFit

ODDS_DECIMALS = 1  # chosen because half of 0.1 changes a probability by 0.0125 at most
ODDS_MAX = 6.0     # of one telescope (400 to 1): it may be wrong about a night for reasons of its own, such as a dome


def nights_of(fits: Mapping[str, ThroughputFit]) -> SkyEvidence:
    """What a telescope says of its nights.

    Parameters
    ----------
    fits : mapping of str to ThroughputFit
        By filter; each has the same log odds for the same night.

    Returns
    -------
    SkyEvidence
        Nights of any filter; log odds are within ODDS_MAX, to ODDS_DECIMALS.
    """
    ordered = [fit for _, fit in sorted(fits.items())]
    night = np.concatenate([np.empty(0, 'datetime64[D]'), *(fit.night for fit in ordered)])
    log_odds = np.concatenate([np.empty(0), *(fit.night_log_odds for fit in ordered)])
    known = np.isfinite(log_odds)
    night, first = np.unique(night[known], return_index=True)
    return SkyEvidence(night, _rounded(np.clip(log_odds[known][first], -ODDS_MAX, ODDS_MAX)))


def evidence_of_others(telescope: str, nights: Mapping[str, SkyEvidence]) -> SkyEvidence | None:
    """What the other telescopes of a site say of its nights.

    Parameters
    ----------
    telescope : str
        Site-enclosure-telescope; what it says itself does not count.
    nights : mapping of str to SkyEvidence
        By telescope, of one site, as `nights_of` returns them.

    Returns
    -------
    SkyEvidence or None
        The sums of their log odds; None where no other telescope has a night.
    """
    others = [own for name, own in sorted(nights.items()) if name != telescope and len(own.night)]
    if not others:
        return None
    night, place = np.unique(np.concatenate([own.night for own in others]), return_inverse=True)
    total = np.bincount(place, np.concatenate([own.log_odds for own in others]), len(night))
    return SkyEvidence(night, _rounded(total))


def digest_of_evidence(evidence: SkyEvidence | None) -> str:
    """Digest of what others say of the nights.

    Parameters
    ----------
    evidence : SkyEvidence or None

    Returns
    -------
    str
        Hexadecimal.
    """
    return digest(None if evidence is None else digest(evidence.night, evidence.log_odds))


def _rounded(log_odds: np.ndarray) -> np.ndarray:
    """Log odds to ODDS_DECIMALS, without a negative zero."""
    return np.round(log_odds, ODDS_DECIMALS) + 0.0
