"""What telescopes of a site tell one another, against the product of Gaussians and a planted haze."""

from dataclasses import replace

import numpy as np
import pytest

from photzp.throughput.firststate import first_state
from photzp.throughput.fitvalues import SkyEvidence
from photzp.throughput.nightmeans import Covariates
from photzp.throughput.siteair import evidence_of, told_coefficients, told_nights, with_others
from photzp.throughput.telescopefit import climb
from tests.support.telescoperows import problem_of, rows_of

FIRST = np.datetime64('2020-01-01')
HAZY, FREE = np.arange(45, 75), np.append(np.arange(30), np.arange(90, 120))


def said(night, *, clouds=0.0, weight=0.0, value=0.0, coefficients=None):
    night = FIRST + np.asarray(night, int)
    return SkyEvidence(night=night, clouds=np.full((len(night), 8), clouds), haze_weight=np.full(len(night), weight),
                       haze_value=np.broadcast_to(value, len(night)), coefficients=coefficients or {})


def test_what_is_told_of_a_coefficient_is_one_more_measurement():
    prior = Covariates(columns=(('extinction', 'gp'), ('field', 'gp', 3)), mean=np.array([0.0, 0.0]),
                       width=np.array([0.03, 0.008]))
    told = told_coefficients(prior, said([], coefficients={'extinction gp': (0.02, 0.004), 'extinction rp': (9, 1)}))
    variance = 0.004**2 + 0.003**2  # telescopes differ by 3 mmag/airmass
    assert told.mean[0] == pytest.approx(0.02 * 0.03**2 / (0.03**2 + variance))
    assert told.width[0] == pytest.approx((1 / variance + 1 / 0.03**2) ** -0.5)
    assert (told.mean[1], told.width[1]) == (0, 0.008)


def test_what_is_told_of_nights_goes_to_the_same_night_or_for_haze_to_the_nearest():
    night = FIRST + np.array([0, 10, 40])
    got = told_nights(night, said([0, 4, 6, 29, 40, 60], clouds=1.5, weight=1.0, value=0.5))
    assert got.clouds[:, 0].tolist() == [1.5, 0, 1.5]
    assert got.haze_weight.tolist() == [2, 1, 1]  # 29 and 60 are further than 10 days from any
    assert got.haze_value.tolist() == [1, 0.5, 0.5]
    assert not told_nights(night, None).clouds.any()
    assert told_nights(night[:1], said([3], weight=1.0)).haze_weight.tolist() == [1]


def hazy(seed, airmasses, h=0.02, nights=120):
    """A telescope with 6 rows a night in r, with haze h in some weeks of its nights; level 23.5 mag."""
    rng = np.random.default_rng(seed)
    night = np.repeat(np.arange(nights), 6)
    airmass = rng.uniform(*airmasses, len(night))
    zp = 23.5 + rng.normal(0, 0.006, nights)[night] + rng.normal(0, 0.01, len(night))
    zp -= h * np.isin(night, HAZY) * airmass
    return {'rp': rows_of(night, zp, airmass=airmass)}


def solved(rows, others=None):
    problem = problem_of(rows, np.arange(120.0), with_airmass=True, others=others)
    return problem, climb(problem, first_state(problem, [], {}, 14.0)[0], [], 8)


def swing_of(problem, state):
    """The part of the haze that the yearly term has taken, hazy nights minus the others."""
    wave = {name: state.beta[problem.covariates.columns.index((name,))] for name in ('cos', 'sin')}
    phase = 2 * np.pi * np.arange(120) / 365.25
    swing = wave['cos'] * np.cos(phase) + wave['sin'] * np.sin(phase)
    return swing[HAZY].mean() - swing[FREE].mean()


def test_haze_that_a_telescope_sees_is_what_it_says():
    problem, state = solved(hazy(1, (1.0, 2.0)))
    seen = evidence_of(problem, state, FIRST + np.arange(120))
    during, free = (seen.haze_value[part].sum() / seen.haze_weight[part].sum() for part in (HAZY, FREE))
    assert during - free + swing_of(problem, state) == pytest.approx(0.02, abs=0.0096)  # 3 sigma


def test_a_telescope_whose_airmasses_are_alike_takes_the_haze_that_it_is_told():
    number, found = np.arange(120), []
    told = said(number, weight=5e4, value=5e4 * 0.02 * np.isin(number, HAZY))
    for others in (None, told):
        problem, state = solved(hazy(2, (1.2, 1.25)), others)
        haze = state.solution.haze[state.bins.of_night]
        found.append(haze[HAZY].mean() - haze[FREE].mean() + swing_of(problem, state))
    assert found[1] == pytest.approx(0.02, abs=0.004)
    assert abs(found[1] - 0.02) < 0.5 * abs(found[0] - 0.02)


def test_a_telescope_says_what_its_data_say_whatever_the_prior():
    rows = hazy(3, (1.0, 2.0), h=0.0)
    problem, state = solved(rows)
    mean, error = evidence_of(problem, state, FIRST + np.arange(120)).coefficients['extinction rp']
    narrow = replace(problem, covariates=told_coefficients(
        problem.covariates, said([], coefficients={'extinction rp': (0.0, 0.001)})))
    again, same = evidence_of(narrow, climb(narrow, state, [], 4), FIRST + np.arange(120)).coefficients['extinction rp']
    assert again == pytest.approx(mean, abs=0.2 * error)
    assert same == pytest.approx(error, rel=0.1)
    assert abs(mean) < 3 * error


def test_what_others_say_is_added_to_the_nights():
    problem, state = solved(hazy(4, (1.0, 2.0)))
    told = replace(problem, others=told_nights(FIRST + np.arange(120), said(np.arange(120), clouds=-2.0, weight=5.0)))
    means = with_others(state.means, told)
    np.testing.assert_allclose(means.clouds, state.means.clouds - 2.0)
    np.testing.assert_allclose(means.contrasts.haze_normal, state.means.contrasts.haze_normal + 5.0)


def test_clouds_that_are_told_leave_room_for_those_that_dim_one_telescope_alone():
    rows = hazy(5, (1.0, 2.0), h=0.0)
    rows['rp'].zp[rows['rp'].night == 50] -= 0.3
    problem, state = solved(rows)
    clouds = evidence_of(problem, state, FIRST + np.arange(120)).clouds
    assert clouds[50].argmax() in (4, 5)  # 0.3 mag
    assert clouds[50].min() > 3           # a cloud of any depth is likelier than none
    assert (clouds[40] < 1.5).all()
