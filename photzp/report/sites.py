"""Sites that the data have and observatory.toml has not: their longitude, by which nights are cut, from their frames.

Frames are taken at night, and the middle of nights is local midnight: the mean time of day of all frames of a site, on
the circle, tells its longitude.  Where frames come at all hours, as from a clock that runs in no zone, it does not.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

import numpy as np

from photzp.measurements import EARLIEST
from photzp.names import safe_part
from photzp.observatory import Observatory
from photzp.observatorytables import Site
from photzp.times import MS_PER_DAY, night_of

log = logging.getLogger('photzp.report')

# Fewer show no day: of 20 random times of day one or none is near noon by chance in some percent of cases.
_FEWEST_FRAMES, _FEWEST_NIGHTS = 20, 5
# By day there are no frames, but clocks are wrong at times.  Chosen as a quarter of what comes near noon at random.
_NEAR_NOON_DEG, _NEAR_NOON_SHARE = 45.0, 1 / 16  # 3 h before and after it
_STEP_DEG = 5.0  # 20 min: noon is hours from any frame, and the longitude must not change with every new night


def with_sites_of_data(sites: Collection[str], times: Callable[..., np.ndarray], observatory: Observatory,
                       now: np.datetime64) -> Observatory:
    """Add the sites of the database that the observatory does not know, with a warning for each.

    Everything that cuts nights has to use the observatory that is returned.

    Parameters
    ----------
    sites : collection of str
        Sites of the data; what cannot be reported, as it may not become part of file names, is left out.
    times : callable
        Start of the exposures of a `site` from `start` to `end`, as `PhotDatabase.times` returns it.
    observatory : Observatory
    now : numpy.datetime64
        The present, datetime64[ms]: later frames do not count.

    Returns
    -------
    Observatory
        With the sites whose longitude their frames show; the latitude of these is NaN.
    """
    found = {}
    for name in sorted(_that_can_be_reported(set(sites) - observatory.sites.keys())):
        time = times(site=name, start=EARLIEST, end=now)
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
        Degrees, positive to the east, in steps of 5; None where frames are too few, or come at noon as well.
    """
    if len(time) < _FEWEST_FRAMES:
        return None
    hour_deg = 360 * ((time.astype(np.int64) % MS_PER_DAY) / MS_PER_DAY)
    midnight_deg = np.degrees(np.angle(np.mean(np.exp(1j * np.radians(hour_deg)))))
    from_midnight_deg = np.abs((hour_deg - midnight_deg + 180) % 360 - 180)
    by_day = from_midnight_deg > 180 - _NEAR_NOON_DEG
    longitude_deg = (-_STEP_DEG * round(float(midnight_deg) / _STEP_DEG) + 180) % 360 - 180
    nights = np.unique(night_of(time[~by_day], longitude_deg))
    return longitude_deg if np.mean(by_day) <= _NEAR_NOON_SHARE and len(nights) >= _FEWEST_NIGHTS else None
