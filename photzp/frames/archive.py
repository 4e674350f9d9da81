"""Which frames there are: an archive tree, or one directory, listed by name only.  No file is opened.

One exposure may be on disk at several reduction levels and in several folders: the most reduced one is listed.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from photzp.errors import ArchiveMissing
from photzp.names import FrameName, parse_frame_name

if TYPE_CHECKING:  # the scripts import this module for --help, too
    from photzp.observatory import Observatory


@dataclass(frozen=True, order=True)
class FrameFile:
    """A frame on disk.

    Attributes
    ----------
    name : FrameName
        Its file name, parsed.
    path : str
    """

    name: FrameName
    path: str

    def __str__(self) -> str:
        return self.name.name


@dataclass(frozen=True)
class Listing:
    """The frames of an archive or directory.

    Attributes
    ----------
    frames : tuple of FrameFile
        Sorted by camera, night and number.
    unreadable : tuple of (str, str)
        Folders that could not be listed, each with the reason.
    """

    frames: tuple[FrameFile, ...]
    unreadable: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Selection:
    """Which frames of an archive are listed; None selects all.

    Attributes
    ----------
    sites, cameras, camera_types : tuple of str or None
        Names.
    dates : tuple of str or None
        Local nights as YYYYMMDD.
    preview : bool
        Quick-look frames instead of final ones.
    """

    sites: tuple[str, ...] | None = None
    cameras: tuple[str, ...] | None = None
    camera_types: tuple[str, ...] | None = None
    dates: tuple[str, ...] | None = None
    preview: bool = False


def find_frames(root: Path | str, observatory: 'Observatory', selection: Selection) -> Listing:
    """List the frames below the root of an archive.

    Without cameras and camera types, all camera types of the observatory are listed.

    Parameters
    ----------
    root : str or Path
    observatory : Observatory
        Layout of the archive, form of frame names, camera types.
    selection : Selection

    Returns
    -------
    Listing

    Raises
    ------
    ArchiveMissing
        If the root does not exist; a folder below it that does not exist holds no frames.
    """
    if not os.path.isdir(root):
        raise ArchiveMissing(f'{root}: the frame archive does not exist; name its root by --imagerootdir')
    layout = observatory.archive
    folder = layout.preview_folder if selection.preview else layout.final_folder
    names = {'{site}': selection.sites, '{camera}': selection.cameras, '{dayobs}': selection.dates,
             '{folder}': (folder,)}
    types = selection.camera_types or tuple(observatory.camera_types)
    folders = [os.fspath(root)]
    unreadable: tuple[tuple[str, str], ...] = ()
    for part in layout.path.split('/'):
        folders, failures = _subfolders(folders, names.get(part, (part,)))
        unreadable += failures
        if part == '{camera}' and selection.cameras is None:
            folders = [path for path in folders if observatory.camera_type(os.path.basename(path)) in types]
    listing = _listing(folders, observatory, selection)
    return replace(listing, unreadable=unreadable + listing.unreadable)


def crawl_directory(directory: Path | str, observatory: 'Observatory') -> Listing:
    """List the frames directly inside one directory, whatever their camera and night.

    Parameters
    ----------
    directory : str or Path
    observatory : Observatory
        Form of frame names.

    Returns
    -------
    Listing

    Raises
    ------
    ArchiveMissing
        If the directory does not exist.
    """
    if not os.path.isdir(directory):
        raise ArchiveMissing(f'{directory}: the directory of --crawldirectory does not exist; see its spelling, '
                             'and whether it is mounted')
    return _listing([os.fspath(directory)], observatory, Selection())


def size_and_mtime(path: str) -> tuple[int, int]:
    """Size and modification time of a file, by which a later run sees that it changed.

    Parameters
    ----------
    path : str

    Returns
    -------
    size, mtime_ns : int
        In bytes and nanoseconds; zeros where there is no such file.
    """
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _subfolders(folders: Iterable[str], names: Iterable[str] | None) -> tuple[list[str], tuple[tuple[str, str], ...]]:
    """(existing subfolders of these names, or all but hidden ones if None; (folder, reason) of unreadable folders)."""
    paths: list[str] = []
    unreadable: list[tuple[str, str]] = []
    for folder in folders:
        if names is not None:
            named = (os.path.join(folder, name) for name in dict.fromkeys(names))
            paths += [path for path in named if os.path.isdir(path)]
            continue
        try:
            with os.scandir(folder) as entries:
                paths += sorted(entry.path for entry in entries if not entry.name.startswith('.') and entry.is_dir())
        except OSError as error:
            unreadable.append((folder, error.strerror or str(error)))
    return paths, tuple(unreadable)


def _listing(folders: Iterable[str], observatory: 'Observatory', selection: Selection) -> Listing:
    """List the frames in folders, the best one of each exposure; of the selection only cameras and dates are used."""
    best: dict[str, FrameFile] = {}
    unreadable: list[tuple[str, str]] = []
    for folder in folders:
        try:
            file_names = sorted(os.listdir(folder))
        except OSError as error:
            unreadable.append((folder, error.strerror or str(error)))
            continue
        for file_name in file_names:
            try:
                name = parse_frame_name(file_name, observatory.archive.frame_pattern)
            except ValueError:
                continue  # weight maps, logs, calibration products: not ours
            if name.obstype not in observatory.archive.name_types:
                continue
            if selection.cameras and name.camera not in selection.cameras:
                continue
            if selection.dates and name.dayobs not in selection.dates:
                continue
            other = best.get(name.exposure)
            if other is None or _rank(name) > _rank(other.name):
                best[name.exposure] = FrameFile(name, os.path.join(folder, file_name))
    frames = sorted(best.values(), key=lambda frame: (frame.name.camera, frame.name.dayobs, frame.name.name))
    return Listing(tuple(frames), tuple(unreadable))


def _rank(name: FrameName) -> tuple[int, bool]:
    """Sort key, the best last: a higher reduction level, then the packed file (.fz), which the archive serves."""
    return name.level, name.name.endswith('.fz')
