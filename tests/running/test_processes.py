"""Frames in several processes: with executors that are told how to fail, then with processes that are killed."""

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from threading import Timer

import pytest

import photcalibration
from photzp.errors import WORKER_DIED, CatalogMissing, WorkersLost
from photzp.running.processes import AHEAD, spread, usable_cores
from tests.support.runs import ROOT, SAME, arguments, assert_same_run, kill, rows, stopped_by

# -- executors that are told how to fail -------------------------------------------------------------------------------


class Stand:
    """Makes executors of one 'worker' that does its work at once; it dies over deadly items, and may not get ready.

    deadly : items, each as often as a worker dies over it.  unready : how many workers die at the start.
    """

    def __init__(self, deadly=(), unready=0, kind=None):
        self.deadly, self.unready, self.started, self.kind = Counter(deadly), unready, [], kind or _Worker

    def __call__(self):
        self.started.append(self.kind(self))
        return self.started[-1]

    def running(self):
        return sum(not worker.ended for worker in self.started)


class _Worker(Executor):
    def __init__(self, stand):
        self.stand, self.done, self.ended, self.begun = stand, [], False, False
        self.dead = len(stand.started) < stand.unready

    def submit(self, work, *items):
        """As concurrent.futures has it: what is submitted to a worker that died since fails at once."""
        if self.dead and self.begun:
            raise BrokenProcessPool
        self.begun = True
        future = Future()
        if items and self.stand.deadly[items[0]]:
            self.stand.deadly -= Counter(items)
            self.dead = True
        if self.dead:
            future.set_exception(BrokenProcessPool())
            return future
        self.done += items
        try:
            future.set_result(work(*items))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.ended = True


class _Unheard(_Worker):
    """Its answers take a moment, and are lost where it dies within that."""

    def submit(self, work, *items):
        done, answer = super().submit(work, *items), Future()
        Timer(0.05, self._answer, (answer, done)).start()
        return answer

    def _answer(self, answer, done):
        if self.dead:
            answer.set_exception(BrokenProcessPool())
        else:
            answer.set_result(done.result())


def nothing():
    pass


def square(item):
    return item**2


def test_each_item_comes_with_its_result_once_and_chunks_stay_together():
    stand = Stand()
    chunks = [range(first, first + 4) for first in range(0, 40, 4)]
    assert dict(spread(square, chunks, lanes=3, start=stand, prepare=nothing)) == {n: n**2 for n in range(40)}
    assert len(stand.started) == 3
    chunk_of = {item: chunk for chunk in chunks for item in chunk}
    for worker in stand.started:
        changes = sum(chunk_of[a] != chunk_of[b] for a, b in zip(worker.done, worker.done[1:], strict=False))
        assert changes == len({chunk_of[item] for item in worker.done}) - 1


def test_only_a_window_of_the_items_is_drawn():
    drawn = []

    def chunks():
        for first in range(0, 3_000_000, 3):
            drawn.append(first)
            yield (first, first + 1, first + 2)

    results = spread(square, chunks(), lanes=4, start=Stand(), prepare=nothing)
    for taken in range(1, 1000):
        next(results)
        assert 3 * len(drawn) <= taken + 4 * (AHEAD + 3)


@pytest.mark.parametrize('deaths', [1, 2])
def test_an_item_over_which_a_worker_dies_is_tried_again_alone(deaths):
    stand = Stand({17: deaths})
    results = dict(spread(square, [range(10), range(10, 20), range(20, 30)], lanes=2, start=stand, prepare=nothing))
    assert results == {n: n**2 for n in range(30)} | ({17: None} if deaths == 2 else {})
    assert stand.running() <= 1  # the last one stays for what may come, and is its starter's to end


def test_an_item_that_kills_at_once_is_not_taken_for_workers_that_do_not_get_ready():
    """As on a cluster: what a worker said is lost when it dies before anybody has heard it."""
    results = spread(square, [range(5)], lanes=1, start=Stand({0: 9}, kind=_Unheard), prepare=nothing)
    assert dict(results) == {0: None} | {n: n**2 for n in range(1, 5)}


def test_lanes_come_and_go_with_their_workers():
    """As on a cluster: no more lanes than workers, more as others join, and what a lane had left is for the others."""
    stand, places = Stand({3: 1, 20: 1}), [1]

    def start():
        return stand() if sum(not worker.dead and not worker.ended for worker in stand.started) < places[0] else None

    results = spread(square, [range(first, first + 5) for first in range(0, 40, 5)], lanes=99, start=start,
                     prepare=nothing)
    found = dict([next(results)])
    assert stand.running() == 1
    places[0] = 3
    found |= dict(next(results) for _ in range(9))
    assert stand.running() == 3
    places[0] = 1
    assert found | dict(results) == {n: n**2 for n in range(40)}
    assert stand.running() <= 1


def test_items_known_to_be_dangerous_come_last_and_alone():
    stand = Stand({'b': 1})
    results = spread(str.upper, [['x', 'y']], lanes=2, start=stand, prepare=nothing, last=['a', 'b', 'c'])
    assert [(next(results), stand.running())[0] for _ in range(2)] == [('x', 'X'), ('y', 'Y')]
    assert [(next(results), stand.running() <= 1) for _ in range(3)] == [
        (('a', 'A'), True), (('b', None), True), (('c', 'C'), True)]


