"""What is assumed of a step by its kind, before any data."""

import numpy as np
import pytest

from photzp.throughput.stepprior import StepAt, jump_of

FILTERS = ('gp', 'rp', 'ip', 'zp')


def widths(step):
    """(mean, 1-sigma of the size of all filters together, of the difference of the first two) [mag]."""
    jump = jump_of(step, FILTERS)
    mean = np.full(4, 0.25)
    apart = np.array([1, -1, 0, 0])
    return jump.mean[0], np.sqrt(mean @ jump.covariance @ mean), np.sqrt(apart @ jump.covariance @ apart)


@pytest.mark.parametrize('step', [
    StepAt(day=1, kind='wash'), StepAt(day=1, kind='recoating'), StepAt(day=1, kind='cleaning'),
    StepAt(day=1, kind='break', origin='found'), StepAt(day=1, kind='instrument', changed=frozenset({'gp'})),
    StepAt(day=1, kind='instrument', changed=frozenset(FILTERS))])
def test_covariances_are_such(step):
    jump = jump_of(step, FILTERS)
    for matrix in (jump.covariance, jump.slope):
        np.testing.assert_allclose(matrix, matrix.T)
        assert np.linalg.eigvalsh(matrix).min() > 0


def test_a_cleaning_is_small_and_a_wash_is_not():
    mean, cleaning, _ = widths(StepAt(day=1, kind='cleaning'))
    assert 0 < mean < 0.05
    assert cleaning < 0.07
    assert mean + 0.1 > 4 * cleaning  # a fall of 0.1 mag on its date is a cloudy week, not the cleaning
    mean, wash, _ = widths(StepAt(day=1, kind='wash'))
    assert mean == 0
    assert wash > 0.15  # recoatings of DECam and LCO gave 0.1 to 0.3 mag


def test_mirrors_change_all_filters_much_alike():
    for kind in ('wash', 'recoating', 'cleaning'):
        _, together, apart = widths(StepAt(day=1, kind=kind))
        assert apart < 0.5 * together


def test_another_camera_may_be_anything_in_its_filters_and_nothing_in_the_others():
    jump = jump_of(StepAt(day=1, kind='instrument', changed=frozenset({'gp'})), FILTERS)
    sigma = np.sqrt(np.diag(jump.covariance))
    assert sigma[0] > 0.25
    assert sigma[1:].max() < 0.005


def test_a_wash_with_another_camera_has_the_doubt_of_both():
    plain = jump_of(StepAt(day=1, kind='wash'), FILTERS).covariance
    both = jump_of(StepAt(day=1, kind='wash', changed=frozenset({'gp'})), FILTERS).covariance
    assert both[0, 0] - plain[0, 0] == pytest.approx(0.3**2)
    np.testing.assert_allclose(both[1:, 1:], plain[1:, 1:])


def test_a_step_frees_the_slope():
    slopes = {kind: np.sqrt(jump_of(StepAt(day=1, kind=kind), FILTERS).slope[0, 0]) for kind in ('wash', 'cleaning')}
    assert slopes['wash'] > 0.015  # mag/month: clean mirrors lose up to 20 mmag a month more than dirty ones
    assert slopes['cleaning'] < 0.01
