"""Zeropoints at the colour term of their camera: planted frames lose what the colour term alone had added."""

from types import SimpleNamespace

import numpy as np
import pytest

from photzp.throughput.colourterm import (
    _MIN_FRAMES,
    FrameZeropoints,
    _common_colourterm,
    with_camera_colourterm,
)

C, ZP = 0.03, 24.0
START = np.datetime64('2019-02-08T00:00:00.000')  # a period of 183 days from 1970 on has just begun


def frames(n=400, *, seed=1, spread=0.0, colortermerr=0.02, days=150, value=C, at_mean=0.004):
    """Frames of one camera: zp at the mean colour of the stars is off by `at_mean`, the colour term by its error."""
    rng = np.random.default_rng(seed)
    error = np.broadcast_to(colortermerr, n) * np.ones(n)
    x = rng.normal(0.1, 0.4, n)
    wrong = error * rng.normal(size=n)
    return SimpleNamespace(
        zp=ZP + at_mean * rng.normal(size=n) - x * wrong, zperr=np.hypot(at_mean, x * error),
        colorterm=value + spread * rng.normal(size=n) + wrong, colortermerr=error, covariance=-x * error**2,
        colour_offset=x, held=np.zeros(n, bool), group=np.zeros(n, int),
        time=START + np.sort(rng.integers(0, days * 86_400_000, n)).astype('timedelta64[ms]'))


def apply(rows, **more):
    return with_camera_colourterm(FrameZeropoints(**vars(rows)), **more)


def together(*parts):
    return SimpleNamespace(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])})


def test_what_the_colour_term_added_is_gone_and_the_error_says_so():
    rows = frames(4000)
    zp, zperr, (found,) = apply(rows)
    assert np.std(rows.zp - ZP) == pytest.approx(0.0092, rel=0.05)  # 4 mmag and 20 mmag of rms 0.41 mag
    assert np.std(zp - ZP) == pytest.approx(0.004, rel=0.05)
    assert np.std((zp - ZP) / zperr) == pytest.approx(1, abs=0.05)
    assert (zperr <= rows.zperr + 1e-12).all()
    assert abs(found.colorterm - C) < 4 * found.error < 0.002
    assert (found.frames, found.changed, found.group) == (4000, 4000, 0)


def test_one_frame_by_hand():
    """x = 0.5 mag redder than the pivot, a colour term 20 mmag too high: zp was 10 mmag too low."""
    rows = together(frames(500, colortermerr=0.001, seed=2), frames(1, colortermerr=0.02))
    rows.zp[-1], rows.colorterm[-1], rows.colour_offset[-1] = ZP - 0.010, C + 0.020, 0.5
    rows.covariance[-1], rows.zperr[-1] = -0.5 * 0.02**2, np.hypot(0.003, 0.5 * 0.02)
    zp, zperr, _ = apply(rows)
    assert zp[-1] == pytest.approx(ZP, abs=2e-4)
    assert zperr[-1] == pytest.approx(0.003, abs=1e-4)


def test_well_measured_colour_terms_stay_where_frames_differ():
    """Frames differ by 10 mmag and are measured to 0.5 mmag: each knows its own colour term best."""
    rows = frames(400, spread=0.010, colortermerr=0.0005)
    zp, _, (found,) = apply(rows)
    assert found.spread == pytest.approx(0.010, rel=0.15)
    assert np.abs(zp - rows.zp).max() < 1e-4


def test_frames_of_few_stars_gain_most():
    gain = []
    for colortermerr in (0.003, 0.01, 0.03):
        rows = together(frames(300, spread=0.003, colortermerr=0.004, seed=5), frames(300, spread=0.003, seed=6,
                                                                                         colortermerr=colortermerr))
        zp, _, _ = apply(rows)
        gain.append(np.std(rows.zp[300:] - ZP) - np.std(zp[300:] - ZP))
    assert 0 <= gain[0] < gain[1] < gain[2]
    assert gain[2] > 0.005


