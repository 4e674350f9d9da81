"""What simulated years are made of: a specification, telescopes with their events, and the truth of each filter."""

from dataclasses import dataclass, field

import numpy as np

from simulation.spec import SITES

DAYS_PER_MONTH = 30.4375
# Dust and ageing aluminium take more from the blue: size of slopes and steps by filter, relative to the mirror's.
FILTER_FACTOR = {'gp': 1.1, 'rp': 1.0, 'ip': 0.95, 'zp': 0.9}

# Site, enclosure, telescope, tag in frame names, camera type.  The telescopes are called s, t, u where real ones are a,
# b, c, so that the events of real telescopes, which stay in force beside an overlay, are not taken for theirs.
TELESCOPES = (
    ('lsc', 'doma', '1m0s', '1m005', 'fa'), ('lsc', 'domb', '1m0s', '1m009', 'fa'),
    ('lsc', 'domc', '1m0s', '1m004', 'fa'), ('lsc', 'aqwa', '0m4s', '0m409', 'kb'),
    ('coj', 'clma', '2m0s', '2m002', 'ep'), ('coj', 'doma', '1m0s', '1m011', 'fa'),
    ('coj', 'domb', '1m0s', '1m003', 'fa'), ('coj', 'clma', '0m4s', '0m403', 'kb'),
    ('ogg', 'clma', '2m0s', '2m001', 'ep'), ('ogg', 'clma', '0m4t', '0m406', 'kb'),
    ('ogg', 'clma', '0m4u', '0m404', 'kb'), ('elp', 'doma', '1m0s', '1m008', 'fa'),
    ('elp', 'domb', '1m0s', '1m006', 'fa'), ('elp', 'aqwa', '0m4s', '0m411', 'kb'),
    ('cpt', 'doma', '1m0s', '1m010', 'fa'), ('cpt', 'domb', '1m0s', '1m013', 'fa'),
    ('cpt', 'domc', '1m0s', '1m012', 'fa'), ('cpt', 'aqwa', '0m4s', '0m407', 'kb'),
    ('tfn', 'doma', '1m0s', '1m001', 'fa'), ('tfn', 'domb', '1m0s', '1m014', 'fa'),
    ('tfn', 'aqwa', '0m4s', '0m414', 'kb'), ('tfn', 'aqwa', '0m4t', '0m416', 'kb'),
)
# Order in which few telescopes of real nights are taken: sites with three, two and one, in both hemispheres.
_FEW = (0, 1, 2, 11, 4, 5, 18, 17)
_REAL_ORDER = (*_FEW, *(number for number in range(len(TELESCOPES)) if number not in _FEW))


@dataclass(frozen=True, kw_only=True)
class YearsSpec:
    """Which years to simulate.

    Attributes
    ----------
    seed : int
        The same seed gives the same rows.
    telescopes : int
        How many of TELESCOPES.
    years : float
        How long.
    filters : tuple of str
        Keys of FILTER_FACTOR.
    photometric : float
        Share of nights without cloud.
    one_per_night : bool
        One frame per night and filter.
    start : str
        First night, YYYY-MM-DD.
    unrecorded_mag : tuple of float
        Sizes of steps that nobody records, one a year.
    dust_factor : float
        Slopes are so much steeper in one season of each year.
    extinction_swing : float
        Amplitude of the extinction over the year, relative.
    night_noise_mag : float
        Grey scatter of the nights of each telescope.
    nights : str
        'real' or 'ideal', as described in `years`.
    cadence : str
        Of real nights: 'mixed', or a key of `cadences.CADENCES` for all telescopes.
    wet, veil : bool or None
        Of real nights: a wet season and a veil of weeks in each year of each site, in none, or now and then (None).
    hidden_steps : bool
        Of real nights: there are steps that nobody records.

    Notes
    -----
    In ideal nights the default of `unrecorded_mag`, `dust_factor`, `extinction_swing` and `night_noise_mag` is that
    there is none of it; in real nights the defaults stand for what is described there, and others replace that.
    """

    seed: int = 1
    telescopes: int = len(TELESCOPES)
    years: float = 4.0
    filters: tuple[str, ...] = tuple(FILTER_FACTOR)
    photometric: float = 0.6
    one_per_night: bool = False
    start: str = '2016-01-01'
    unrecorded_mag: tuple[float, ...] = ()
    dust_factor: float = 1.0
    extinction_swing: float = 0.0
    night_noise_mag: float = 0.0
    nights: str = 'real'
    cadence: str = 'mixed'
    wet: bool | None = None
    veil: bool | None = None
    hidden_steps: bool = True

    @property
    def n_nights(self) -> int:
        """Number of nights.

        Returns
        -------
        int
            At least one.
        """
        return max(round(365.25 * self.years), 1)

    @property
    def numbers(self) -> tuple[int, ...]:
        """Which telescopes are simulated.

        Returns
        -------
        tuple of int
            Indices in TELESCOPES.
        """
        return (_REAL_ORDER if self.nights == 'real' else tuple(range(len(TELESCOPES))))[:self.telescopes]


