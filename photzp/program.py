"""Which program this is: its version, and a digest of its code.

Workers of a cluster must run the same code as the run that they work for, and what an earlier report made is taken over
only where the code is the same.
"""

from hashlib import sha256
from pathlib import Path

VERSION = '0.1.0'
SUFFIXES = ('.py', '.toml', '.j2', '.js', '.css')  # of code and of the data that it cannot do without
BESIDE = ('photcalibration.py', 'longtermphotzp.py', 'ps1catalog.py', 'photdbinterface.py')  # the package, where it is


def code_digest(package: Path = Path(__file__).parent) -> str:
    """SHA-256 (hexadecimal) of all code of the package, and of the files BESIDE it.

    package : the directory to read.
    """
    inside = sorted(path for path in package.rglob('*') if path.suffix in SUFFIXES)
    beside = [path for name in BESIDE if (path := package.parent / name).is_file()]
    found = sha256()
    for path in [*inside, *beside]:
        content = path.read_bytes()
        found.update(f'{path.relative_to(package.parent)} {len(content)} '.encode() + content)
    return found.hexdigest()
