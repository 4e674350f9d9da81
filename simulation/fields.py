"""Where a simulated night observes: cameras on telescopes, and fields on the sky.

Fields belong to regimes, each with a difficulty: the galactic plane, few stars, RA 0, the pole, a wide camera, files
that the catalogue lacks.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass

from simulation.spec import CAMERAS, SITES, CameraModel


@dataclass(frozen=True)
class Station:
    """One camera on one telescope.

    Attributes
    ----------
    site, enclosure, telescope, camera : str
        As in headers, e.g. lsc, doma, 1m0a, fa15.
    tag : str
        The telescope in names of files, e.g. 1m005.
    """

    site: str
    enclosure: str
    telescope: str
    tag: str
    camera: str

    @property
    def model(self) -> CameraModel:
        """The kind of camera, by the first two letters of its name.

        Returns
        -------
        CameraModel
            That of CAMERAS.
        """
        return CAMERAS[self.camera[:2]]


STATIONS = (
    Station('lsc', 'doma', '1m0a', '1m005', 'fa15'),
    Station('lsc', 'domb', '1m0a', '1m009', 'fa04'),
    Station('lsc', 'domc', '1m0a', '1m004', 'fl03'),
    Station('lsc', 'aqwa', '0m4a', '0m409', 'kb26'),
    Station('cpt', 'domc', '1m0a', '1m012', 'fa06'),
    Station('cpt', 'doma', '1m0a', '1m010', 'fl16'),
    Station('cpt', 'aqwa', '0m4a', '0m407', 'sq33'),
    Station('elp', 'doma', '1m0a', '1m008', 'fa05'),
    Station('elp', 'domb', '1m0a', '1m006', 'fl07'),
    Station('elp', 'aqwa', '0m4a', '0m411', 'kb80'),
    Station('coj', 'clma', '2m0a', '2m002', 'fs01'),
    Station('coj', 'doma', '1m0a', '1m011', 'fa12'),
    Station('coj', 'clma', '0m4a', '0m403', 'sq37'),
    Station('ogg', 'clma', '2m0a', '2m001', 'ep04'),
    Station('ogg', 'clma', '2m0a', '2m001', 'fs02'),
    Station('ogg', 'clma', '0m4b', '0m406', 'sq30'),
    Station('tfn', 'doma', '1m0a', '1m001', 'fa20'),
    Station('tfn', 'aqwa', '0m4a', '0m414', 'sq36'),
)
_MAX_ZENITH_DEG = 62.0  # airmass 2.1


@dataclass(frozen=True)
class Regime:
    """A kind of field.

    Attributes
    ----------
    share : float
        Of the frames of a night; 0 for the two that serve planted defects only.
    cameras : tuple of str
        Kinds of cameras that observe such fields.
    counts_slope : float
        Star counts rise as 10^(counts_slope m).
    hole_deg : float
        Radius around the centre in which the catalogue is empty.
    """

    share: float
    cameras: tuple[str, ...]
    counts_slope: float = 0.24
    hole_deg: float = 0.0


REGIMES = {
    'ordinary': Regime(0.52, ('fl', 'fa', 'fs', 'ep', 'kb')),
    'plane': Regime(0.12, ('fl', 'fa', 'fs', 'ep'), counts_slope=0.30),
    'sparse': Regime(0.09, ('fs', 'ep', 'kb'), counts_slope=0.20),
    'wrap': Regime(0.10, ('fl', 'fa', 'fs', 'ep', 'sq')),
    'pole': Regime(0.07, ('fl', 'fa', 'sq')),
    'wide': Regime(0.07, ('sq',)),
    'incomplete': Regime(0.03, ('fl', 'fa')),
    'outside': Regime(0.0, ('fl', 'fa')),
    'empty': Regime(0.0, ('fl', 'fa'), hole_deg=1.0),
}


@dataclass(frozen=True)
class SkyField:
    """A place on the sky that a night observes.

    Attributes
    ----------
    name : str
        Object in headers.
    regime : str
        Key of REGIMES.
    ra_deg, dec_deg : float
        Centre.
    stars_per_sqdeg : float
        Number of stars brighter than r = 20.
    """

    name: str
    regime: str
    ra_deg: float
    dec_deg: float
    stars_per_sqdeg: float


FIELDS = (
    SkyField('cosmos', 'ordinary', 150.12, 2.21, 2300.0),
    SkyField('eri', 'ordinary', 52.9, -18.7, 2000.0),
    SkyField('virgo', 'ordinary', 186.3, 12.7, 2400.0),
    SkyField('aqr', 'ordinary', 329.4, -12.9, 3500.0),
    SkyField('her', 'ordinary', 250.4, 27.2, 4000.0),
    SkyField('vul', 'plane', 292.3, 18.6, 150000.0),
    SkyField('sgr', 'plane', 274.7, -16.2, 120000.0),
    SkyField('mon', 'plane', 104.3, -4.4, 105000.0),
    SkyField('sgp', 'sparse', 12.9, -26.1, 1600.0),
    SkyField('ngp', 'sparse', 194.8, 27.4, 1600.0),
    SkyField('wrap-east', 'wrap', 0.04, 4.9, 2600.0),
    SkyField('wrap-west', 'wrap', 359.83, -9.1, 2600.0),
    SkyField('polaris', 'pole', 38.0, 89.0, 3500.0),
    SkyField('pole', 'pole', 211.0, 89.85, 3500.0),
    SkyField('m44', 'wide', 130.1, 19.7, 2500.0),
    SkyField('orion', 'wide', 83.4, -1.6, 3200.0),
    SkyField('gap-north', 'incomplete', 232.1, 10.12, 3000.0),
    SkyField('gap-south', 'incomplete', 63.2, -20.11, 3000.0),
    SkyField('south', 'outside', 201.4, -44.6, 4000.0),
    SkyField('void', 'empty', 30.2, -14.9, 3000.0),
)
Places = dict[str, list[tuple[Station, SkyField]]]  # by regime


def reachable_fields(sites: Container[str], regimes: Iterable[str]) -> Places:
    """Fields that the cameras of some sites can observe.

    Parameters
    ----------
    sites : container of str
        Keys of SITES.
    regimes : iterable of str
        Keys of REGIMES.

    Returns
    -------
    dict
        List of (Station, SkyField) by regime; regimes without any are left out.
    """
    places = {}
    for regime in regimes:
        pairs = [(station, field) for station in STATIONS for field in FIELDS
                 if field.regime == regime and station.site in sites and station.camera[:2] in REGIMES[regime].cameras
                 and abs(SITES[station.site][0] - field.dec_deg) < _MAX_ZENITH_DEG]
        if pairs:
            places[regime] = pairs
    return places
