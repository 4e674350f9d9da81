"""A PostgreSQL server of our own, on a free port of this host."""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path


def postgresql_programs():
    """The directory of initdb and pg_ctl, None where there is none."""
    found = sorted(Path('/usr/lib/postgresql').glob('*/bin/initdb')) or [Path(shutil.which('initdb') or 'none')]
    return found[-1].parent if found[-1].exists() else None


@contextmanager
def postgresql_server(programs, *, fsync):
    """Inside the block, the URL of a server whose data are gone afterwards.

    fsync : whether a commit waits for the disk; without, all is lost with the machine, which no test minds.
    """
    root = os.geteuid() == 0  # as which PostgreSQL refuses to run
    owner, become = ('postgres', ['runuser', '-u', 'postgres', '--']) if root else (getpass.getuser(), [])
    with socket.socket() as probe, tempfile.TemporaryDirectory(prefix='photzp-postgresql-') as place:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
        probe.close()
        if root:
            shutil.chown(place, owner)
        server = f'-c listen_addresses=127.0.0.1 -p {port} -k {place} -c fsync={"on" if fsync else "off"}'

        def run(program, *arguments):
            subprocess.run([*become, programs / program, '-D', f'{place}/data', *arguments], check=True, cwd=place,
                           stdout=subprocess.DEVNULL)

        run('initdb', '-U', owner, '-A', 'trust', '-E', 'UTF8')
        run('pg_ctl', '-w', '-l', f'{place}/log', '-o', server, 'start')
        try:
            yield f'postgresql+psycopg://{owner}@127.0.0.1:{port}/postgres'
        finally:
            run('pg_ctl', '-m', 'immediate', 'stop')
