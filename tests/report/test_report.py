"""The report in several processes: the same files as in one, whatever happens to a process."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

import longtermphotzp
from photdbinterface import PhotDatabase
from photzp.errors import DatabaseUnusable
from photzp.report import report
from photzp.report.maker import Maker
from simulation.__main__ import main as simulate
from tests.support.runs import stopped_by, until

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2017, 1, 5, 12, tzinfo=UTC)  # the simulated year has just ended
FEW = '--no-createsummaryplots'
FAST = (FEW, '--no-pertelescopeplots')
ONE, OTHER = 'lsc-doma-1m0s', 'lsc-domb-1m0s'


def make(place, *options, out=None, database=None, now=NOW):
    """Run the report in this process, which may start others; returns (exit status, {file name: content})."""
    out = out or place.out
    given = ['--database', str(database or place.database), '--outputdirectory', str(out), '--observatory',
             str(place.observatory), *options]
    status = longtermphotzp.run(longtermphotzp.parser().parse_args(given), now=now)
    return status, {path.name: path.read_bytes() for path in out.iterdir()}


def made_at(files):
    """{telescope: when it was made}, as status.json has it."""
    return {entry['telescope']: entry['made'] for entry in json.loads(files['status.json'])['statuses']}


@pytest.fixture(scope='module')
def first(tmp_path_factory):
    """Two telescopes in one filter, and what one process makes of them: .database (without it) .modelled (with it)
    .observatory .files, and .few of a run without overviews."""
    root = tmp_path_factory.mktemp('first')
    assert simulate(['years', str(root / 'x.db'), '--telescopes', '2', '--years', '1', '--filters', 'gp',
                            '--one-per-night', '--seed', '4', '--nights', 'ideal']) == 0
    place = SimpleNamespace(database=root / 'x.db', observatory=root / 'observatory-years.toml',
                            modelled=root / 'modelled.db')
    shutil.copy(place.database, place.modelled)
    status, place.files = make(place, '--processes', '1', database=place.modelled, out=root / 'alone')
    assert status == 0
    shutil.copy(place.database, root / 'few.db')
    status, place.few = make(place, FEW, '--processes', '1', database=root / 'few.db', out=root / 'few')
    assert status == 0
    return place


@pytest.fixture(scope='module')
def several(first, tmp_path_factory):
    """What two processes make of them: .database .observatory .out .files; only looked at."""
    root = tmp_path_factory.mktemp('several')
    shutil.copy(first.database, root / 'x.db')
    place = SimpleNamespace(database=root / 'x.db', observatory=first.observatory, out=root / 'out')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, 'START_S', 0.0)
        status, place.files = make(place, '--processes', '2')
    assert status == 0
    return place


@pytest.fixture
def place(first, tmp_path, monkeypatch):
    """The same database without a report, for which processes are worth it."""
    monkeypatch.setattr(report, 'START_S', 0.0)
    shutil.copy(first.database, tmp_path / 'x.db')
    return SimpleNamespace(database=tmp_path / 'x.db', observatory=first.observatory, out=tmp_path / 'out',
                           few=first.few, deadly=tmp_path / 'deadly')


def page(content):
    """status.json without the runs, whose times are of the clock."""
    return {name: value for name, value in json.loads(content).items() if name != 'runs'}


def assert_same(files, others):
    assert files.keys() == others.keys()
    same = [name for name in files if name not in ('status.json', 'index.html')]
    assert [name for name in same if files[name] != others[name]] == []
    assert page(files['status.json']) == page(others['status.json'])


def test_files_are_the_same_whatever_the_number_of_processes(first, several):
    assert_same(several.files, first.files)


def test_what_several_processes_made_is_not_made_again(several, place, capsys):
    shutil.copy(several.database, place.database)
    shutil.copytree(several.out, place.out)
    status, again = make(place, '--processes', '2', now=NOW + timedelta(hours=1))
    assert status == 0
    assert '2 telescopes and filters (2 unchanged)' in capsys.readouterr().out
    assert made_at(again) == made_at(several.files) == dict.fromkeys((ONE, OTHER), f'{NOW:%Y-%m-%dT%H:%M:%S}')


def test_models_in_the_database_are_the_same(first, several):
    with PhotDatabase(first.modelled, readonly=True) as one, PhotDatabase(several.database, readonly=True) as other:
        for key in (ONE, OTHER):
            assert [column.tolist() for column in vars(one.model(key, 'gp')).values()] == [
                column.tolist() for column in vars(other.model(key, 'gp')).values()]
            assert one.intervals_and_steps(key, 'gp') == other.intervals_and_steps(key, 'gp')
            assert one.intervals_and_steps(key, 'gp')[0]


def test_without_shared_memory_all_is_done_in_one_process(place, caplog, monkeypatch):
    def refuse(_context):
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr('multiprocessing.context.BaseContext.Lock', refuse)
    assert_same(make(place, FEW, '--processes', '2')[1], place.few)
    assert 'no worker processes here' in caplog.text


def test_a_telescope_alone_is_made_in_this_process(place, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(report, 'in_processes', None)
    assert make(place, '--processes', '2', '--site', 'lsc', '--telescope', 'doma-1m0s', *FAST)[0] == 0


class Deadly(Maker):
    """Dies over one telescope, as often as a file beside the report says."""

    def telescope(self, job):
        deadly = Path(self.database.place).with_name('deadly')
        times = int(deadly.read_text())
        if job.telescope == ONE and times:
            deadly.write_text(str(times - 1))
            os.kill(os.getpid(), signal.SIGKILL)
        return super().telescope(job)


@pytest.fixture
def deadly(place, monkeypatch):
    monkeypatch.setattr('photzp.report.maker.Maker', Deadly)
    return place.deadly


def test_a_series_whose_process_is_killed_is_made_again(place, deadly, caplog, capsys):
    deadly.write_text('1')
    status, files = make(place, FEW, '--processes', '2')
    assert status == 0
    assert_same(files, place.few)
    assert '2 telescopes and filters (0 unchanged)' in capsys.readouterr().out
    assert f'{ONE} gp' in next(record.getMessage() for record in caplog.records if 'process died' in record.message)


def test_a_series_that_kills_its_process_again_is_named_and_the_rest_goes_on(place, deadly, caplog, capsys):
    deadly.write_text('0')
    before = NOW - timedelta(days=40)  # an earlier month: all is made anew after it
    earlier = made_at(make(place, FEW, '--processes', '1', now=before)[1])
    deadly.write_text('2')
    status, files = make(place, FEW, '--processes', '2')
    assert status == 1
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert errors[0].startswith(f'{ONE} gp: not made')
    assert made_at(files) == {ONE: earlier[ONE], OTHER: f'{NOW:%Y-%m-%dT%H:%M:%S}'}
    assert files[f'photzptrend-{OTHER}-gp.png'] == place.few[f'photzptrend-{OTHER}-gp.png']
    assert files[f'photzptrend-{ONE}-gp.png'] != place.few[f'photzptrend-{ONE}-gp.png']
    assert f'{ONE}-gp.png' in files['index.html'].decode()
    status, files = make(place, FEW, '--processes', '1')
    assert status == 0
    assert {name: files[name] for name in files if name.endswith('.png')} == {
        name: place.few[name] for name in place.few if name.endswith('.png')}


class Faulty(Maker):
    """Fails on one telescope."""

    def telescope(self, job):
        if job.telescope == ONE:
            raise ZeroDivisionError('a mistake of ours')
        return super().telescope(job)


@pytest.mark.parametrize('processes', ['1', '2'])
def test_a_series_that_the_program_fails_on_is_named_and_the_rest_goes_on(processes, place, monkeypatch, caplog):
    before = NOW - timedelta(days=40)  # an earlier month: all is made anew after it
    earlier = make(place, *FAST, '--processes', '1', now=before)[1]
    with monkeypatch.context() as patch:
        patch.setattr('photzp.report.maker.Maker', Faulty)
        status, files = make(place, *FAST, '--processes', processes)
    assert status == 1
    first, second = (record.getMessage() for record in caplog.records if record.levelno == logging.ERROR)
    assert first == f'{ONE} gp: please report this'
    assert 'a mistake of ours' in caplog.text
    assert second.startswith(f'{ONE} gp: not made, as this program failed on it (ZeroDivisionError')
    assert made_at(files) == {ONE: made_at(earlier)[ONE], OTHER: f'{NOW:%Y-%m-%dT%H:%M:%S}'}
    status, files = make(place, *FAST, '--processes', '1')
    assert status == 0
    assert made_at(files) == dict.fromkeys((ONE, OTHER), f'{NOW:%Y-%m-%dT%H:%M:%S}')


def test_what_tells_that_the_database_is_unusable_ends_the_run(place, monkeypatch):
    def refuse(*_):
        raise DatabaseUnusable('the disk is gone')

    monkeypatch.setattr(Maker, 'telescope', refuse)
    with pytest.raises(DatabaseUnusable, match='the disk is gone'):
        make(place, *FAST, '--processes', '1')


@pytest.fixture(scope='module')
def wide(tmp_path_factory):
    """As many series as it takes for processes to be worth it."""
    root = tmp_path_factory.mktemp('wide')
    assert simulate(['years', str(root / 'x.db'), '--telescopes', '3', '--years', '0.5', '--one-per-night',
                     '--nights', 'ideal']) == 0
    return root


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_run(number, wide, tmp_path):
    shutil.copy(wide / 'x.db', tmp_path)
    out = tmp_path / 'out'
    with subprocess.Popen([
            sys.executable, str(ROOT / 'longtermphotzp.py'), '--database', str(tmp_path / 'x.db'), '--observatory',
            str(wide / 'observatory-years.toml'), '--outputdirectory', str(out), '--processes', '2'],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True) as process:
        until(lambda: out.is_dir() and list(out.glob('*.csv')))
        stopped_by(process, number)
    assert not (out / 'report-state.json').exists()
