"""What comes of one frame in a process: a row, a rejection or neither, and never the end of the run for a mistake."""

import os

import pytest

from photzp.calibration.worker import Calibrator, MeasureSettings, remote_calibrator
from photzp.errors import EXPOSURE_TOO_SHORT, INTERNAL_ERROR, ArchiveMissing, CatalogMissing
from photzp.frames.archive import crawl_directory
from photzp.observatory import load_observatory
from ps1catalog import PS1Catalog

OBSERVATORY = load_observatory()


class Failing:
    """A catalogue that fails by an error of some kind."""

    def __init__(self, error):
        self.error = error

    def cone(self, *_):
        raise self.error


@pytest.fixture(scope='module')
def one(night):
    """(FrameFile, truth) of a measurable frame."""
    true = max((true for true in night.truth.values() if true['measurable']), key=lambda true: true['n_usable'])
    frames = crawl_directory((night.root / true['path']).parent, OBSERVATORY).frames
    return next(frame for frame in frames if frame.name.name == true['name']), true


def calibrator(night, catalogue=None, **settings):
    return Calibrator(lambda: catalogue or PS1Catalog(night.ps1), MeasureSettings(**settings), OBSERVATORY)


def test_a_measured_frame_is_a_row_with_its_origin(night, one):
    file, true = one
    outcome = calibrator(night).outcome(file)
    row, found = outcome.measurement, os.stat(file.path)
    assert outcome.rejection is None
    assert outcome.size_and_mtime == (found.st_size, found.st_mtime_ns)
    assert (row.name, row.site, row.dome, row.telescope, row.camera, row.filter, row.exptime) == tuple(
        true[key] for key in ('name', 'site', 'enclosure', 'telescope', 'camera', 'filter', 'exptime_s'))
    assert outcome.telescope == f'{true["site"]}-{true["enclosure"]}-{true["telescope"]}'
    assert row.zpcolor == 1.0  # g-i at which zp holds, as docs/database.md says
    assert abs(row.zp - true['zp']) < 5 * row.zperr + 0.010
    assert (row.ra, row.dec) == pytest.approx((true['ra_deg'], true['dec_deg']), abs=1e-3)
    assert row.fwhm == true['fwhm_arcsec']


def test_a_frame_of_another_filter_is_neither_measured_nor_rejected(night, one):
    file, true = one
    outcome = calibrator(night, filters=('none',)).outcome(file)
    assert (outcome.measurement, outcome.rejection) == (None, None)
    assert calibrator(night, filters=('none', true['filter'])).outcome(file).measurement


def test_a_rejected_frame_has_its_reason(night, one):
    file, true = one
    outcome = calibrator(night, min_exptime_s=true['exptime_s'] + 1).outcome(file)
    assert outcome.measurement is None
    assert outcome.rejection.reason is EXPOSURE_TOO_SHORT
    assert outcome.rejection.exptime_s == true['exptime_s']


def test_a_mistake_of_ours_costs_one_frame_and_what_stops_a_run_passes(night, one, caplog):
    file, true = one
    outcome = calibrator(night, Failing(ZeroDivisionError('planted'))).outcome(file)
    assert outcome.rejection.reason is INTERNAL_ERROR
    assert outcome.rejection.detail == "ZeroDivisionError('planted')"
    assert outcome.rejection.exptime_s == true['exptime_s']  # the header had been read
    assert f'{file}: please report this' in caplog.text
    with pytest.raises(CatalogMissing, match='lost'):
        calibrator(night, Failing(CatalogMissing('lost'))).outcome(file)


def test_plots_are_made_where_they_are_asked_for(night, one, tmp_path):
    file, true = one
    assert calibrator(night, plots_directory=str(tmp_path / 'plots')).outcome(file).measurement
    exposure = true['name'].rsplit('-', 1)[0]
    assert {path.name for path in (tmp_path / 'plots').iterdir()} == {
        f'{exposure}_{true["filter"]}_{kind}.png' for kind in ('zp', 'color', 'residuals')}


def test_a_machine_that_does_not_see_the_frames_says_so(night, tmp_path):
    (tmp_path / 'empty').mkdir()
    for root in (tmp_path / 'empty', tmp_path / 'none'):
        with pytest.raises(ArchiveMissing, match='mount it on all machines'):
            remote_calibrator(str(root), Failing, MeasureSettings(), OBSERVATORY)
    assert remote_calibrator(str(night.archive), lambda: Failing(None), MeasureSettings(), OBSERVATORY)
