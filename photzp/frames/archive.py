"""Which frames there are: an archive tree, or one directory, listed by name only.  No file is opened.

One exposure may be there at several reduction levels and in several folders: the final one is listed.
"""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from photzp.errors import ArchiveMissing
from photzp.names import FrameName, parse_frame_name

if TYPE_CHECKING:  # the scripts import this module for --help, too
    from photzp.observatory import Observatory


@dataclass(frozen=True, order=True)
class FrameFile:
    """A frame on disk: its name taken apart, and where it is."""

    name: FrameName
    path: str

    def __str__(self) -> str:
        return self.name.name


@dataclass(frozen=True)
class Listing:
    """frames : sorted by camera, night and number.  unreadable : (folder, why) of folders that could not be listed."""

    frames: tuple[FrameFile, ...]
    unreadable: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Selection:
    """What is asked of the archive; None selects all.

    sites, cameras, camera_types : names.  dates : local nights as YYYYMMDD.
    preview : quick-look frames instead of final ones.
    """

    sites: tuple[str, ...] | None = None
    cameras: tuple[str, ...] | None = None
    camera_types: tuple[str, ...] | None = None
    dates: tuple[str, ...] | None = None
    preview: bool = False


def find_frames(root: Path | str, observatory: 'Observatory', selection: Selection) -> Listing:
    """List the frames below an archive root.

    A folder that does not exist holds no frames; a root that does not exist raises ArchiveMissing.  Without cameras
    and camera types, all camera types of the observatory are listed.
    """
    if not os.path.isdir(root):
        raise ArchiveMissing(f'{root}: the frame archive does not exist; name its root by --imagerootdir')
    layout = observatory.archive
    cameras = selection.cameras
    folder = layout.preview_folder if selection.preview else layout.final_folder
    known = {'site': selection.sites, 'camera': cameras, 'dayobs': selection.dates, 'folder': (folder,)}
    types = selection.camera_types or tuple(observatory.camera_types)
    wanted = {'camera': (lambda name: observatory.camera_type(name) in types) if cameras is None else None}
    unreadable: list[tuple[str, str]] = []
    folders = [os.fspath(root)]
    for part in layout.path.split('/'):
        folders = [found for above in folders for found in _descend(above, part, known, wanted, unreadable)]
    return _listing(folders, observatory, unreadable, known['camera'], known['dayobs'])


def crawl_directory(directory: Path | str, observatory: 'Observatory') -> Listing:
    """List the frames directly inside one directory, whatever its camera and date."""
    if not os.path.isdir(directory):
        raise ArchiveMissing(f'{directory}: the directory of --crawldirectory does not exist; see its spelling, '
                             'and whether it is mounted')
    return _listing([os.fspath(directory)], observatory, [])


def _descend(above: str, part: str, known: Mapping[str, Iterable[str] | None],
             wanted: Mapping[str, Callable[[str], bool] | None], unreadable: list[tuple[str, str]]) -> list[str]:
    """Folders below `above` that the part of the path template (a word, or a name in braces) stands for."""
    key = part[1:-1] if part.startswith('{') else None
    if key is None:
        return [path] if os.path.isdir(path := os.path.join(above, part)) else []
    asked = known.get(key)
    if asked is not None:
        paths = [os.path.join(above, name) for name in dict.fromkeys(asked)]
        return [path for path in paths if os.path.isdir(path)]
    try:
        with os.scandir(above) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith('.') and entry.is_dir())
    except OSError as error:
        unreadable.append((above, error.strerror or str(error)))
        return []
    fits = wanted.get(key) or (lambda name: True)
    return [os.path.join(above, name) for name in names if fits(name)]


def _listing(folders: Iterable[str], observatory: 'Observatory', unreadable: list[tuple[str, str]],
             cameras: Collection[str] | None = None, dates: Collection[str] | None = None) -> Listing:
    best: dict[str, FrameFile] = {}
    for folder in folders:
        try:
            names = sorted(os.listdir(folder))
        except OSError as error:
            unreadable.append((folder, error.strerror or str(error)))
            continue
        for name in names:
            try:
                parsed = parse_frame_name(name, observatory.archive.frame_pattern)
            except ValueError:
                continue  # weight maps, logs, calibration products: not ours
            if parsed.obstype not in observatory.archive.name_types:
                continue
            if (cameras and parsed.camera not in cameras) or (dates and parsed.dayobs not in dates):
                continue
            found = best.get(parsed.exposure)
            if found is None or _rank(parsed) > _rank(found.name):
                best[parsed.exposure] = FrameFile(parsed, os.path.join(folder, name))
    frames = sorted(best.values(), key=lambda f: (f.name.camera, f.name.dayobs, f.name.name))
    return Listing(tuple(frames), tuple(unreadable))


def _rank(name: FrameName) -> tuple[int, bool]:
    """Final beats quick look; of one frame packed and unpacked the packed one, which is what the archive serves."""
    return name.level, name.name.endswith('.fz')


def file_facts(path: str) -> tuple[int, int]:
    """(size [bytes], time of change [ns]) of a file, zeros where it is not there (any more)."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns
