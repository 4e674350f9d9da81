"""The likelihood of nights against numerical integrals, and what it must say of plain nights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from photzp.throughput import nightsky
from photzp.throughput.nightsky import (
    MISSING,
    SkyState,
    as_clear,
    density_elements,
    expected_loglike,
    inverse_covariances,
    judge,
    mean_depth,
    new_state,
    photometric,
    start_state,
    tail_weight,
    value_loglike,
)

NODES = nightsky._NODES_MAG
NOISE = 0.008**2 + np.diag([0.006, 0.006, 0.015])**2  # gp, rp, zp
ERROR = 0.004  # of the mean of a night [mag]


def judged(residual, noise=NOISE, variance=None, clear=0.5):
    residual = np.atleast_2d(residual).astype(float)
    variance = np.full(residual.shape, ERROR**2) if variance is None else variance
    state = SkyState(clear=np.full(len(residual), clear), depths=start_state(1).depths)
    return judge(residual, variance, noise, state)


def hat(depth, number):
    """Element of f: 1 at its node and 0 at its neighbours; nothing below 0."""
    return np.interp(depth, NODES, np.eye(len(NODES))[number], left=0.0)


def density_of_depth(depth, shares):
    """f(D): the elements by their shares, each of them normalised by its area."""
    area = [integrate.trapezoid(np.eye(len(NODES))[number], NODES) for number in range(len(shares))]
    return sum(share * hat(depth, number) / area[number] for number, share in enumerate(shares))


def smeared(density, value, sigma):
    """Integral of a density of depths with Gaussian noise about the value."""
    low, high = max(value - 9 * sigma, 0), value + 9 * sigma
    if high <= 0:
        return 0.0
    inside = [node for node in NODES if low < node < high]
    return integrate.quad(lambda depth: density(depth) * stats.norm.pdf(value, depth, sigma), low, high,
                          points=[*inside, np.clip(value, low, high)], epsabs=1e-12, limit=200)[0]


@pytest.mark.parametrize('sigma', [0.003, 0.02, 0.3])
@pytest.mark.parametrize('depth', [-0.05, 0.0, 0.01, 0.05, 0.4, 4.5])
def test_elements_of_the_density_of_depths_are_convolutions(depth, sigma):
    got = density_elements(np.array([depth]), np.array([sigma]))[:, 0]
    expected = [smeared(lambda at, number=number: hat(at, number), depth, sigma) for number in range(len(NODES) - 1)]
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize('prior', [0.05, 0.5, 0.9])
@pytest.mark.parametrize('residual', [-0.6, -0.06, -0.02, 0.0, 0.03, 0.2])
def test_a_night_of_one_filter_is_judged_by_the_rule_of_bayes(residual, prior):
    noise, shares = np.array([[1e-4]]), start_state(1).depths
    sigma = np.hypot(0.01, ERROR)
    clear = prior * stats.t.pdf(residual / sigma, nightsky._FREEDOM) / sigma
    cloudy = (1 - prior) * (smeared(lambda depth: density_of_depth(depth, shares), -residual, sigma) + nightsky._WILD)
    got = judged(residual, noise, clear=prior)
    assert got.clear[0] == pytest.approx(clear / (clear + cloudy), rel=1e-6)
    assert got.loglike[0] == pytest.approx(np.log(clear + cloudy), abs=1e-6)
    assert (got.log_clear[0], got.log_cloudy[0]) == pytest.approx(
        (np.log(clear / prior), np.log(cloudy / (1 - prior))), abs=1e-6)
    at = value_loglike(np.array([[residual]]), np.array([[sigma]]), shares)[0, 0]
    assert at == pytest.approx(np.log(0.5 * clear / prior + 0.5 * cloudy / (1 - prior)), abs=1e-6)


def likelihoods_of_depths(residual, sigma):
    """Of a night with clouds of each element of f (k,), by numerical integration."""
    return np.array([smeared(lambda depth, shares=shares: density_of_depth(depth, shares), -residual, sigma)
                     for shares in np.eye(len(NODES) - 1)])


@pytest.mark.parametrize('residual', [-0.3, -0.06, 0.0])
def test_what_else_is_known_of_clouds_multiplies_the_likelihood_of_each_depth(residual):
    prior, sigma, state = 0.3, np.hypot(0.01, ERROR), SkyState(clear=np.array([0.3]), depths=start_state(1).depths)
    told = np.array([2.0, 1.0, -1.0, 0.0, 3.0, -2.0, 0.5, 0.0])
    clear = stats.t.pdf(residual / sigma, nightsky._FREEDOM) / sigma
    by_depth = likelihoods_of_depths(residual, sigma)
    cloudy = np.exp(told) @ (by_depth * state.depths) + nightsky._WILD
    got = judge(np.array([[residual]]), np.full((1, 1), ERROR**2), np.array([[1e-4]]), state, told[None])
    assert got.clear[0] == pytest.approx(prior * clear / (prior * clear + (1 - prior) * cloudy), rel=1e-6)
    seen = by_depth > 1e-9
    np.testing.assert_allclose(got.by_depth[seen, 0], np.log(by_depth[seen] / clear), atol=1e-5)  # by the values alone


def test_the_likelihood_of_all_filters_is_that_of_their_mean_and_of_their_differences():
    # Differences are Gaussian: the ratio of the densities of all filters and of the mean alone.
    residual = np.array([0.010, -0.004, 0.012])
    covariance = NOISE + ERROR**2 * np.eye(3)
    weight = np.linalg.inv(covariance)
    mean, sigma = weight.sum(axis=0) @ residual / weight.sum(), weight.sum()**-0.5
    together = stats.multivariate_normal(np.zeros(3), covariance).logpdf(residual)
    differences = together - stats.norm.logpdf(mean, 0, sigma)
    got = judged(residual)
    assert (got.mean[0], got.variance[0]) == pytest.approx((mean, sigma**2))
    assert got.log_clear[0] == pytest.approx(
        stats.t.logpdf(mean / sigma, nightsky._FREEDOM) - np.log(sigma) + differences, abs=1e-9)
    tails = (nightsky._FREEDOM + 1) / (nightsky._FREEDOM + (mean / sigma)**2)
    np.testing.assert_allclose(got.weight[0], tails * weight, rtol=1e-9)


def test_the_tails_of_clear_nights_weigh_as_the_slope_of_the_logarithm_of_student():
    pull = np.array([0.0, 0.5, 1.0, 3.0, 10.0])
    slope = (stats.t.logpdf(pull + 1e-4, nightsky._FREEDOM) - stats.t.logpdf(pull - 1e-4, nightsky._FREEDOM)) / 2e-4
    np.testing.assert_allclose(-tail_weight(pull**2) * pull, slope, atol=1e-6)


# --- plain nights

@pytest.mark.parametrize(('mag', 'least', 'most'), [
    (1.0, 0.0, 1e-3),  # far above: all its rows are wild, and it is not photometric
    (0.03, 0.98, 1.0), (0.01, 0.95, 1.0), (0.0, 0.85, 1.0), (-0.005, 0.8, 1.0),  # bright, or within the noise
    (-0.05, 0.0, 0.05), (-0.3, 0.0, 1e-3), (-3.0, 0.0, 1e-3)])  # cloudy
def test_plain_nights(mag, least, most):
    assert least <= judged([mag, mag, mag]).clear[0] <= most


def test_a_night_far_above_the_level_is_not_cloudy_either():
    # Both classes are far less likely than a cloud of 0.3 mag is: clouds brighten nothing.
    above, below = judged([[1.0, 1.0, 1.0], [-0.3, -0.3, -0.3]]).log_cloudy
    assert above < below - 5


@pytest.mark.parametrize('error', [0.001, 0.004])  # of 20 rows, and of one or two
@pytest.mark.parametrize('wild_mag', [-0.4, -0.15, 0.4])
def test_a_filter_that_disagrees_does_not_make_a_night_cloudy_and_counts_less(wild_mag, error):
    variance = np.full((1, 3), error**2)
    plain, wild = (judged([0.002, rp, 0.001], variance=variance) for rp in (-0.001, wild_mag))
    assert wild.clear[0] > 0.8
    assert abs(wild.mean[0]) < 0.01
    assert wild.weight[0, 1, 1] < 0.1 * plain.weight[0, 1, 1]


def test_clouds_that_dim_all_filters_alike_are_seen_before_they_show_in_one():
    alone = judged(-0.02, np.array([[0.010**2 + 0.006**2]])).clear[0]
    together = judged(np.full((1, 3), -0.02), 0.006**2 * np.eye(3) + 0.001**2).clear[0]
    assert together < 0.5 < alone


# --- what must hold for any night

NIGHT = st.lists(st.floats(-3, 3), min_size=3, max_size=3)
THERE = st.lists(st.booleans(), min_size=3, max_size=3).filter(any)


@given(NIGHT, st.floats(0.02, 0.98), THERE)
def test_probabilities_are_probabilities(residual, prior, there):
    variance = np.where([there], ERROR**2, MISSING)
    got = judged(np.where(there, residual, 0.0), variance=variance, clear=prior)
    assert 0 <= got.clear[0] <= 1
    assert np.isfinite([got.loglike[0], *got.by_depth[:, 0], *got.depths]).all()
    assert got.depths.sum() == pytest.approx(1 - got.clear[0], abs=1e-9)
    assert np.linalg.eigvalsh(got.weight[0]).min() > 0


@given(NIGHT, st.permutations(range(3)))
def test_the_order_of_filters_does_not_matter(residual, order):
    order = np.array(order)
    straight, mixed = judged(residual), judged(np.array(residual)[order], NOISE[np.ix_(order, order)])
    assert mixed.clear[0] == pytest.approx(straight.clear[0], abs=1e-9)
    assert mixed.loglike[0] == pytest.approx(straight.loglike[0], abs=1e-6)
    np.testing.assert_allclose(mixed.weight[0], straight.weight[0][np.ix_(order, order)], rtol=1e-6)


@given(NIGHT, THERE)
def test_filters_that_are_missing_do_not_matter(residual, there):
    inside = np.flatnonzero(there)
    with_all = judged(np.where(there, residual, 0.0), variance=np.where([there], ERROR**2, MISSING))
    alone = judged(np.array(residual)[inside], NOISE[np.ix_(inside, inside)])
    assert with_all.clear[0] == pytest.approx(alone.clear[0], abs=1e-5)
    assert with_all.loglike[0] == pytest.approx(alone.loglike[0], abs=1e-4)
    np.testing.assert_allclose(with_all.weight[0][np.ix_(inside, inside)], alone.weight[0], rtol=1e-4)


@given(st.floats(-3, 0), st.floats(0, 1))
def test_deeper_is_never_clearer(mag, deeper):
    nights = judged(np.repeat([[mag], [mag - deeper]], 3, axis=1))
    assert nights.clear[1] <= nights.clear[0] + 1e-9


# --- seasons

def test_half_of_all_nights_are_clear_before_any_data_and_most_clouds_are_thin():
    state = start_state(5)
    assert state.clear.tolist() == [0.5] * 5
    assert state.depths.sum() == pytest.approx(1)
    below = integrate.quad(lambda depth: density_of_depth(depth, state.depths), 0, 0.1, points=NODES[1:3])[0]
    assert below == pytest.approx(0.5, abs=0.1)  # the prior has its median there


def seasons():
    """A hundred clear nights and a hundred cloudy ones."""
    return judged(np.repeat([[0.0], [-0.3]], 100, axis=0) + np.zeros(3))


def window(nights, reach=20):
    number = np.arange(nights)
    return np.stack([np.maximum(number - reach, 0), np.minimum(number + reach + 1, nights)])


def test_a_season_has_its_own_share_of_clear_nights():
    state = new_state(seasons(), window(200))
    assert state.clear[:70].min() > 0.85
    assert state.clear[130:].max() < 0.15
    assert 0.3 < state.clear[100] < 0.7
    assert state.depths @ (NODES[:-1] > 0.2) > 0.7  # most of a hundred clouds of 0.3 mag


def test_other_telescopes_multiply_the_odds():
    # Seven to one against clouds of any depth; the class of wild nights, which they do not see, is a part of the other.
    night = np.array([[0.0], [-0.03], [-0.06]]) + np.zeros(3)
    state = SkyState(clear=np.full(3, 0.5), depths=start_state(1).depths)
    alone, joint = (judge(night, np.full((3, 3), ERROR**2), NOISE, state, np.full((3, 8), told)).clear
                    for told in (0.0, -np.log(7)))
    np.testing.assert_allclose(joint / (1 - joint), 7 * alone / (1 - alone), rtol=0.03)


def test_a_night_does_not_vouch_for_itself():
    one = judged(np.vstack([np.full((1, 3), -0.5), np.zeros((40, 3))]))
    state = new_state(one, window(41))
    assert state.clear[0] > state.clear[1]  # its neighbours are clear; their neighbour is not


def test_the_expected_likelihood_is_the_likelihood_at_classes_by_these_data_and_a_bound_elsewhere():
    nights = judged([[0.0, 0.01, 0.0], [-0.04, -0.03, -0.02], [-0.5, -0.5, -0.5]], clear=0.4)
    state = SkyState(clear=np.full(3, 0.4), depths=start_state(1).depths)
    assert expected_loglike(nights, nights, state) == pytest.approx(nights.loglike.sum(), abs=1e-9)
    moved = judged(np.array([[0.02, 0.03, 0.02], [-0.02, -0.01, 0.0], [-0.48, -0.48, -0.48]]), clear=0.4)
    assert expected_loglike(nights, moved, state) < expected_loglike(moved, moved, state)


def test_the_mean_depth_of_clouds_is_that_of_their_density():
    for shares in (start_state(1).depths, np.eye(8)[0], np.eye(8)[4]):
        state = SkyState(clear=np.array([0.5]), depths=shares)
        mean = integrate.quad(lambda depth, shares=shares: depth * density_of_depth(depth, shares), 0, NODES[-1],
                              points=NODES[1:-1], limit=200)[0]
        assert mean_depth(state) == pytest.approx(mean, rel=0.02)


THIN_MAG = 0.034


def part_of_thin_clouds():
    """Part of the area of each element of f below THIN_MAG (k,), by numerical integration."""
    return np.array([integrate.quad(lambda depth, shares=shares: density_of_depth(depth, shares), 0, THIN_MAG,
                                    points=[0.03])[0] for shares in np.eye(len(NODES) - 1)])


def test_a_night_that_thin_cloud_may_have_dimmed_is_reported_clear():
    depth = np.array([0.0, 0.02, 0.04, 0.08, 0.3])
    state = start_state(len(depth))
    judged = judge(-depth[:, None], np.full((5, 1), 1e-6), np.array([[0.010**2]]), state)
    probability, log_odds = photometric(judged, state, np.zeros((5, 8)))
    assert (probability >= judged.clear - 1e-12).all()
    assert (probability > 0.5).tolist() == [True, True, False, False, False]
    # What others say moves the odds, and what the night says itself stays.
    told, own = photometric(judged, state, np.full((5, 8), 2.0))
    assert own == pytest.approx(log_odds)
    assert (told < probability).all()


@pytest.mark.parametrize('residual', [-0.06, -0.03, 0.0])
def test_photometric_nights_are_by_the_rule_of_bayes(residual):
    sigma, prior, thin = np.hypot(0.01, ERROR), 0.4, part_of_thin_clouds()
    state = SkyState(clear=np.array([prior]), depths=start_state(1).depths)
    told = np.array([1.0, 0.5, -1.0, 0.0, 2.0, -2.0, 0.5, 0.0])
    nights = judge(np.array([[residual]]), np.full((1, 1), ERROR**2), np.array([[1e-4]]), state, np.full((1, 8), 0.7))
    clear = prior * stats.t.pdf(residual / sigma, nightsky._FREEDOM) / sigma
    by_depth = (1 - prior) * state.depths * likelihoods_of_depths(residual, sigma)
    wild = (1 - prior) * nightsky._WILD
    (joint, against), (own, other) = ((clear + (thin * by_depth) @ more, ((1 - thin) * by_depth) @ more + wild)
                                      for more in (np.exp(told), np.ones(8)))
    probability, log_odds = photometric(nights, state, told[None])
    # The model leaves out the 0.5% of the third element that are below the limit.
    assert probability[0] == pytest.approx(joint / (joint + against), abs=0.003)
    before = prior + (1 - prior) * thin @ state.depths
    assert log_odds[0] == pytest.approx(np.log(own / other) - np.log(before / (1 - before)), abs=0.02)


def test_nights_that_are_weighed_as_clear_are_as_judged():
    night = np.array([[0.0, 0.01, 0.0], [-0.04, 0.2, -0.02]])
    variance = np.full((2, 3), ERROR**2)
    both = judge(night, variance, NOISE, start_state(2))
    clear = as_clear(night, variance, NOISE, inverse_covariances(variance, NOISE))
    np.testing.assert_allclose(clear.weight, both.weight)
    np.testing.assert_allclose(clear.log_clear, both.log_clear)
