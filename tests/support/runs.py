"""Runs of photcalibration.py over the simulated night: what they wrote, and the processes that are at it."""

import fcntl
import json
import os
import pty
import re
import signal
import sqlite3
import struct
import subprocess
import termios
import time
from contextlib import closing, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MANY = ('--cameratype', 'fa,fl,fs,kb')  # those with small fields, which do not take long
SAME = 'select * from lcophot order by name'
REJECTED = 'select * from photreject order by name'


def rows(database, sql):
    """What a query finds, without the columns that differ between runs."""
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute(sql)
        hidden = [n for n, (name, *_) in enumerate(found.description) if name in ('processed', 'looked', 'id')]
        return [[value for n, value in enumerate(row) if n not in hidden] for row in found]


def arguments(night, database, *more, ps1=None):
    """The command line over the night."""
    return [*MANY, '--imagerootdir', str(night.archive), '--ps1dir', str(ps1 or night.ps1), '--photodb', str(database),
            *more]


def on_a_terminal(command, environment, columns=100):
    """What a program shows on a terminal that is its standard error and output, to its end."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 40, columns, 0, 0))
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment) as process:
        os.close(slave)
        shown = b''
        with suppress(OSError):  # how a terminal tells that nobody has it open any more
            while part := os.read(master, 65536):
                shown += part
        process.wait(timeout=60)
    os.close(master)
    return shown.decode()


def children(pid):
    """Processes that a process has started, as /proc shows them."""
    return [int(child) for task in Path(f'/proc/{pid}/task').iterdir()
            for child in (task / 'children').read_text().split()]


def running(pid):
    """Whether there is such a process, and not only what is left of it."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except (FileNotFoundError, ProcessLookupError):
        return False


def stopped_by(process, number):
    """Send a signal to a run of several processes; what it says until all of them have ended, none of them left."""
    workers = children(process.pid)
    assert len(workers) >= 2
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as the terminal does
    else:
        process.send_signal(number)
    said = process.stderr.read()  # to its end, which comes when the last process has closed it
    assert process.wait(timeout=60) == (-number if number == signal.SIGKILL else 128 + number)
    until(lambda: not any(map(running, workers)))
    assert 'Traceback' not in said
    return said


def assert_same_run(said, one, other):
    """Two databases hold the same rows and counts, and the log of the second has one line for each frame."""
    for sql in (SAME, REJECTED):
        assert rows(other, sql) == rows(one, sql)
    (first,), (second,) = (rows(database, 'select counts, pertelescope from photrun') for database in (one, other))
    assert list(map(json.loads, first)) == list(map(json.loads, second))
    lines = said.splitlines()
    assert sum(' zp ' in line for line in lines) == len(rows(one, SAME))
    assert all(re.match(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ (INFO|WARNING) ', line) for line in lines)


def until(condition):
    """Wait until it holds; the limit is for a test that would hang otherwise."""
    for _ in range(1200):
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError('it never came about')


def never_ends(file):
    """Variables of the environment of a process in which reading the file never ends, see pitfall/sitecustomize.py."""
    os.mkfifo(f'{file}.pipe')
    return {'PHOTZP_PITFALL': str(file), 'PYTHONPATH': str(Path(__file__).parent / 'pitfall')}


def writing_end(pipe):
    """The end of a pipe that somebody reads from, None where nobody does."""
    try:
        return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def readers(parent, pipe):
    """Children that have the pipe open."""
    found = []
    for child in children(parent):
        with suppress(FileNotFoundError):  # it closed a file, or ended, while we looked
            if str(pipe) in {os.readlink(file) for file in Path(f'/proc/{child}/fd').iterdir()}:
                found.append(child)
    return found


def kill(parent, pipe):
    """Kill the child that reads from the pipe, as soon as there is one."""
    end = until(lambda: writing_end(pipe))
    child, = until(lambda: readers(parent, pipe))
    os.kill(child, signal.SIGKILL)
    until(lambda: not running(child))
    os.close(end)
