"""Sites that the data have and observatory.toml has not: their longitude, by which nights are cut, from their frames.

Frames are taken at night, and the middle of nights is local midnight: the mean time of day of all frames of a site, on
the circle, tells its longitude.  Where frames come at all hours, as from a clock that runs in no zone, it does not.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol, Unpack

import numpy as np

from photzp.measurements import EARLIEST
from photzp.names import Telescope, safe_part
from photzp.observatory import Observatory
from photzp.observatorytables import Site
from photzp.records import Selection
from photzp.times import MS_PER_DAY, night_of

log = logging.getLogger('photzp.report')

# Fewer show no daily gap; for 20 random times the chance of one of 6 h is 8 %.
_FEWEST_FRAMES, _FEWEST_NIGHTS = 20, 5
_SHORTEST_DAY_DEG = 90.0  # 6 h without frames: chosen as no night of a telescope outside the polar circles is longer
_STRAY_SHARE = 0.01  # of frames, those farthest from the mean, do not count: clocks are wrong at times
_STEP_DEG = 5.0  # 20 min: noon is hours from any frame, and the longitude must not change with every new night


class TimesOfSites(Protocol):
    """What is needed of the database; `PhotDatabase` has it."""

    def telescopes(self) -> list[Telescope]:
        """Telescopes that have rows.

        Returns
        -------
        list of Telescope
        """
        ...

    def times(self, **selection: Unpack[Selection]) -> np.ndarray:
        """Start of exposures.

        Parameters
        ----------
        **selection : Selection
            Which rows.

        Returns
        -------
        ndarray of datetime64[ms], shape (n,)
            UTC.
        """
        ...


def with_sites_of_data(database: TimesOfSites, observatory: Observatory, now: np.datetime64, *,
                       site: str | None = None) -> Observatory:
    """Add the sites of the database that the observatory does not know, with a warning for each.

    Everything that cuts nights has to use the observatory that is returned.

    Parameters
    ----------
    database : TimesOfSites
    observatory : Observatory
    now : numpy.datetime64
        The present, datetime64[ms]: later frames do not count.
    site : str, optional
        Look at no other site.

    Returns
    -------
    Observatory
        With the sites whose longitude their frames show; the latitude of these is NaN.
    """
    unknown = {telescope.site for telescope in database.telescopes()} - observatory.sites.keys()
    found = {}
    for name in sorted(_that_can_be_reported(unknown if site is None else unknown & {site})):
        time = database.times(site=name, start=EARLIEST, end=now)
        longitude_deg = longitude_of(time)
        if longitude_deg is not None:
            found[name] = Site(np.nan, longitude_deg)
        taken = ('nights are cut at noon of Greenwich (longitude 0), as its frames do not show its longitude'
                 if longitude_deg is None else
                 f'longitude {longitude_deg:+.0f} deg is taken, from the times of day of its {len(time)} frames')
        log.warning('site %s is not in observatory.toml: %s; write %s = {latitude_deg = ..., longitude_deg = ...} '
                    'below [sites] into a file for --observatory', name, taken, name)
    return replace(observatory, sites={**observatory.sites, **found}) if found else observatory


def _that_can_be_reported(sites: Iterable[str]) -> set[str]:
    """Names that may become part of file names: others are left out of the report."""
    names = set()
    for site in sites:
        try:
            names.add(safe_part(site))
        except ValueError:
            continue
    return names


def longitude_of(time: np.ndarray) -> float | None:
    """Longitude of a site from the times of its frames.

    Parameters
    ----------
    time : ndarray of datetime64[ms], shape (n,)
        Start of exposures, UTC.

    Returns
    -------
    float or None
        Degrees, positive to the east, in steps of 5; None where the frames are too few, or leave no gap of 6 h around
        local noon.
    """
    if len(time) < _FEWEST_FRAMES:
        return None
    hour_deg = 360 * ((time.astype(np.int64) % MS_PER_DAY) / MS_PER_DAY)
    midnight_deg = np.degrees(np.angle(np.mean(np.exp(1j * np.radians(hour_deg)))))
    from_midnight = (hour_deg - midnight_deg + 180) % 360 - 180
    near = np.argsort(np.abs(from_midnight), kind='stable')[:len(time) - int(_STRAY_SHARE * len(time))]
    longitude_deg = (-_STEP_DEG * round(float(midnight_deg) / _STEP_DEG) + 180) % 360 - 180
    day_deg = 360 - np.ptp(from_midnight[near])
    nights = np.unique(night_of(time[near], longitude_deg))
    return longitude_deg if day_deg >= _SHORTEST_DAY_DEG and len(nights) >= _FEWEST_NIGHTS else None
