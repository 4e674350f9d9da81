"""What the telescopes of a site say of its air to one another."""

from dataclasses import replace

import numpy as np
import pytest

from photzp.report.sharednights import digest_of_evidence, evidence_of_others, rounded
from tests.support.madefits import made_evidence

EVE = np.datetime64('2019-12-31')


def said(nights, clouds=0.0, **changes):
    """What a telescope says of nights by their day of January."""
    return made_evidence(EVE + np.array(nights, int), clouds, **changes)


def days(evidence, name='clouds'):
    """{day of the month: what is said of it}; clouds are the same at all depths here."""
    values = getattr(evidence, name)
    if name == 'clouds':
        assert (values == values[:, :1]).all()
        values = values[:, 0]
    return dict(zip((evidence.night - EVE).astype(int).tolist(), values.tolist(), strict=True))


SITE = {'lsc-doma-1m0a': said([1, 2], [5.0, -6.0], weight=[900, 400], value=[9, -8],
                              coefficients={'extinction gp': (0.010, 0.001), 'cos': (0.02, 0.004)}),
        'lsc-domb-1m0a': said([2, 4], [1.5, 0.25], weight=[100, 50], value=[0.5, 0.25],
                              coefficients={'extinction gp': (0.020, 0.002), 'extinction rp': (-0.01, 0.003)}),
        'lsc-domc-1m0a': said([])}


def test_clouds_of_one_telescope_are_limited_and_rounded():
    got = rounded(said([1, 2, 3, 4], [2.04, -30.0, 7.0, -0.04]))
    assert days(got) == {1: 2.0, 2: -6.0, 3: 6.0, 4: 0.0}
    assert not np.signbit(got.clouds[3]).any()  # one zero, as digests tell two


def test_clouds_of_each_depth_are_limited_by_themselves():
    clouds = np.arange(-4.0, 4.0)[None] * 2.51
    assert rounded(said([1], clouds)).clouds.tolist() == [[-6.0, -6.0, -5.0, -2.5, 0.0, 2.5, 5.0, 6.0]]


def test_haze_and_coefficients_are_rounded():
    got = rounded(said([1, 2], weight=[1234.5678, 0.4], value=[-12.3456, -0.001], coefficients={
        'extinction gp': (0.0123456, 0.0012345), 'cos': (-1e-7, 1e-9)}))
    assert days(got, 'haze_weight') == {1: 1235.0, 2: 0.0}
    assert days(got, 'haze_value') == {1: -12.35, 2: 0.0}
    assert not np.signbit(got.haze_value[1])
    assert got.coefficients == {'extinction gp': (0.01235, 0.00123), 'cos': (0.0, 1e-5)}  # no error is 0
    assert not np.signbit(got.coefficients['cos'][0])


def test_to_round_twice_changes_nothing():
    once = rounded(said([1], [2.04], weight=77.7, value=0.126, coefficients={'cos': (0.0123456, 1e-7)}))
    assert digest_of_evidence(rounded(once)) == digest_of_evidence(once)


@pytest.mark.parametrize('unknown', [
    {'clouds': [np.nan, 1.0]}, {'clouds': [np.inf, 1.0]}, {'clouds': np.array([[1.0] * 7 + [np.nan], [1.0] * 8])},
    {'clouds': 1.0, 'weight': [np.nan, 0]}, {'clouds': 1.0, 'value': [np.inf, 0]}])
def test_a_night_of_which_nothing_is_known_says_nothing(unknown):
    assert days(rounded(said([1, 3], **unknown))) == {3: 1.0}


@pytest.mark.parametrize('unknown', [(np.nan, 0.01), (0.01, np.nan), (0.01, np.inf)])
def test_a_coefficient_of_which_nothing_is_known_is_not_told(unknown):
    got = rounded(said([1], coefficients={'cos': unknown, 'sin': (0.01, 0.02)}))
    assert got.coefficients == {'sin': (0.01, 0.02)}


@pytest.mark.parametrize(('telescope', 'expected'), [
    ('lsc-doma-1m0a', {2: 1.5, 4: 0.2}), ('lsc-domb-1m0a', {1: 5.0, 2: -6.0}),
    ('lsc-domc-1m0a', {1: 5.0, 2: -4.5, 4: 0.2})])
def test_others_are_all_but_the_telescope_itself(telescope, expected):
    assert days(evidence_of_others(telescope, SITE)) == expected
    turned = evidence_of_others(telescope, dict(reversed(SITE.items())))
    assert digest_of_evidence(turned) == digest_of_evidence(evidence_of_others(telescope, SITE))


def test_what_others_say_of_haze_adds_up():
    others = evidence_of_others('lsc-domc-1m0a', SITE)
    assert days(others, 'haze_weight') == {1: 900.0, 2: 500.0, 4: 50.0}
    assert days(others, 'haze_value') == {1: 9.0, 2: -7.5, 4: 0.25}


def test_coefficients_of_others_are_weighted_means():
    """10 +- 1 and 20 +- 2 mmag/airmass: weights of 4 to 1, so 12 +- 1/sqrt(1.25)."""
    got = evidence_of_others('lsc-domc-1m0a', SITE).coefficients
    assert got.keys() == {'extinction gp', 'extinction rp', 'cos'}
    assert got['extinction gp'] == pytest.approx((0.012, 0.001 / 1.25**0.5))
    assert got['extinction rp'] == pytest.approx((-0.01, 0.003))
    assert got['cos'] == pytest.approx((0.02, 0.004))
    assert evidence_of_others('lsc-domb-1m0a', SITE).coefficients.keys() == {'extinction gp', 'cos'}


def test_without_nights_of_others_there_is_no_evidence():
    one, _, empty = SITE
    assert evidence_of_others(one, {one: SITE[one], empty: SITE[empty]}) is None


def test_the_digest_tells_evidence_apart():
    one = said([1], [1.0])
    different = [None, said([]), one, said([2], [1.0]), said([1], [1.1]), said([1, 2], 1.0),
                 said([1], [1.0], weight=1), said([1], [1.0], value=1), said([1], [1.0], weight=1, value=1),
                 *(replace(one, coefficients=values) for values in (
                     {'cos': (0.01, 0.002)}, {'sin': (0.01, 0.002)}, {'cos': (0.011, 0.002)}, {'cos': (0.01, 0.003)},
                     {'cos': (0.01, 0.002), 'sin': (0.01, 0.002)}))]
    assert len({digest_of_evidence(evidence) for evidence in different}) == len(different)
    assert digest_of_evidence(said([1], [1.0])) == digest_of_evidence(one)


def test_the_digest_does_not_depend_on_the_order_of_coefficients():
    values = {'cos': (0.01, 0.002), 'sin': (0.02, 0.002)}
    assert digest_of_evidence(said([1], coefficients=values)) == digest_of_evidence(
        said([1], coefficients=dict(reversed(values.items()))))
