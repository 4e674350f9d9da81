"""What telescopes tell one another of their air: products of Gaussians by hand, levels nearer to a planted truth."""

from dataclasses import replace

import numpy as np
import pytest

from photzp.throughput import siteair
from photzp.throughput.fitvalues import SkyEvidence
from photzp.throughput.model import FilterRows, fit_telescope, sky_evidence
from photzp.throughput.nightmeans import Covariates, swing_colour
from photzp.throughput.nightsky import DEPTH_MAG, SkyState, start_state
from photzp.throughput.siteair import evidence_of, name_of, told_coefficients, told_nights, with_others
from photzp.throughput.telescopefit import climb
from tests.support.telescoperows import first_state, problem_of, rows_of

NIGHTS = 150
DAY = np.arange(NIGHTS, dtype=float)
DATE = np.datetime64('2020-01-01') + np.arange(NIGHTS)
LEVEL, EXTRA = 23.5, 0.05  # of the level, and extinction beyond the adopted one [mag/airmass]
PRIOR = Covariates(columns=(('extinction', 'gp'), ('offset', 'gp', 1), ('cos',)), mean=np.array([0.01, 0.0, 0.0]),
                   width=np.array([0.03, 0.5, 0.012]))


def said(night=(), clouds=0.0, weight=0.0, value=0.0, **coefficients):
    """Evidence of some dates."""
    night = np.array(night, 'datetime64[D]')
    return SkyEvidence(night=night, clouds=np.full((len(night), len(DEPTH_MAG)), clouds, float),
                       haze_weight=np.full(len(night), weight, float), haze_value=np.full(len(night), value, float),
                       coefficients={name.replace('_', ' '): value for name, value in coefficients.items()})


# --- coefficients

def test_a_coefficient_that_others_know_is_a_product_of_gaussians():
    got = told_coefficients(PRIOR, said(extinction_gp=(0.05, 0.004), extinction_rp=(0.3, 0.001)))
    width = np.array([0.03, np.hypot(0.004, 0.003)])  # 3 mmag per airmass: no two telescopes are quite alike
    assert got.mean[0] == pytest.approx(np.average([0.01, 0.05], weights=width**-2.0))
    assert got.width[0] == pytest.approx(np.sum(width**-2.0)**-0.5)
    np.testing.assert_array_equal(got.mean[1:], PRIOR.mean[1:])
    np.testing.assert_array_equal(got.width[1:], PRIOR.width[1:])
    assert PRIOR.mean[0] == 0.01  # is not changed in place


def test_names_of_coefficients():
    assert [name_of(column) for column in PRIOR.columns] == ['extinction gp', 'offset gp 1', 'cos']


# --- nights

def test_a_night_of_others_is_told_to_the_nearest_within_ten_days():
    night = np.array(['2020-01-10', '2020-01-20', '2020-03-01'], 'datetime64[D]')
    others = said(['2019-12-30', '2020-01-02', '2020-01-12', '2020-01-19', '2020-02-05', '2020-03-11', '2020-03-12'],
                  weight=100.0, value=3.0)
    got = told_nights(night, others)
    assert got.haze_weight.tolist() == [200, 100, 100]
    assert got.haze_value.tolist() == [6, 3, 3]


def test_clouds_are_told_to_the_same_night_alone():
    night = np.array(['2020-01-10', '2020-01-11', '2020-01-13'], 'datetime64[D]')
    got = told_nights(night, said(['2020-01-11', '2020-01-12'], clouds=2.0))
    assert got.clouds[:, 0].tolist() == [0, 2, 0]
    assert got.clouds.shape == (3, len(DEPTH_MAG))


@pytest.mark.parametrize('others', [None, said()])
def test_those_who_say_nothing_change_nothing(others):
    got = told_nights(DATE, others)
    for name in ('clouds', 'haze_weight', 'haze_value'):
        assert not getattr(got, name).any()
        assert len(getattr(got, name)) == NIGHTS


# --- what is said

def solved(others=None):
    """(problem, state) of a telescope in clear nights, whose rows reach from airmass 1 to 2; told what others say."""
    rng = np.random.default_rng(4)
    night = np.repeat(np.arange(NIGHTS), 4)
    airmass = rng.uniform(1, 2, len(night))
    zp = (LEVEL - EXTRA * (airmass - 1) + rng.normal(0, 0.008, NIGHTS)[night] + rng.normal(0, 0.012, len(night)))
    problem = problem_of({'rp': rows_of(night, zp, airmass=airmass)}, DAY, with_airmass=True)
    if others is not None:
        problem = replace(problem, others=told_nights(DATE, others),
                          covariates=told_coefficients(problem.covariates, others))
    return problem, climb(problem, first_state(problem, [], {}, 14.0)[0], [], 6)


def test_what_is_said_of_a_coefficient_is_of_the_data_alone():
    problem, state = solved()
    told = evidence_of(problem, state, DATE).coefficients
    value, error = told['extinction rp']
    assert abs(value - EXTRA) < 3 * error < 0.06
    # With the prior put back it is what the fit has.
    before = problem.covariates.width[0]
    weights = [error**-2, before**-2]
    assert np.average([value, 0.0], weights=weights) == pytest.approx(state.beta[0])
    assert sum(weights)**-0.5 == pytest.approx(np.sqrt(state.solution.schur[0, 0]))


