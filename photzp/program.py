"""Which program this is: its version, and a digest of its code.

Workers of a cluster must run the same code as the run that they work for, and a report reuses what an earlier one made
only where the code is the same.
"""

from hashlib import sha256
from pathlib import Path

VERSION = '0.1.0'
_SUFFIXES = ('.py', '.toml', '.j2', '.js', '.css')  # of code, and of the data files that it needs
_TOP_FILES = ('photcalibration.py', 'longtermphotzp.py', 'ps1catalog.py', 'photdbinterface.py')  # beside the package


def code_digest(package: Path = Path(__file__).parent) -> str:
    """Digest of all code of the package, and of the four files beside it.

    Parameters
    ----------
    package : pathlib.Path
        Directory of the package.

    Returns
    -------
    str
        SHA-256 in hexadecimal, over names and contents.
    """
    inside = sorted(path for path in package.rglob('*') if path.suffix in _SUFFIXES)
    beside = [path for name in _TOP_FILES if (path := package.parent / name).is_file()]
    digest = sha256()
    for path in [*inside, *beside]:
        content = path.read_bytes()
        digest.update(f'{path.relative_to(package.parent)} {len(content)} '.encode() + content)
    return digest.hexdigest()
