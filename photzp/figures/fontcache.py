"""The lock of matplotlib's list of fonts, which a killed process may have left behind."""

import time
from contextlib import suppress
from pathlib import Path

_LOCK_S = 2.0  # the list is written in milliseconds


def release_font_list() -> None:
    """Remove the lock of the list once it is older than 2 s, waiting for that if need be.

    matplotlib writes the list once for each user and version, under a lock that only its holder removes.  If the holder
    was killed, every process that draws would wait for five seconds and make the list anew.  Call this before figures
    are imported.
    """
    import matplotlib as mpl

    for lock in Path(mpl.get_cachedir()).glob('*.matplotlib-lock'):
        with suppress(OSError):  # its holder has removed it, or this user may not
            made = lock.stat().st_mtime
            time.sleep(min(max(made + _LOCK_S - time.time(), 0), _LOCK_S))
            if lock.stat().st_mtime == made:
                lock.unlink()
