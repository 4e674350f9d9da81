"""Means of nights by hand, and coefficients from contrasts within nights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photzp.throughput.nightmeans import (
    EXTINCTION_PRIOR,
    choose_covariates,
    from_middle,
    is_near,
    night_means,
    row_design,
    swing_colour,
)
from photzp.throughput.nightsky import MISSING
from tests.support.telescoperows import rows_of

START_SCATTER = 0.015  # what is assumed of a handful of rows [mag]


def means_of(rows, nights, *, tied=None, with_airmass=False, beta=None, clear=None, known=None):
    """Means of one or more filters, and the covariates that they are made with."""
    rows = rows if isinstance(rows, dict) else {'rp': rows}
    covariates = choose_covariates(rows, tied or dict.fromkeys(rows, ()), with_airmass=with_airmass)
    designs = {name: row_design(one, name, covariates, 0.0) for name, one in rows.items()}
    known = {name: np.ones(len(one.zp), bool) if known is None else known for name, one in rows.items()}
    beta = np.zeros(len(covariates.columns)) if beta is None else beta
    return night_means(rows, designs, beta, np.ones(nights) if clear is None else clear, known), covariates


# --- values

def test_a_mean_weighs_rows_by_their_errors():
    rows = rows_of([0, 0, 0, 2], [23.50, 23.52, 23.51, 23.4], zperr=[0.01, 0.02, 0.03, 0.01])
    means, _ = means_of(rows, 3)
    weight = 1 / (np.array([0.01, 0.02, 0.03])**2 + START_SCATTER**2)
    assert means.value[:, 0] == pytest.approx([np.average([23.50, 23.52, 23.51], weights=weight), 0.0, 23.4])
    assert means.variance[[0, 2], 0] == pytest.approx([1 / weight.sum(), 0.01**2 + START_SCATTER**2])
    assert means.variance[1, 0] == MISSING
    assert means.rows[:, 0].tolist() == [3, 0, 1]


def test_a_filter_without_rows_has_no_values():
    none = rows_of(np.empty(0, int), np.empty(0))
    means, _ = means_of({'gp': rows_of([0, 1], [24, 24.1]), 'rp': none}, 2)
    assert means.variance[:, 1].tolist() == [MISSING] * 2
    assert means.value[:, 1].tolist() == means.rows[:, 1].tolist() == [0, 0]


@pytest.mark.parametrize('off_mag', [-20, -0.5, 0.2, 10])
def test_wild_rows_are_left_out(off_mag):
    zp = 23.5 + np.array([0.004, -0.01, 0.0, 0.007, -0.003])
    plain, _ = means_of(rows_of(np.zeros(5, int), zp), 1)
    spoiled, _ = means_of(rows_of(np.zeros(6, int), np.append(zp, 23.5 + off_mag)), 1)
    assert spoiled.value[0, 0] == pytest.approx(plain.value[0, 0], abs=1e-4)
    assert spoiled.variance[0, 0] == pytest.approx(plain.variance[0, 0], rel=1e-4)


@pytest.mark.parametrize(('cloudy', 'dimmed'), [(4, 0.0), (5, 0.25), (6, 0.5)])
def test_a_night_that_is_clear_in_part_takes_the_middle(cloudy, dimmed):
    # Of ten frames: as the median frame is.
    zp = 23.5 - 0.5 * (np.arange(10) < cloudy) + 0.002 * (-1.0)**np.arange(10)
    means, _ = means_of(rows_of(np.zeros(10, int), zp), 1)
    assert means.value[0, 0] == pytest.approx(23.5 - dimmed, abs=0.003)


def test_a_night_that_wanders_keeps_its_rows():
    # Clouds that come and go: no row of the night is wild by its scatter.
    zp = 23.5 - np.array([0.1, 0.5, 0.3, 0.2, 0.4, 0.35, 0.15])
    means, _ = means_of(rows_of(np.zeros(7, int), zp), 1)
    assert means.value[0, 0] == pytest.approx(zp.mean())


@pytest.mark.parametrize('per_night', [3, 5, 20])
@pytest.mark.parametrize('scatter', [0.004, 0.02, 0.05])
def test_the_scatter_of_rows_is_measured_in_clear_nights(scatter, per_night):
    rng = np.random.default_rng(2)
    night = np.repeat(np.arange(400), per_night)
    level = 23.5 + rng.normal(0, 0.05, 400)  # drops out
    zp = level[night] + rng.normal(0, np.hypot(scatter, 0.004), len(night))
    zp -= np.where(night >= 200, rng.exponential(0.3, len(night)), 0)
    means, _ = means_of(rows_of(night, zp), 400, clear=(np.arange(400) < 200).astype(float))
    assert means.scatter[0] == pytest.approx(scatter, rel=0.15)


def test_what_a_mean_is_over_is_the_mean_of_its_covariates():
    rows = rows_of([0, 0, 1], [23.5, 23.5, 23.5], airmass=[1.2, 1.6, 2.0], group=[0, 1, 1])
    means, covariates = means_of(rows, 2, tied={'rp': [1]}, with_airmass=True)
    assert covariates.columns[:2] == (('offset', 'rp', 1), ('extinction', 'rp'))
    np.testing.assert_allclose(means.covariates[:, 0, :2], [[0.5, -0.4], [1.0, -1.0]])


def test_fields_without_an_offset_add_their_scatter():
    # 8 mmag of one field; half of that of four in equal parts; nothing where the offset is a coefficient.
    night, zp = np.repeat([0, 1], 4), np.full(8, 23.5)
    rows = rows_of(night, zp, field=[7, 7, 7, 7, 1, 2, 3, 4])
    plain, _ = means_of(rows, 2)
    strange, _ = means_of(rows, 2, known=np.zeros(8, bool))
    assert strange.variance[:, 0] - plain.variance[:, 0] == pytest.approx([0.008**2, 0.004**2])


# --- contrasts

def test_contrasts_within_nights_tell_offsets_and_extinction_whatever_the_nights_are():
    rng = np.random.default_rng(4)
    night = np.repeat(np.arange(150), 6)
    airmass, group = rng.uniform(1, 2, 900), rng.integers(0, 2, 900)
    nights = 23.5 - rng.exponential(0.3, 150) + 0.1 * np.sin(np.arange(150))
    zp = nights[night] + 0.12 * group - 0.04 * (airmass - 1) + rng.normal(0, 0.01, 900)
    rows, beta = rows_of(night, zp, airmass=airmass, group=group), None
    for _ in range(3):  # which rows are wild, and their scatter, follow from the coefficients
        means, covariates = means_of(rows, 150, tied={'rp': [1]}, with_airmass=True, beta=beta)
        normal = means.contrasts.normal + np.diag(1 / covariates.width**2)
        beta = np.linalg.solve(normal, means.contrasts.right)
    error = np.sqrt(np.diag(np.linalg.inv(normal)))
    for column, truth in ((('offset', 'rp', 1), 0.12), (('extinction', 'rp'), 0.04)):
        number = covariates.columns.index(column)
        assert abs(beta[number] - truth) < 3 * error[number]
        assert error[number] < 0.008


def test_nights_that_are_not_clear_have_no_contrasts():
    rows = rows_of([0, 0, 1, 1], [23.5, 23.4, 23.5, 23.4], group=[0, 1, 0, 1])
    one, _ = means_of(rows, 2, tied={'rp': [1]}, clear=np.array([1.0, 0.0]))
    both, _ = means_of(rows, 2, tied={'rp': [1]})
    np.testing.assert_allclose(both.contrasts.normal, 2 * one.contrasts.normal)
    np.testing.assert_allclose(both.contrasts.right, 2 * one.contrasts.right)
    assert one.contrasts.normal[0, 0] > 0


def test_the_airmass_of_a_mean_is_weighted_as_the_mean():
    rows = rows_of([0, 0, 1], [23.5, 23.5, 23.5], airmass=[1.2, 1.8, 2.0], zperr=[0.01, 0.02, 0.01])
    weight = 1 / (np.array([0.01, 0.02])**2 + START_SCATTER**2)
    means, _ = means_of(rows, 3)
    assert means.airmass[:2, 0] == pytest.approx([np.average([1.2, 1.8], weights=weight), 2.0])
    assert np.isfinite(means.airmass).all()


# --- covariates

def test_the_coefficients_that_rows_need():
    rng = np.random.default_rng(1)
    night = np.arange(40)
    field = np.where(night < 20, 3, np.where(night < 33, 5, 8))  # 20, 13 and 7 nights
    width = rng.normal(0, 0.2, 40)
    rows = {'gp': rows_of(night, np.full(40, 24.0)),
            'rp': rows_of(night, np.full(40, 23.5), field=field, ln_fwhm=width, group=night % 2)}
    got = choose_covariates(rows, {'gp': (), 'rp': [1]}, with_airmass=True)
    assert got.columns == (
        ('extinction', 'gp'), ('offset', 'rp', 1), ('extinction', 'rp'), ('field', 'rp', 3), ('field', 'rp', 5),
        ('fwhm', 'rp', 0), ('fwhm', 'rp', 1), ('cos',), ('sin',), ('cos', 'gp'), ('sin', 'gp'), ('cos', 'rp'),
        ('sin', 'rp'))
    assert got.width[got.columns.index(('extinction', 'gp'))] == EXTINCTION_PRIOR[1]
    assert got.width[got.columns.index(('field', 'rp', 3))] == 0.008
    assert got.width[got.columns.index(('fwhm', 'rp', 0))] == 0.010
    assert choose_covariates({'gp': rows['gp']}, {'gp': ()}, with_airmass=False).columns == ()


def test_one_field_alone_has_no_offset():
    rows = {'rp': rows_of(np.arange(40), np.full(40, 23.5), field=2)}
    assert choose_covariates(rows, {'rp': ()}, with_airmass=False).columns == ()


def test_covariates_of_rows_by_hand():
    rows = {'gp': rows_of([0, 91], [24, 24], airmass=[1.5, 2.0], group=[0, 1], day=[0.0, 365.25 / 4])}
    covariates = choose_covariates(rows, {'gp': [1]}, with_airmass=True)
    design = row_design(rows['gp'], 'gp', covariates, 0.0)
    colour = (477 / 623)**-1.3  # dust scatters the blue more
    at = {column: design[:, number] for number, column in enumerate(covariates.columns)}
    np.testing.assert_allclose(at['offset', 'gp', 1], [0, 1])
    np.testing.assert_allclose(at['extinction', 'gp'], [-0.5, -1.0])
    np.testing.assert_allclose(at['cos',], [-1.5 * colour, 0], atol=1e-12)
    np.testing.assert_allclose(at['sin',], [0, -2.0 * colour], atol=1e-12)
    assert not row_design(rows['gp'], 'rp', covariates, 0.0)[:, :2].any()  # of another filter
    later = row_design(rows['gp'], 'gp', covariates, 365.25 / 4)  # the first row is a quarter of a year later
    np.testing.assert_allclose(later[0, covariates.columns.index(('sin',))], -1.5 * colour)


def test_extinction_by_dust_goes_as_the_wavelength():
    assert swing_colour('rp') == swing_colour('a filter that nobody knows') == 1
    assert swing_colour('gp') == pytest.approx((477 / 623)**-1.3)
    assert swing_colour('gp') > 1 > swing_colour('ip') > swing_colour('zp')


# --- the middle

@given(st.lists(st.lists(st.floats(20, 25), min_size=1, max_size=6), min_size=1, max_size=5))
def test_differences_are_from_the_median_of_each_night(nights):
    rows = rows_of(np.repeat(np.arange(len(nights)), [len(night) for night in nights]), np.concatenate(nights))
    apart, first = from_middle(rows, rows.zp)
    np.testing.assert_allclose(apart, np.concatenate([night - np.median(night) for night in nights]), atol=1e-12)
    assert first.tolist() == np.append(0, np.cumsum([len(night) for night in nights]))[:-1].tolist()


def test_near_is_by_the_error_of_a_row_and_by_the_scatter_of_its_night():
    first, sigma = np.array([0, 5]), np.full(10, 0.01)
    quiet, restless = np.array([0, 0.01, -0.01, 0.01, 0.1]), np.array([0, 0.05, -0.05, 0.06, 0.1])
    near = is_near(np.append(quiet, restless), first, sigma)
    assert near.tolist() == [True] * 4 + [False] + [True] * 5
