"""What all tests share: no credentials from outside, and a simulated night made once."""

import json
import logging
import os
from types import SimpleNamespace

import pytest

import simulation

REQUIRE_ALL = 'PHOTZP_REQUIRE_ALL'  # set by the gate: what is missing fails there instead of being skipped


@pytest.fixture(autouse=True, scope='session')
def _no_cloud_credentials():
    """The tests never publish to somebody's bucket."""
    for key in [key for key in os.environ if key.startswith('AWS_')]:
        del os.environ[key]


@pytest.fixture(autouse=True)
def _log_as_found():
    """The scripts send their log to standard error; the next test finds it untouched."""
    yield
    log = logging.getLogger('photzp')
    log.handlers.clear()
    log.propagate = True
    log.setLevel(logging.NOTSET)


@pytest.fixture(scope='session')
def night(tmp_path_factory):
    """A simulated night of 44 frames with planted defects: .archive .ps1 .truth (frames by exposure)."""
    out = tmp_path_factory.mktemp('night')
    assert simulation.main(['night', str(out), '--frames', '44', '--seed', '5', '--no-pixels', '--defects', '0.25',
                            '--twins', '0.2']) == 0
    truth = json.loads((out / 'truth.json').read_text(encoding='utf-8'))['frames']
    return SimpleNamespace(archive=out / 'archive', ps1=out / 'ps1', truth=truth, root=out)


def unavailable(reason):
    """Skip the test, or fail it where everything has to be there."""
    if os.environ.get(REQUIRE_ALL):
        pytest.fail(f'{reason} ({REQUIRE_ALL} is set)')
    pytest.skip(reason)