def test_wild_colour_terms_do_not_move_the_camera():
    rows = frames(300)
    rows.colorterm[:60] = 0.5
    _, _, (found,) = apply(rows)
    # A fifth on one side moves a median by 0.32 sigma, 6 mmag; a mean would be off by 94.
    assert found.colorterm == pytest.approx(C, abs=0.012)


def test_a_held_colour_term_is_replaced_and_teaches_nothing():
    rows = together(frames(200), frames(50, seed=9))
    held = np.arange(250) >= 200
    rows.held[:] = held
    usual, width = 0.1, 0.05  # held at a value that is 70 mmag off
    rows.zp[held] = ZP - rows.colour_offset[held] * (usual - C)
    rows.colorterm[held], rows.colortermerr[held] = usual, width
    rows.covariance[held] = -rows.colour_offset[held] * width**2
    rows.zperr[held] = np.hypot(0.004, rows.colour_offset[held] * width)
    zp, zperr, (found,) = apply(rows)
    assert (found.frames, found.changed) == (200, 250)
    assert np.abs(zp[held] - ZP).max() < 0.004
    np.testing.assert_allclose(zperr[held], np.hypot(0.004, rows.colour_offset[held] * np.hypot(
        found.error, found.spread)), rtol=1e-6)


@pytest.mark.parametrize('missing', ['zperr', 'colorterm', 'colortermerr', 'covariance', 'colour_offset', 'time'])
def test_rows_of_older_databases_stay_as_they_are(missing):
    rows = frames(100)
    getattr(rows, missing)[40:] = np.datetime64('NaT', 'ms') if missing == 'time' else np.nan
    zp, zperr, (found,) = apply(rows)
    np.testing.assert_array_equal(zp[40:], rows.zp[40:])
    np.testing.assert_array_equal(zperr[40:], rows.zperr[40:])
    assert np.count_nonzero(zp[:40] != rows.zp[:40]) >= 39  # one frame may have the very colour term of its camera
    assert found.changed == 40
    getattr(rows, missing)[:] = getattr(rows, missing)[50]
    zp, _, found = apply(rows)
    np.testing.assert_array_equal(zp, rows.zp)
    assert found == ()


def test_few_frames_do_not_make_a_camera():
    rows = frames(_MIN_FRAMES - 1)
    zp, _, found = apply(rows)
    np.testing.assert_array_equal(zp, rows.zp)
    assert found == ()


def test_no_rows():
    zp, zperr, found = apply(frames(0))
    assert (len(zp), len(zperr), found) == (0, 0, ())


def test_cameras_and_times_have_their_own_colour_terms():
    values = (-0.05, 0.0, 0.05, 0.1)
    parts = [frames(150, seed=seed, value=value, days=10) for seed, value in enumerate(values)]
    parts[1].group += 7  # another camera
    parts[2].time += np.timedelta64(20, 'D')  # after an exchange
    parts[3].time += np.timedelta64(700, 'D')  # and long after
    rows = together(*parts)
    shuffled = np.random.default_rng(3).permutation(600)
    rows = SimpleNamespace(**{name: values[shuffled] for name, values in vars(rows).items()})
    zp, _, found = apply(rows, changes=(START + np.timedelta64(15, 'D'),))
    assert sorted(round(each.colorterm / 0.05) * 0.05 for each in found) == pytest.approx(values)
    assert [each.group for each in found].count(7) == 1
    assert np.std(zp - ZP) < 0.005
    merged = apply(rows)[2]
    assert len(merged) == 3


def test_the_common_colour_term_has_an_honest_error():
    pulls, spreads = [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        error = rng.uniform(0.002, 0.03, 80)
        value, its_error, spread = _common_colourterm(C + np.hypot(error, 0.005) * rng.normal(size=80), error)
        pulls.append((value - C) / its_error)
        spreads.append(spread)
    assert abs(np.mean(pulls)) < 0.2
    assert np.std(pulls) == pytest.approx(1, abs=0.15)
    assert np.median(spreads) == pytest.approx(0.005, abs=0.002)
