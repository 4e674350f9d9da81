"""Number of cores that this process may use, also in a container."""

import math
import os
from pathlib import Path


def usable_cores(cgroups: Path = Path('/sys/fs/cgroup'), membership: Path = Path('/proc/self/cgroup')) -> int:
    """Cores by the affinity of this process and the quota of its control groups.

    Parameters
    ----------
    cgroups : pathlib.Path
        Where Linux shows the control groups (version 2).
    membership : pathlib.Path
        Where Linux shows the group of this process.

    Returns
    -------
    int
        At least 1; a quota is rounded up.

    References
    ----------
    https://docs.kernel.org/admin-guide/cgroup-v2.html
    """
    count = getattr(os, 'process_cpu_count', lambda: len(os.sched_getaffinity(0)))() or 1  # Python 3.13 and later
    own = [line[3:] for line in _text(membership).splitlines() if line.startswith('0::')]
    group = Path(own[0] if own else '/')
    for ancestor in (group, *group.parents):
        quota, _, period = _text(cgroups / ancestor.relative_to('/') / 'cpu.max').partition(' ')
        if quota.isdigit() and period.strip().isdigit():
            count = min(count, math.ceil(int(quota) / int(period)))
    return max(count, 1)


def _text(path: Path) -> str:
    """Content of a file; '' where this kind of system has no such file, or does not show it to this container."""
    try:
        return path.read_text(encoding='ascii')
    except OSError:
        return ''
