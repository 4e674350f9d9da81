"""Frames in several processes, some of which are killed."""

import gc
import os
import re
import signal
import struct
import subprocess
import sys
from multiprocessing.queues import SimpleQueue

import pytest

import photcalibration
from photzp.errors import WORKER_DIED
from photzp.running.processes import in_processes
from tests.support.runs import ROOT, SAME, arguments, assert_same_run, kill, rows, stopped_by


def test_rows_are_the_same_whatever_the_number_of_processes(night, alone, tmp_path, capsys):
    capsys.readouterr()
    assert photcalibration.main(arguments(night, tmp_path / 'x.db', '--processes', '2')) == 1
    assert_same_run(capsys.readouterr().err, alone, tmp_path / 'x.db')


def test_without_shared_memory_frames_are_measured_in_one_process(night, alone, tmp_path, capsys, monkeypatch):
    """As in a container whose /dev/shm may not be written: the semaphores of processes live there."""
    def refuse(_context):
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr('multiprocessing.context.BaseContext.Lock', refuse)
    assert photcalibration.main(arguments(night, tmp_path / 'x.db', '--processes', '2', '--cameratype', 'fa')) < 2
    assert 'no worker processes here' in capsys.readouterr().err
    measured = rows(tmp_path / 'x.db', SAME)
    assert len(measured) >= 2
    assert measured == rows(alone, "select * from lcophot where camera like 'fa%' order by name")


def half_a_result(_tools, _item):
    """Die as a worker that was killed while it sent what it had made."""
    queue, = (each for each in gc.get_objects() if type(each) is SimpleQueue)
    queue._writer._send(struct.pack('!i', 100_000))
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_over_sending_a_result_is_not_waited_for():
    assert dict(in_processes(dict, (), half_a_result, [['x']], processes=1)) == {'x': None}


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
    assert f'died over {frame} while no other was running' in said
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
