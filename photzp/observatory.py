"""The observatory as data: sites, telescopes, cameras, filters, events, and how its archive and frames are written.

`load_observatory()` reads `observatory.toml` beside this module; `load_observatory(file)` lays a site's own file over
it.  Everything is checked on reading: a file that breaks a rule is refused, and the message names file, key
and rule.
"""

import math
import re
import typing
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from photzp.errors import ObservatoryInvalid
from photzp.measurements import EARLIEST
from photzp.names import class_of, site_of
from photzp.observatoryfile import laid_over, read_file, with_line
from photzp.observatorytables import Filter, ObservatoryTables
from photzp.times import local_noon
from photzp.typedtree import TreeInvalid, typed

Events = tuple[tuple[date, str, str], ...]  # date, kind, note

_BUILT_IN = Path(__file__).with_name('observatory.toml')
# [mag/mag] Colour term and its error where observatory.toml has none: see its comment on colour_terms.
_USUAL_COLORTERM = (0.0, 0.05)
# Lists of which the entries of a site's file are added to those of observatory.toml.
_LISTS = ('reference_throughput', 'gain_repairs', 'colour_terms', 'events', 'telescopes')
_of_toml = partial(typed, older=True, single=True)  # an optional key may be missing, and `x = 1` stands for `x = [1]`


class Observatory(ObservatoryTables):
    """The tables of `observatory.toml`, checked, with look-ups that have an answer for unknown names."""

    def ps1_band(self, filter_name: str) -> str | None:
        """Band of the reference catalogue for a filter.

        Parameters
        ----------
        filter_name : str
            Native filter.

        Returns
        -------
        str or None
            None where no band of the catalogue fits the filter, or the filter is unknown.
        """
        return self._filter(filter_name).ps1_band

    def reported_as(self, filter_name: str) -> str:
        """Filter under which frames of a native filter are reported.

        Parameters
        ----------
        filter_name : str
            Native filter.

        Returns
        -------
        str
            The same filter unless observatory.toml names another one.
        """
        return self._filter(filter_name).reported_as or filter_name

    def extinction(self, filter_name: str) -> float:
        """Adopted extinction in a filter.

        Parameters
        ----------
        filter_name : str
            Native filter.

        Returns
        -------
        float
            Magnitudes per airmass; 0 for an unknown filter.
        """
        return self._filter(filter_name).extinction

    def wavelength_order(self, filter_name: str) -> tuple[float, str]:
        """Sort key that puts filters in order of wavelength.

        Parameters
        ----------
        filter_name : str
            Any filter.

        Returns
        -------
        tuple of (float, str)
            Wavelength [nm], infinite where observatory.toml has none, and the name.
        """
        return self._filter(filter_name).wavelength_nm or math.inf, filter_name

    def camera_type(self, camera: str) -> str | None:
        """Camera type of a camera: the longest key that its name begins with.

        Parameters
        ----------
        camera : str
            Name of the camera.

        Returns
        -------
        str or None
            None where no type fits.
        """
        fitting = [name for name in self.camera_types if camera.startswith(name)]
        return max(fitting, key=len, default=None)

    def camera_kind(self, camera: str) -> str:
        """Camera type of a camera, guessed where observatory.toml has none.

        Parameters
        ----------
        camera : str
            Name of the camera.

        Returns
        -------
        str
            Its camera type, or the first two letters of its name.
        """
        return self.camera_type(camera) or camera[:2]

    def usual_colorterm(self, camera: str, filter_name: str) -> tuple[float, float]:
        """Colour term that a camera usually has; its own entry beats that of its type.

        Parameters
        ----------
        camera, filter_name : str
            Camera and native filter.

        Returns
        -------
        tuple of (float, float)
            Colour term and its 1-sigma error [mag/mag]; 0 and 0.05 where observatory.toml has none.
        """
        for wanted in (camera, self.camera_type(camera)):
            fitting = [term for term in self.colour_terms if (term.camera, term.filter) == (wanted, filter_name)]
            if fitting:
                return fitting[-1].colorterm, fitting[-1].error
        return _USUAL_COLORTERM

    def size_class(self, telescope: str) -> str:
        """Size class of a telescope, whose name begins with its diameter in metres, with m for the point, as 1m0a.

        Parameters
        ----------
        telescope : str
            Name of the telescope, without site and enclosure.

        Returns
        -------
        str
            Key of `size_classes`; that of the largest telescopes for a name that begins with no diameter.
        """
        diameter = re.match(r'(\d+)(?:m(\d*))?', class_of(telescope))
        diameter_m = float(f'{diameter[1]}.{diameter[2] or 0}') if diameter else math.inf
        keys = self.size_classes_by_size()
        return next((key for key in keys if self.size_classes[key].smallest_m <= diameter_m), keys[-1])

    def size_classes_by_size(self) -> tuple[str, ...]:
        """Sort the size classes.

        Returns
        -------
        tuple of str
            Keys of `size_classes`, the largest telescopes first.
        """
        return tuple(sorted(self.size_classes, key=lambda key: -self.size_classes[key].smallest_m))

    def longitude_deg(self, site: str) -> float:
        """Longitude of a site.

        Parameters
        ----------
        site : str
            Name of the site.

        Returns
        -------
        float
            Degrees, positive to the east; 0 for an unknown site.
        """
        return self.sites[site].longitude_deg if site in self.sites else 0.0

    def events_of(self, telescope: str) -> Events:
        """Events of a telescope.

        Parameters
        ----------
        telescope : str
            Site-enclosure-telescope.

        Returns
        -------
        tuple of (datetime.date, str, str)
            Date, kind and note of each, in order of time.
        """
        return tuple((event.date, event.kind, event.note) for event in self.events if event.telescope == telescope)

    def reference_mag(self, telescope_class: str, filter_name: str, camera: str, day: date) -> float | None:
        """Reference zeropoint: that of a clean telescope.

        Parameters
        ----------
        telescope_class : str
            As '1m0'.
        filter_name : str
            Filter as reported.
        camera : str
            Name of the camera.
        day : datetime.date
            Date for which the reference is to hold.

        Returns
        -------
        float or None
            Magnitudes, at airmass 1 and g-i = 1; None where observatory.toml has none.
        """
        fitting = [entry.zp_mag for entry in self.reference_throughput
                   if (entry.class_, entry.filter) == (telescope_class, filter_name)
                   and entry.camera_type in (None, self.camera_type(camera))
                   and (entry.from_ is None or entry.from_ <= day)]
        return fitting[-1] if fitting else None

    def _filter(self, name: str) -> Filter:
        """The entry of a filter; one without extinction for an unknown filter."""
        return self.filters.get(name) or Filter(extinction=0.0)


