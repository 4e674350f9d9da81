"""A simulated night and simulated years on disk."""

import json

import pytest

from photdbinterface import PhotDatabase
from simulation.__main__ import main as simulate


@pytest.fixture(scope='package')
def small_night(tmp_path_factory):
    """A small night on disk, and its truth."""
    out = tmp_path_factory.mktemp('night') / 'out'
    assert simulate(['night', str(out), '--frames', '14', '--seed', '3', '--regimes', 'ordinary,pole',
                     '--defects', '0.15', '--twins', '0.3', '--sites', 'cpt,elp,coj']) == 0
    return out, json.loads((out / 'truth.json').read_text())


@pytest.fixture(scope='package')
def real_years(tmp_path_factory):
    """(directory, Zeropoints, truth) of some telescopes in real nights."""
    place = tmp_path_factory.mktemp('real')
    assert simulate(['years', str(place / 'real.db'), '--seed', '5', '--telescopes', '4', '--years', '3',
                     '--filters', 'gp,zp']) == 0
    with PhotDatabase(place / 'real.db', readonly=True) as database:
        rows = database.zeropoints()
    return place, rows, json.loads((place / 'real-truth.json').read_text())


@pytest.fixture(scope='package')
def written(tmp_path_factory):
    """(directory, Zeropoints, truth) of some telescopes in ideal nights."""
    place = tmp_path_factory.mktemp('years')
    assert simulate(['years', str(place / 'years.db'), '--seed', '5', '--telescopes', '8', '--years', '1.5',
                     '--filters', 'gp,zp', '--nights', 'ideal']) == 0
    with PhotDatabase(place / 'years.db', readonly=True) as database:
        rows = database.zeropoints()
    return place, rows, json.loads((place / 'years-truth.json').read_text())
