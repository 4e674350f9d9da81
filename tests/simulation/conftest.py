"""A simulated night on disk."""

import json

import pytest

from simulation.__main__ import main as simulate


@pytest.fixture(scope='package')
def small_night(tmp_path_factory):
    """A small night on disk, and its truth."""
    out = tmp_path_factory.mktemp('night') / 'out'
    assert simulate(['night', str(out), '--frames', '14', '--seed', '3', '--regimes', 'ordinary,pole',
                     '--defects', '0.15', '--twins', '0.3', '--sites', 'cpt,elp,coj']) == 0
    return out, json.loads((out / 'truth.json').read_text())
