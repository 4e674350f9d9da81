"""matplotlib's list of fonts, over which a process may have been killed while it wrote it."""

import time
from contextlib import suppress
from pathlib import Path

LOCK_S = 2.0  # the list is written in milliseconds


def release_font_list() -> None:
    """Remove the lock of the list where it is older than LOCK_S, or grows so old while this waits.

    matplotlib writes the list once for each user and version, under a lock that nobody removes but its holder.  Where
    that one was killed, every process that draws would wait for five seconds and make the list anew.  To be called
    before figures are imported.
    """
    import matplotlib as mpl

    for lock in Path(mpl.get_cachedir()).glob('*.matplotlib-lock'):
        with suppress(OSError):  # its holder has removed it, or this user must not
            made = lock.stat().st_mtime
            time.sleep(min(max(made + LOCK_S - time.time(), 0), LOCK_S))
            if lock.stat().st_mtime == made:
                lock.unlink()
