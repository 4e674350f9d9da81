"""An interpreter for tests that start many scripts: it has loaded the package, and forks where another would start.

A script runs as `python SCRIPT ARGUMENT...` would run it: by its path as `__main__`, with the arguments, environment,
working directory and standard files of the caller, who gets its output and exit status.  Only its imports are done.
"""

import atexit
import contextlib
import json
import os
import pkgutil
import runpy
import socket
import subprocess
import sys
import traceback
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = ('photzp.running.cluster',)  # loads Dask, for one option
# What callers start.  A command line that begins with an option is for an interpreter of its own.
PROGRAM = """#!{python} -IS
import json, os, socket, sys
if sys.argv[1:2] == [] or sys.argv[1].startswith('-'):
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({address!r})
    socket.send_fds(connection, [b'\\n'], [0, 1, 2])
    connection.sendall(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode())
    connection.shutdown(socket.SHUT_WR)
    sys.exit(int(connection.recv(9) or b'70'))
"""


@contextlib.contextmanager
def warm_python(place):
    """Path of a program, in a new directory, that stands for the interpreter as long as the context lasts."""
    place.mkdir()
    address, program = str(place / 'socket'), place / 'python'
    program.write_text(PROGRAM.format(python=sys.executable, address=address))
    program.chmod(0o755)
    with subprocess.Popen([sys.executable, '-m', 'tests.support.warmpython', address], cwd=ROOT, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as server:
        assert server.stdout.readline() == b'ready\n'
        yield str(program)
        server.terminate()


def serve(address):
    """Load the package, then run what callers ask for, each in a fork of this process."""
    import photzp

    for module in pkgutil.walk_packages(photzp.__path__, 'photzp.'):
        if module.name not in LEFT_OUT:
            import_module(module.name)
    for name in ('photcalibration', 'longtermphotzp'):
        import_module(name)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        print('ready', flush=True)
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                answer(connection)
            connection.close()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:  # those that have ended
                    pass


def answer(connection):
    """Run one script to its end, and tell the caller its exit status."""
    _, files, _, _ = socket.recv_fds(connection, 1, 3)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    with connection.makefile('rb') as asked:
        sys.argv, directory, environment = json.loads(asked.read())
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    status = status_of(sys.argv[0])
    atexit._run_exitfuncs()
    sys.stdout.flush()
    connection.sendall(str(status).encode())
    os._exit(0)


def status_of(script):
    """Exit status of a script that is run here."""
    try:
        runpy.run_path(script, run_name='__main__')
    except SystemExit as ended:
        return ended.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == '__main__':
    serve(sys.argv[1])
