"""In a process that has this directory on PYTHONPATH, opening PHOTZP_PITFALL never ends, as on a lost mount."""

import builtins
import os

_open = builtins.open


def _open_or_wait(file, *arguments, **settings):
    if str(file) == os.environ.get('PHOTZP_PITFALL'):
        with _open(f'{file}.pipe', 'rb') as pipe:
            pipe.read()
    return _open(file, *arguments, **settings)


builtins.open = _open_or_wait