@pytest.mark.parametrize('deadly', [{}, {3: 2}])
def test_a_worker_that_does_not_get_ready_is_started_again(deadly):
    results = dict(spread(square, [range(9)], lanes=1, start=Stand(deadly, unready=2), prepare=nothing))
    assert results == {n: n**2 for n in range(9)} | dict.fromkeys(deadly)


def test_workers_that_never_get_ready_and_errors_of_the_run_end_it():
    for last in ([], [5]):
        with pytest.raises(WorkersLost, match='--processes'):
            list(spread(square, [] if last else [range(9)], lanes=2, start=Stand(unready=99), prepare=nothing,
                        last=last))

    def lost():
        raise CatalogMissing('gone')

    with pytest.raises(CatalogMissing, match='gone'):
        list(spread(square, [range(9)], lanes=2, start=Stand(), prepare=lost))
    with pytest.raises(TypeError):
        list(spread(square, [['text']], lanes=2, start=Stand(), prepare=nothing))


@pytest.mark.parametrize(('quotas', 'cores'), [
    ({}, 8), ({'': 'max 100000'}, 8), ({'': '200000 100000'}, 2), ({'a/b': '150000 100000'}, 2),
    ({'a': '300000 100000', 'a/b': 'max 100000'}, 3), ({'a/b': '1000 100000'}, 1), ({'': '6400000 100000'}, 8)])
def test_cores_are_those_that_the_container_may_use(tmp_path, monkeypatch, quotas, cores):
    monkeypatch.setattr(os, 'process_cpu_count', lambda: 8, raising=False)
    (tmp_path / 'membership').write_text('0::/a/b\n')
    for group, quota in quotas.items():
        (tmp_path / group).mkdir(parents=True, exist_ok=True)
        (tmp_path / group / 'cpu.max').write_text(quota + '\n')
    assert usable_cores(tmp_path, tmp_path / 'membership') == cores


# -- processes ---------------------------------------------------------------------------------------------------------


def test_rows_are_the_same_whatever_the_number_of_processes(night, alone, tmp_path, capsys):
    capsys.readouterr()
    assert photcalibration.main(arguments(night, tmp_path / 'x.db', '--processes', '2')) == 1
    assert_same_run(capsys.readouterr().err, alone, tmp_path / 'x.db')


def test_without_shared_memory_frames_are_measured_in_one_process(night, alone, tmp_path, capsys, monkeypatch):
    """As in a container whose /dev/shm may not be written: the semaphores of processes live there."""
    def refuse(_context):
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr('multiprocessing.context.BaseContext.Lock', refuse)
    assert photcalibration.main(arguments(night, tmp_path / 'x.db', '--processes', '2')) == 1
    assert 'no worker processes here' in capsys.readouterr().err
    names = 'select name, zp from lcophot order by name'
    assert rows(tmp_path / 'x.db', names) == rows(alone, names)


def test_errors_of_the_run_and_what_workers_log_come_from_them(night, tmp_path, capsys):
    def run(*more, ps1=None):
        status = photcalibration.main(arguments(night, tmp_path / 'x.db', '--processes', '2', *more, ps1=ps1))
        return status, capsys.readouterr().err

    status, said = run(ps1=tmp_path / 'none')
    assert status == 2
    assert re.search(r'ERROR .*none/SkyTable\.fits', said)
    (tmp_path / 'file').touch()
    status, said = run('--log-level', 'DEBUG', '--diagnosticplotsdir', str(tmp_path / 'file' / 'plots'))
    assert status == 2
    assert re.search(r'ERROR .*file/plots: Not a directory; .*name another directory', said)
    assert re.search(r'DEBUG .*: reading', said)
    assert 'Traceback' not in said


def start(night, database, ps1, *more):
    return subprocess.Popen([sys.executable, str(ROOT / 'photcalibration.py'), *arguments(
        night, database, '--processes', '2', *more, ps1=ps1)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        text=True, cwd=database.parent, start_new_session=True)


def test_a_worker_that_is_killed_costs_one_frame_at_most_which_is_tried_again_alone(night, alone, pitfall, tmp_path):
    place, pipe, frame = pitfall
    with start(night, tmp_path / 'x.db', place) as process:
        for _ in range(2):
            kill(process.pid, pipe)
        said = process.stderr.read()
    assert process.returncode == 1  # one frame of the night cannot be read
    assert frame in next(line for line in said.splitlines() if 'WARNING a worker process died' in line)
    assert f'died over {frame}, which it had to itself' in said
    assert f'{frame}: rejected, worker-died' in said
    assert 'Traceback' not in said
    assert rows(tmp_path / 'x.db', f"select name, retry from photreject where reason = '{WORKER_DIED.name}'") == [
        [frame, 1]]
    others = [row for row in rows(alone, SAME) if row[0] != frame]
    assert rows(tmp_path / 'x.db', SAME) == others
    # It did not change and is one frame only; even so a process of its own takes the risk, and the run survives.
    with start(night, tmp_path / 'x.db', place) as process:
        kill(process.pid, pipe)
    assert process.returncode == 0
    assert photcalibration.main(arguments(night, tmp_path / 'x.db')) == 0
    assert rows(tmp_path / 'x.db', SAME) == rows(alone, SAME)


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_the_run_and_rows_are_kept(number, night, alone, pitfall, tmp_path):
    with start(night, tmp_path / 'x.db', pitfall[0]) as process:
        next(line for line in process.stderr if ' zp ' in line)
        stopped_by(process, number)
    kept = rows(tmp_path / 'x.db', SAME)
    assert 1 <= len(kept) < len(rows(alone, SAME))
    assert [row for row in rows(alone, SAME) if row in kept] == kept