def test_a_telescope_that_was_told_something_does_not_repeat_it():
    (alone_problem, alone), (problem, state) = solved(), solved(said(extinction_rp=(EXTRA, 0.001)))
    own, again = (evidence_of(*fit, DATE).coefficients['extinction rp']
                  for fit in ((alone_problem, alone), (problem, state)))
    assert state.solution.schur[0, 0] < 0.8 * alone.solution.schur[0, 0]
    assert again == pytest.approx(own, rel=0.2, abs=0.002)


def test_coefficients_of_which_the_data_say_nothing_are_not_told():
    # Offsets of cameras are no air, and in five months at one airmass no extinction is seen.
    night = np.repeat(np.arange(NIGHTS), 4)
    zp = LEVEL + np.random.default_rng(2).normal(0, 0.012, len(night)) + 0.1 * (np.arange(len(night)) % 2)
    problem = problem_of({'rp': rows_of(night, zp, airmass=1.0, group=np.arange(len(night)) % 2)}, DAY,
                         tied={'rp': [1]}, with_airmass=True)
    state = climb(problem, first_state(problem, [], {'rp': {0: 0, 1: 0}}, 14.0)[0], [], 6)
    told = evidence_of(problem, state, DATE)
    assert not {'offset rp 1', 'extinction rp'} & set(told.coefficients)
    np.testing.assert_allclose(told.haze_weight, 0, atol=1e-9)


def test_haze_of_a_night_is_said_without_the_coefficients():
    problem, state = solved()
    told = evidence_of(problem, state, DATE)
    within = state.means.contrasts
    np.testing.assert_allclose(told.haze_value, within.haze_right - within.haze_crossed @ state.beta)
    # No haze is planted: its mean over all nights is 0 within its error.
    assert abs(told.haze_value.sum()) < 3.5 * np.sqrt(told.haze_weight.sum())


def test_what_others_say_is_added_to_the_nights():
    problem, state = solved()
    others = told_nights(DATE, said(DATE[:2], clouds=1.5, weight=50.0, value=2.0))
    got = with_others(state.means, replace(problem, others=others))
    assert (got.clouds - state.means.clouds)[:3, 0] == pytest.approx([1.5, 1.5, 0])
    assert (got.contrasts.haze_normal - state.means.contrasts.haze_normal)[:3] == pytest.approx([50, 50, 0])
    assert (got.contrasts.haze_right - state.means.contrasts.haze_right)[:3] == pytest.approx([2, 2, 0])


def test_clouds_that_dim_telescopes_differently_keep_the_evidence_from_being_sure():
    # A depth that no data of the telescope allow is still possible over another, in 3 of 10 cloudy nights.
    _, state = solved()
    by_depth = np.tile(np.array([-50.0, -50, -50, 3, -50, -50, -50, -50])[:, None], NIGHTS)
    depths = start_state(1).depths
    got = siteair._clouds(replace(state.judged, by_depth=by_depth), SkyState(clear=np.ones(NIGHTS), depths=depths))
    assert got[0, 3] == pytest.approx(3 + np.log(0.7 + 0.3 * depths[3]))
    np.testing.assert_allclose(got[0, [0, 1, 7]], 3 + np.log(0.3 * depths[3]))


# --- a site

def telescope(seed, low, high):
    """Rows of gp and rp of a telescope of the site, in clear nights between two airmasses."""
    rng = np.random.default_rng(seed)
    night = np.repeat(np.arange(NIGHTS), 4)
    time = np.datetime64('2020-01-01T03:00', 'ms') + night * np.timedelta64(1, 'D')
    grey, rows = rng.normal(0, 0.006, NIGHTS), {}
    for name in ('gp', 'rp'):
        airmass = rng.uniform(low, high, len(night))
        zp = (LEVEL - EXTRA * swing_colour(name) * (airmass - 1) + (grey + rng.normal(0, 0.004, NIGHTS))[night]
              + rng.normal(0, 0.01, len(night)))
        rows[name] = FilterRows(time=time, zp=zp, zperr=np.full(len(night), 0.004), group=np.zeros(len(night), int),
                                airmass=airmass)
    return rows


def test_a_telescope_at_few_airmasses_has_its_level_by_the_extinction_of_its_neighbour():
    neighbour, rows = telescope(1, 1.0, 2.2), telescope(2, 1.39, 1.41)
    others = sky_evidence(neighbour, longitude_deg=0.0)
    alone, told = (fit_telescope(rows, longitude_deg=0.0, others=other) for other in (None, others))
    for name in rows:
        off = [np.mean(fits[name].model_mag) - LEVEL for fits in (alone, told)]
        error = [np.mean(fits[name].model_error_mag) for fits in (alone, told)]
        assert abs(off[1]) < 0.5 * abs(off[0])
        assert abs(off[1]) < 3 * error[1]
        assert error[1] < error[0]
