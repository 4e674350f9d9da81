"""A PostgreSQL server of our own, for tests: in a temporary directory, on a free port of this machine."""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Server:
    """A server that runs; `url` is that of its database.  It may be stopped and started again."""

    def __init__(self, programs: Path, place: str, port: int, fsync: bool) -> None:
        root = os.geteuid() == 0  # as which PostgreSQL refuses to run
        owner, self._become = ('postgres', ['runuser', '-u', 'postgres', '--']) if root else (getpass.getuser(), [])
        if root:
            shutil.chown(place, owner)
        self._programs, self._place = programs, place
        self._options = f'-c listen_addresses=127.0.0.1 -p {port} -k {place} -c fsync={"on" if fsync else "off"}'
        self.url = f'postgresql+psycopg://{owner}@127.0.0.1:{port}/postgres'
        self._run('initdb', '-U', owner, '-A', 'trust', '-E', 'UTF8')
        self.start()

    def start(self) -> None:
        """Start it; returns when it answers."""
        self._run('pg_ctl', '-w', '-l', f'{self._place}/log', '-o', self._options, 'start')

    def stop(self) -> None:
        """Stop it hard, as a crash would: connections end in the middle of whatever they are at."""
        self._run('pg_ctl', '-m', 'immediate', 'stop')

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run([*self._become, self._programs / program, '-D', f'{self._place}/data', *arguments], check=True,
                       cwd=self._place, stdout=subprocess.DEVNULL)


def programs() -> Path | None:
    """Directory of PostgreSQL's programs, None where it is not installed."""
    found = sorted(Path('/usr/lib/postgresql').glob('*/bin/initdb'))
    there = found[-1] if found else Path(shutil.which('initdb') or 'none')
    return there.parent if there.exists() else None


@contextmanager
def server(*, fsync: bool = False) -> Iterator[Server]:
    """A new server; FileNotFoundError where PostgreSQL is not installed.

    fsync : whether a commit waits for the disk; without, all is lost with the machine, which no test minds.
    """
    there = programs()
    if there is None:
        raise FileNotFoundError('PostgreSQL is not installed (apt-get install postgresql)')
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix='photzp-postgresql-') as place:
        running = Server(there, place, port, fsync)
        try:
            yield running
        finally:
            running.stop()
