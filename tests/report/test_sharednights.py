"""What the telescopes of a site say of its nights to one another."""

from dataclasses import replace

import numpy as np
import pytest

from photzp.report.sharednights import digest_of_evidence, evidence_of_others, nights_of
from photzp.throughput.model import SkyEvidence
from tests.support.madefits import made_fit


def said(nights, log_odds):
    """What a telescope says of nights by their day of January."""
    return SkyEvidence(np.datetime64('2019-12-31') + np.array(nights, int), np.array(log_odds, float))


def days(evidence):
    """{day of the month: log odds}."""
    return dict(zip((evidence.night - np.datetime64('2019-12-31')).astype(int).tolist(), evidence.log_odds.tolist(),
                    strict=True))


SITE = {'lsc-doma-1m0a': said([1, 2], [5.0, -6.0]), 'lsc-domb-1m0a': said([2, 4], [1.5, 0.25]),
        'lsc-domc-1m0a': said([], [])}


def fit(nights, log_odds):
    """The fit of a filter whose nights are of these days of January."""
    return replace(made_fit(np.array(nights) - 1, np.full(len(nights), 23.5)), night_log_odds=np.array(log_odds, float))


def test_a_night_counts_once_whatever_the_number_of_filters():
    fits = {'rp': fit([1, 3], [2.04, -0.04]), 'gp': fit([1, 2], [2.04, -30.0]), 'ip': fit([], [])}
    assert days(nights_of(fits)) == {1: 2.0, 2: -6.0, 3: 0.0}
    assert not np.signbit(nights_of(fits).log_odds[2])  # one zero, as digests tell two
    assert days(nights_of({})) == {}


def test_a_night_of_which_nothing_is_known_says_nothing():
    assert days(nights_of({'rp': fit([1, 2, 3], [np.nan, np.inf, 1.0])})) == {3: 1.0}


@pytest.mark.parametrize(('telescope', 'expected'), [
    ('lsc-doma-1m0a', {2: 1.5, 4: 0.2}), ('lsc-domb-1m0a', {1: 5.0, 2: -6.0}),
    ('lsc-domc-1m0a', {1: 5.0, 2: -4.5, 4: 0.2})])
def test_others_are_all_but_the_telescope_itself(telescope, expected):
    assert days(evidence_of_others(telescope, SITE)) == expected
    assert days(evidence_of_others(telescope, dict(reversed(SITE.items())))) == expected


def test_without_nights_of_others_there_is_no_evidence():
    one, _, empty = SITE
    assert evidence_of_others(one, {one: SITE[one], empty: SITE[empty]}) is None


def test_the_digest_tells_evidence_apart():
    different = [None, said([], []), said([1], [1.0]), said([2], [1.0]), said([1], [1.1]), said([1, 2], [1.0, 1.0])]
    assert len({digest_of_evidence(evidence) for evidence in different}) == len(different)
    assert digest_of_evidence(said([1], [1.0])) == digest_of_evidence(said([1], [1.0]))