def start_of(observatory: Observatory, telescope: str, now: np.datetime64 | None = None) -> np.datetime64:
    """When the data of a telescope begin that a trend is fitted to.

    Parameters
    ----------
    observatory : Observatory
        Its events.
    telescope : str
        Site-enclosure-telescope.
    now : numpy.datetime64, optional
        A `start` later than this does not count yet.

    Returns
    -------
    numpy.datetime64
        Local noon of its last `start`, datetime64[ms]; `EARLIEST` where none is known or it is before that.
    """
    longitude_deg = observatory.longitude_deg(site_of(telescope))
    starts = (local_noon(date, longitude_deg) for date, kind, _ in observatory.events_of(telescope) if kind == 'start')
    return max([EARLIEST, *(time for time in starts if now is None or time <= now)])


def load_observatory(overlay: Path | str | None = None) -> Observatory:
    """Read the built-in description of the observatory, and lay a file over it.

    Parameters
    ----------
    overlay : path or str, optional
        A site's own TOML file.

    Returns
    -------
    Observatory
        Checked; an entry that a list has twice counts once.

    Raises
    ------
    ObservatoryInvalid
        A file cannot be read or breaks a rule; the text names file, line or key, and rule.
    """
    tree, file = read_file(_BUILT_IN), _BUILT_IN
    try:
        if overlay is not None:
            file = Path(overlay).expanduser()
            above = read_file(file)
            _check_lists(above)
            tree = laid_over(tree, above)
        return _without_repetition(_of_toml(Observatory, tree))
    except TreeInvalid as error:
        raise ObservatoryInvalid(f'{file}: {with_line(file, str(error))}') from None


def _check_lists(tree: dict[str, Any]) -> None:
    """Refuse wrong entries of lists before they are appended: messages then count them as in the site's file."""
    hints = typing.get_type_hints(Observatory, include_extras=True)
    for key in _LISTS:
        _of_toml(hints[key], tree.get(key, []), key)


def _without_repetition(observatory: Observatory) -> Observatory:
    """Drop repeated entries; keep the order of the files, so that equal keys sort alike in every run."""
    once = dict.fromkeys
    return replace(observatory, gain_repairs=tuple(once(observatory.gain_repairs)),
                   telescopes=tuple(once(observatory.telescopes)),
                   events=tuple(sorted(once(observatory.events), key=lambda e: (e.telescope, e.date, e.kind))))
