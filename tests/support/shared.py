"""What fixtures and tests share: things that are made once, and things that this machine may lack."""

import fcntl
import os

import pytest

REQUIRE_ALL = 'PHOTZP_REQUIRE_ALL'  # set by the gate: what is missing fails there instead of being skipped


def made_once(tmp_path_factory, name, make):
    """A new directory that make(directory) has filled, once for all processes of a run of the tests."""
    if 'PYTEST_XDIST_WORKER' not in os.environ:
        out = tmp_path_factory.mktemp(name)
        make(out)
        return out
    root = tmp_path_factory.getbasetemp().parent  # of all processes
    with open(root / f'{name}.lock', 'a+', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # others wait until it is made
        lock.seek(0)
        if lock.read() != 'made':
            (root / name).mkdir()
            make(root / name)
            lock.write('made')
    return root / name


def unavailable(reason):
    """Skip the test, or fail it where everything has to be there."""
    if os.environ.get(REQUIRE_ALL):
        pytest.fail(f'{reason} ({REQUIRE_ALL} is set)')
    pytest.skip(reason)
