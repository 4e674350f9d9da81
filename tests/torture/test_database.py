"""Damaged databases and catalogues: a sample of what `make torture` tries."""

import os

import numpy as np
import pytest

from benchmarks.torture import baseframes, catalogue, database
from photdbinterface import PhotDatabase
from photzp.errors import DatabaseUnusable
from ps1catalog import PS1Catalog


@pytest.fixture(scope='module')
def base(night, tmp_path_factory):
    return baseframes.bases(tmp_path_factory.mktemp('whole'), night=night.root, real=False)[0]


@pytest.mark.parametrize('kind', database.KINDS)
def test_a_damaged_database_is_refused_in_one_line_or_works(base, tmp_path, kind):
    cases = list(database.KINDS[kind](np.random.default_rng(2)))
    tally = database.judge(cases[::max(1, len(cases) // 5)], [base], tmp_path)
    assert tally.tried >= 5
    assert tally.lost == ()


@pytest.mark.parametrize('kind', catalogue.KINDS)
def test_a_damaged_catalogue_is_refused_in_one_line_or_costs_frames_a_reason(base, tmp_path, kind):
    cases = list(catalogue.KINDS[kind](np.random.default_rng(2)))
    tally = catalogue.judge(cases[::max(1, len(cases) // 6)], [base], tmp_path)
    assert tally.tried >= 6
    assert tally.lost == ()


def test_a_fifo_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / 'x.db')
    with pytest.raises(DatabaseUnusable, match=r'x\.db: is not a regular file'):
        PhotDatabase(tmp_path / 'x.db')


def test_copies_of_one_reference_star_are_merged_into_the_best(tmp_path):
    from tests.support.helpers import write_one_region

    count = 30_000
    ra, dec = np.append(np.full(count, 10.0), 10.1), np.append(np.full(count, 5.0), 5.0)
    errors = np.append(np.full(count, 0.02), 0.01)
    errors[777] = 0.004
    write_one_region(tmp_path, ra, dec, g_err=errors)
    stars = PS1Catalog(tmp_path).cone(10.0, 5.0, 1.0)
    assert sorted(zip(stars.ra_deg.tolist(), stars.mag_error['g'].tolist(), strict=True)) == [
        (10.0, 0.004), (10.1, 0.01)]