@dataclass(frozen=True, kw_only=True)
class TrueEvent:
    """A change of a telescope's throughput.

    Attributes
    ----------
    day : float
        From the first noon.
    kind : str
        As in the list of events, or 'unrecorded'.
    size : float
        Step of the zeropoint [mag].
    recorded : bool
        It is in the list of events.
    colour : str
        'mirror' (by FILTER_FACTOR), 'grey' (the same in all filters), or the only filter that it acts on.
    written_day : float or None
        Day of the date in the list of events where that is wrong.
    """

    day: float
    kind: str
    size: float = 0.0
    recorded: bool = True
    colour: str = 'mirror'
    written_day: float | None = None

    @property
    def recorded_day(self) -> float:
        """Day that the list of events has.

        Returns
        -------
        float
            From the first noon; the true day where the list is right.
        """
        return self.day if self.written_day is None else self.written_day

    def size_in(self, filter_name: str) -> float:
        """Size in one filter.

        Parameters
        ----------
        filter_name : str
            Key of FILTER_FACTOR.

        Returns
        -------
        float
            In mag.
        """
        factors = {'mirror': FILTER_FACTOR[filter_name], 'grey': 1.0}
        return self.size * factors.get(self.colour, float(self.colour == filter_name))


@dataclass(frozen=True, kw_only=True)
class TrueTelescope:
    """A telescope and its history; days count from the first noon.

    Attributes
    ----------
    site, enclosure, telescope, tag : str
        As in TELESCOPES.
    events : tuple of TrueEvent
        In order of time.
    cameras : tuple of (str, int, int)
        Name, first day and last day + 1 of each camera.
    open_nights : ndarray of bool (n_nights,)
        Nights with frames.
    native : bool
        Uses the native filter zs besides zp.
    old_until : int
        Rows before this day are those of an older program.
    cadence : str
        Key of `cadences.CADENCES`; '' in ideal nights.
    """

    site: str
    enclosure: str
    telescope: str
    tag: str
    events: tuple[TrueEvent, ...]
    cameras: tuple[tuple[str, int, int], ...]
    open_nights: np.ndarray
    native: bool
    old_until: int
    cadence: str = ''

    @property
    def name(self) -> str:
        """Name of the telescope.

        Returns
        -------
        str
            site-enclosure-telescope.
        """
        return f'{self.site}-{self.enclosure}-{self.telescope}'

    @property
    def longitude_deg(self) -> float:
        """Longitude of the site.

        Returns
        -------
        float
            In degrees, east positive.
        """
        return SITES[self.site][1]


@dataclass(frozen=True, kw_only=True)
class TrueSeries:
    """Truth of one telescope and filter: level + slope (day - break) from each break to the next, and drift.

    Attributes
    ----------
    filter : str
        Key of FILTER_FACTOR.
    breaks, level, slope : ndarray (j,)
        Start of each piece [day], level there [mag], and slope [mag/day].
    offsets : dict
        Offset [mag] by (camera, native filter, whether rows are old).
    extinction : float
        True extinction [mag/airmass].
    colorterms : dict
        True colour term by (camera, native filter).
    drift : ndarray (d,)
        What else the level does, without steps [mag]: at days 0, 1, ... and on straight lines between them.
    night_noise_mag : float
        Scatter of the nights of the series about its level, without extinction, cloud and frame noise.
    """

    filter: str
    breaks: np.ndarray
    level: np.ndarray
    slope: np.ndarray
    offsets: dict[tuple[str, str, bool], float]
    extinction: float
    colorterms: dict[tuple[str, str], float]
    drift: np.ndarray = field(default_factory=lambda: np.zeros(1))
    night_noise_mag: float = 0.0

    def at(self, day: np.ndarray) -> np.ndarray:
        """True zeropoint at airmass 1 under the mean extinction of the site.

        Parameters
        ----------
        day : ndarray (q,)
            From the first noon.

        Returns
        -------
        ndarray (q,)
            On the scale of offset 0 [mag].
        """
        piece = np.clip(np.searchsorted(self.breaks, day, side='right') - 1, 0, None)
        line = self.level[piece] + self.slope[piece] * (day - self.breaks[piece])
        return line + np.interp(day, np.arange(len(self.drift)), self.drift)
