"""What workers log comes to the first process with its fields, once."""

import json
import logging
import pickle
import warnings
from contextlib import closing

import pytest

from photzp.errors import CatalogMissing
from photzp.running import script
from photzp.running.processes import in_processes
from photzp.running.worker import Tools, do_item, replay_logs
from tests.support.logs import log_of


def noisy(_tools, item):
    """What a worker may do: warn, and log an exception with its fields."""
    warnings.warn(f'worker warns of {item}', UserWarning, stacklevel=1)
    logging.getLogger('some.library').warning('a library warns of %s', item)
    try:
        raise KeyError(item)
    except KeyError:
        script.log.exception('it failed', extra={'frame': item})
    return item


def test_what_workers_log_is_logged_here_with_its_fields(capsys):
    def run(_options):
        with closing(in_processes(dict, (), noisy, [['x-e91.fits']], processes=1)) as results:
            assert list(results) == [('x-e91.fits', 'x-e91.fits')]
        return 0

    status, lines = log_of(capsys, run)
    assert status == 0
    python, library, failed = map(json.loads, lines)
    assert python['message'].startswith('UserWarning: worker warns of x-e91.fits')
    assert library['logger'] == 'some.library'
    assert failed['frame'] == 'x-e91.fits'
    assert failed['message'] == 'it failed'
    assert failed['traceback'].endswith("KeyError: 'x-e91.fits'")


def make_list(length):
    """Tools that are a list, made with a line of the log."""
    script.log.info('made')
    return list(range(length))


def warn_and_index(tools, item):
    """Work that warns, and may stop the run."""
    script.log.warning('watch out')
    if item < 0:
        raise CatalogMissing('gone')
    return tools[item]


def test_what_was_logged_while_tools_were_made_comes_with_the_first_result():
    tools = Tools(make_list, (3,), logging.INFO)
    done = [do_item(warn_and_index, tools, item) for item in (2, 1)]
    assert [(result, [record.msg for record in records]) for result, records in done] == [
        (2, ['made', 'watch out']), (1, ['watch out'])]


def test_tools_that_are_put_to_disk_are_made_again():
    again = pickle.loads(pickle.dumps(Tools(make_list, (3,), logging.WARNING)))
    assert (again.made, again.level, again.records) == ([0, 1, 2], logging.WARNING, [])


def test_a_warning_is_logged_once_and_what_stops_the_run_is_raised(caplog, monkeypatch):
    monkeypatch.setattr(script.log, 'propagate', True)
    tools = Tools(make_list, (3,), logging.WARNING)
    recorded = [(item, None if item is None else do_item(warn_and_index, tools, item)) for item in (1, 0, None, -1)]
    monkeypatch.setattr(script.log, 'propagate', True)
    results = replay_logs(iter(recorded))
    assert [next(results) for _ in range(3)] == [(1, 1), (0, 0), (None, None)]
    with pytest.raises(CatalogMissing, match='gone'):
        next(results)
    assert [record.message for record in caplog.records] == ['watch out']
