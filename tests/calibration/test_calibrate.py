"""One frame against its reference stars: the planted zeropoint, wherever the field really is, or the reason why not."""

from dataclasses import replace

import numpy as np
import pytest

from photzp.calibration.calibrate import _WIDER_MARGIN_DEG, CONE_MARGIN_DEG, calibrate_in
from photzp.catalogues.reference import ReferenceStars
from photzp.errors import NO_REFERENCE_STARS, OUTSIDE_FOOTPRINT, WCS_OFF, FrameRejected
from photzp.frames.banzai import read_frame
from photzp.observatory import load_observatory
from photzp.observatorytables import BANDS
from ps1catalog import PS1Catalog

OBSERVATORY = load_observatory()


class Asked:
    """A reference catalogue that notes how far from a frame's own circle it was asked."""

    def __init__(self, catalogue, frame):
        self.catalogue, self.frame, self.margins_deg = catalogue, frame, []

    def cone(self, ra_deg, dec_deg, radius_deg):
        self.margins_deg.append(pytest.approx(radius_deg - self.frame.radius_deg))
        return self.catalogue.cone(ra_deg, dec_deg, radius_deg)


class Empty:
    """A catalogue without a star."""

    def __init__(self, **facts):
        self.facts = facts

    def cone(self, *_):
        none = np.empty(0)
        return ReferenceStars(ra_deg=none, dec_deg=none, mag=dict.fromkeys(BANDS, none),
                              mag_error=dict.fromkeys(BANDS, none), **self.facts)


@pytest.fixture(scope='module')
def best(night):
    """(frame, truth) of the most usable stars."""
    true = max((true for true in night.truth.values() if true['measurable']), key=lambda true: true['n_usable'])
    return read_frame(night.root / true['path'], OBSERVATORY), true


def moved(frame, north_deg):
    """The frame as if its world coordinates put everything so far north of where it is."""
    return replace(frame, stars=replace(frame.stars, dec_deg=frame.stars.dec_deg + north_deg))


def test_the_planted_zeropoint_is_measured_by_one_look_into_the_catalogue(night, best):
    frame, true = best
    catalogue = Asked(PS1Catalog(night.ps1), frame)
    found = calibrate_in(catalogue, frame, OBSERVATORY)
    assert catalogue.margins_deg == [CONE_MARGIN_DEG]
    assert found.references_complete
    assert abs(found.fit.zp_mag - true['zp']) < 5 * found.fit.zperr_mag + 0.010
    assert abs(found.fit.colorterm - true['colorterm']) < 5 * found.fit.colortermerr + 0.005
    assert len(found.x) == len(found.y) == len(found.sample) >= found.fit.nstars
    assert set(zip(found.x, found.y, strict=True)) <= set(zip(frame.stars.x, frame.stars.y, strict=True))


def test_a_field_that_is_3_arcmin_off_is_looked_for_in_a_wider_cone(night, best):
    frame, true = best
    catalogue = Asked(PS1Catalog(night.ps1), frame)
    found = calibrate_in(catalogue, moved(frame, 0.05), OBSERVATORY)
    assert catalogue.margins_deg[-1] == _WIDER_MARGIN_DEG
    assert found.offset_arcsec == pytest.approx(180.0, abs=5)
    assert abs(found.fit.zp_mag - true['zp']) < 5 * found.fit.zperr_mag + 0.010


def test_a_field_that_is_somewhere_else_is_rejected_as_such(night, best):
    frame, _ = best
    with pytest.raises(FrameRejected) as rejected:
        calibrate_in(PS1Catalog(night.ps1), moved(frame, 0.3), OBSERVATORY)
    assert rejected.value.reason is WCS_OFF


@pytest.mark.parametrize(('facts', 'reason', 'said'), [
    ({'covered': False}, OUTSIDE_FOOTPRINT, ''), ({}, NO_REFERENCE_STARS, ''),
    ({'complete': False}, NO_REFERENCE_STARS, 'files of the catalogue are missing here')])
def test_without_reference_stars_the_reason_says_which_way(best, facts, reason, said):
    frame, _ = best
    with pytest.raises(FrameRejected) as rejected:
        calibrate_in(Empty(**facts), frame, OBSERVATORY)
    assert rejected.value.reason is reason
    assert rejected.value.detail.startswith(f'RA {frame.ra_deg:.3f}, Dec {frame.dec_deg:+.3f}')
    assert rejected.value.detail.endswith(said)
    assert rejected.value.exptime_s == frame.exptime_s
    assert rejected.value.passing is ('complete' in facts)  # the next run may have all files
