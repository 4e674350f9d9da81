"""The plan of a simulated night: which telescopes point where, and what goes wrong.

A plan says for each frame its station and field, all that the frame is drawn from (FieldSpec), the odd cards of its
header, and the defect that is planted in it, if any.  Fields come in regimes, each with a difficulty: the galactic
plane, few stars, RA 0, the pole, a wide camera, files that the catalogue lacks.
"""

from collections.abc import Collection, Container, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from simulation.spec import CAMERAS, EXTINCTION, FLAGS_NEW, CameraModel, FieldSpec, flag_values

MIN_USABLE = 20  # a frame with fewer usable stars is not called measurable
PIPELINES = ('', '0.9.4', '0.20.1', '1.4.0', '1.9.0', '1.15.0', '1.16.0', '1.18.2', '1.25.1', '1.40.0')


@dataclass(frozen=True)
class Station:
    """One camera on one telescope; `tag` is the telescope's part of a file name."""

    site: str
    enclosure: str
    telescope: str
    tag: str
    camera: str

    @property
    def model(self) -> CameraModel:
        """The kind of camera, by the first two letters of its name."""
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
SITES = {  # latitude, longitude [deg]
    'coj': (-31.273, 149.071), 'cpt': (-32.381, 20.810), 'elp': (30.680, -104.015), 'lsc': (-30.167, -70.805),
    'ogg': (20.707, -156.258), 'tfn': (28.300, -16.512),
}
MAX_ZENITH_DEG = 62.0  # airmass 2.1


@dataclass(frozen=True)
class Field:
    """A place on the sky that a night goes to: density of stars to r = 20, slope of counts, empty hole [deg]."""

    name: str
    regime: str
    ra_deg: float
    dec_deg: float
    stars_per_sqdeg: float
    counts_slope: float = 0.24
    hole_deg: float = 0.0


FIELDS = (
    Field('cosmos', 'ordinary', 150.12, 2.21, 2300.0),
    Field('eri', 'ordinary', 52.9, -18.7, 2000.0),
    Field('virgo', 'ordinary', 186.3, 12.7, 2400.0),
    Field('aqr', 'ordinary', 329.4, -12.9, 3500.0),
    Field('her', 'ordinary', 250.4, 27.2, 4000.0),
    Field('vul', 'plane', 292.3, 18.6, 150000.0, 0.30),
    Field('sgr', 'plane', 274.7, -16.2, 120000.0, 0.30),
    Field('mon', 'plane', 104.3, -4.4, 105000.0, 0.30),
    Field('sgp', 'sparse', 12.9, -26.1, 1600.0, 0.20),
    Field('ngp', 'sparse', 194.8, 27.4, 1600.0, 0.20),
    Field('wrap-east', 'wrap', 0.04, 4.9, 2600.0),
    Field('wrap-west', 'wrap', 359.83, -9.1, 2600.0),
    Field('polaris', 'pole', 38.0, 89.0, 3500.0),
    Field('pole', 'pole', 211.0, 89.85, 3500.0),
    Field('m44', 'wide', 130.1, 19.7, 2500.0),
    Field('orion', 'wide', 83.4, -1.6, 3200.0),
    Field('gap-north', 'incomplete', 232.1, 10.12, 3000.0),
    Field('gap-south', 'incomplete', 63.2, -20.11, 3000.0),
    Field('south', 'outside', 201.4, -44.6, 4000.0),
    Field('void', 'empty', 30.2, -14.9, 3000.0, hole_deg=1.0),
)
REGIMES = {  # share of a night, camera types that go there; the last two serve planted defects only
    'ordinary': (0.52, ('fl', 'fa', 'fs', 'ep', 'kb')), 'plane': (0.12, ('fl', 'fa', 'fs', 'ep')),
    'sparse': (0.09, ('fs', 'ep', 'kb')), 'wrap': (0.10, ('fl', 'fa', 'fs', 'ep', 'sq')),
    'pole': (0.07, ('fl', 'fa', 'sq')), 'wide': (0.07, ('sq',)), 'incomplete': (0.03, ('fl', 'fa')),
    'outside': (0.0, ('fl', 'fa')), 'empty': (0.0, ('fl', 'fa')),
}
DEFECTS = ('file-unreadable', 'header-incomplete', 'filter-not-served', 'not-science', 'too-few-stars', 'wcs-failed',
           'exposure-too-short', 'defocused', 'no-source-catalogue', 'outside-footprint', 'no-reference-stars')
DEFECT_REGIME = {'outside-footprint': 'outside', 'no-reference-stars': 'empty'}
DEFECT_CARDS: dict[str, tuple[dict[str, Any], ...]] = {  # one form or two of each
    'wcs-failed': ({'WCSERR': 4},), 'defocused': ({'FOCOBOFF': 2.0},),
    'not-science': ({'OBSTYPE': 'BIAS'}, {'OBSTYPE': 'SKYFLAT'}),
    'header-incomplete': ({'EXPTIME': None}, {'INSTRUME': None}),
}
SPARSE_EXPOSURE_S, SHORT_EXPOSURE_S = 60.0, 30.0
EXPOSURES_S = (60.0, 80.0, 120.0, 180.0, 240.0, 300.0)
CLOUD_MAG = 7.0  # leaves next to nothing


@dataclass(frozen=True)
class PlannedFrame:
    """One frame of a night before it is simulated.

    quirks : header cards that are odd in this frame, None for one that is missing.
    occurrence : how often this defect was planted before; some have two forms.
    """

    station: Station
    spec: FieldSpec
    field: str
    regime: str
    defect: str | None
    occurrence: int
    exposure: str
    dayobs: str
    dateobs: str
    quirks: dict[str, Any]
    upper: bool
    twin: bool

    @property
    def suffix(self) -> str:
        """Ending of the file's name: a cropped frame is not packed."""
        return '.fits' if self.spec.crop else '.fits.fz'

    def name(self, level: int) -> str:
        """Base name of the frame at a reduction level."""
        return f'{self.exposure}-e{level}{self.suffix}'

    def path(self, level: int) -> Path:
        """Where the frame belongs, below the root of the output."""
        folder = 'processed' if level == 91 else 'preview'
        return Path('archive', self.station.site, self.station.camera, self.dayobs, folder, self.name(level))


def allot(n: int, shares: dict[str, float], rng: np.random.Generator) -> list[str]:
    """n labels in random order, as many of each as its share says (largest remainders); shares is a dict."""
    names = list(shares)
    exact = n * np.array([shares[name] for name in names]) / sum(shares.values())
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind='stable')[:n - counts.sum()]] += 1
    return [str(label) for label in rng.permutation(np.repeat(names, counts))]


def regime_places(sites: Container[str], regimes: Iterable[str]) -> dict[str, list[tuple[Station, Field]]]:
    """For each regime the (station, field) pairs that these sites can reach; regimes without any are left out."""
    places = {}
    for regime in regimes:
        pairs = [(station, field) for station in STATIONS for field in FIELDS
                 if field.regime == regime and station.site in sites and station.camera[:2] in REGIMES[regime][1]
                 and abs(SITES[station.site][0] - field.dec_deg) < MAX_ZENITH_DEG]
        if pairs:
            places[regime] = pairs
    return places


def plan_night(n_frames: int, rng: np.random.Generator, *, sites: Collection[str] = tuple(SITES),
               regimes: Collection[str] | None = None, date: str = '20200213', defect_share: float = 0.08,
               twin_share: float = 0.1, kron_shape: str = 'snr') -> list[PlannedFrame]:
    """Plan a night without making it: a list of n_frames PlannedFrame, sorted by exposure.

    defect_share : share of frames with a planted defect; kinds follow in the order of DEFECTS.
    Raises ValueError where no camera of the sites reaches any field of the regimes.
    """
    regimes = regimes or [name for name, (share, _) in REGIMES.items() if share > 0]
    places = regime_places(sites, [*regimes, *(r for r in DEFECT_REGIME.values() if r not in regimes)])
    shares = {name: max(REGIMES[name][0], 0.01) for name in regimes if name in places}
    if not shares:
        raise ValueError(f'no camera of {",".join(sites)} reaches a field of {",".join(regimes)}')
    kinds = [d for d in DEFECTS if DEFECT_REGIME.get(d, next(iter(shares))) in places]
    n_defects = round(defect_share * n_frames)
    planted = [kinds[k % len(kinds)] for k in range(n_defects)]
    slots = [None] * (n_frames - n_defects)
    labels: list[tuple[str, str | None, int]] = [
        (DEFECT_REGIME.get(d, next(iter(shares))), d, planted[:k].count(d)) for k, d in enumerate(planted)]
    labels += [(regime, None, 0) for regime in allot(len(slots), shares, rng)] if slots else []
    stations = draw_stations(rng)
    drafts = [draft_frame(*label, places, stations, date, kron_shape, rng) for label in labels]
    return number_frames(drafts, twin_share, rng)


def draw_stations(rng: np.random.Generator) -> dict[tuple[str, str], tuple[float, float]]:
    """How each station is tonight: dust [mag] per telescope, and colour term and offset per camera and filter."""
    dust = {(s.site, s.tag): rng.uniform(0.0, 0.38) for s in STATIONS}
    state = {}
    for s in STATIONS:
        for filter_name in EXTINCTION:
            state[s.camera, filter_name] = (dust[s.site, s.tag] + rng.uniform(0.0, 0.02),
                                            float(np.clip(rng.normal(0, 0.035), -0.08, 0.08)))
    return state


def draft_frame(regime: str, defect: str | None, occurrence: int, places: dict[str, list[tuple[Station, Field]]],
                stations: dict[tuple[str, str], tuple[float, float]], date: str, kron_shape: str,
                rng: np.random.Generator) -> PlannedFrame:
    """One frame of a night, still without a number."""
    station, field = places[regime][rng.integers(len(places[regime]))]
    spec = draft_spec(regime, station, field, rng)
    if defect == 'filter-not-served':
        spec = replace(spec, filter_name=('w', 'B')[occurrence % 2])
    if defect == 'exposure-too-short':
        spec = replace(spec, exptime_s=SHORT_EXPOSURE_S)
    if defect == 'too-few-stars':
        spec = replace(spec, transparency_mag=CLOUD_MAG)
    dust, colorterm = stations[station.camera, spec.filter_name]
    spec = replace(spec, zp_mag=round(spec.true_zp_mag - dust, 4), colorterm=round(colorterm, 4),
                   kron_shape=kron_shape)
    quirks = draw_quirks(spec.pipeline, rng)
    if defect in DEFECT_CARDS:
        quirks.update(DEFECT_CARDS[defect][occurrence % len(DEFECT_CARDS[defect])])
    moment = local_midnight(date, station.site) + timedelta(hours=rng.uniform(-4.8, 4.8))
    dateobs = moment.isoformat(timespec='milliseconds')
    return PlannedFrame(station, spec, field.name, regime, defect, occurrence, '', date, dateobs, quirks,
                        bool(rng.random() < 0.3), False)


def draft_spec(regime: str, station: Station, field: Field, rng: np.random.Generator) -> FieldSpec:
    """The FieldSpec of a frame of a night: filter, exposure, air, cloud, optics, version of the pipeline."""
    filters = ('zs',) if regime == 'sparse' and station.model.telescope_class == '2m0' else station.model.filters
    zenith = np.radians(abs(SITES[station.site][0] - field.dec_deg))
    cropped = station.camera[:2] in ('fl', 'fa') and field.stars_per_sqdeg > 1e5 and rng.random() < 0.3
    return FieldSpec(
        camera=station.camera[:2], filter_name=str(rng.choice(filters)),
        exptime_s=SPARSE_EXPOSURE_S if regime == 'sparse' else float(rng.choice(EXPOSURES_S)),
        ra_deg=field.ra_deg, dec_deg=field.dec_deg, stars_per_sqdeg=field.stars_per_sqdeg,
        counts_slope=field.counts_slope, airmass=round(min(1 / np.cos(zenith) * (1 + rng.exponential(0.12)), 2.6), 4),
        transparency_mag=min(rng.exponential(0.25), 0.8) if rng.random() < 0.1 else 0.0,
        sky_brightening_mag=rng.uniform(0, 1.5),
        distortion_arcsec=station.model.distortion_arcsec * rng.uniform(0.6, 1.0),
        rotation_deg=rng.uniform(-1, 1) + float(rng.choice([0, 90, 180, 270])), parity=int(rng.choice([-1, 1])),
        pipeline=str(rng.choice(PIPELINES)), crop=(1500, 1500) if cropped else None)


def draw_quirks(pipeline: str, rng: np.random.Generator) -> dict[str, Any]:
    """Header cards that are odd in some frames, as they are in real ones; None for a missing card."""
    quirks: dict[str, Any] = {}
    if rng.random() < 0.05:
        quirks['AIRMASS'] = str(rng.choice(['UNKNOWN', 'N/A']))
    if rng.random() < 0.03:
        quirks['L1FWHM'] = 'NaN'
    for key, share in (('FOCOBOFF', 0.15), ('WCSERR', 0.04), ('MAXLIN', 0.05)):
        if rng.random() < share:
            quirks[key] = None
    if 'MAXLIN' not in quirks or flag_values(pipeline) is FLAGS_NEW:  # else nothing would tell of saturation
        forms: tuple[dict[str, Any], ...] = ({}, {'SATURATE': None}, {'SATURATE': 0.0}, {'SATURATE': 'N/A'})
        quirks.update(forms[rng.choice(len(forms), p=[0.88, 0.06, 0.03, 0.03])])
    return quirks


def local_midnight(date: str, site: str) -> datetime:
    """UTC of mean local midnight in the night (local noon to local noon) that begins on a date YYYYMMDD."""
    day = datetime.strptime(date, '%Y%m%d').replace(tzinfo=UTC)
    return (day + timedelta(days=1, hours=-SITES[site][1] / 15)).replace(tzinfo=None)


def number_frames(drafts: Iterable[PlannedFrame], twin_share: float, rng: np.random.Generator) -> list[PlannedFrame]:
    """Give drafts the running numbers of their cameras, in order of time, and some of them a quick-look twin."""
    last: dict[str, int] = {}
    frames = []
    for draft in sorted(drafts, key=lambda d: (d.station.camera, d.dateobs)):
        camera = draft.station.camera
        last[camera] = last.get(camera, int(rng.integers(15, 120))) + int(rng.integers(1, 4))
        exposure = f'{draft.station.site}{draft.station.tag}-{camera}-{draft.dayobs}-{last[camera]:04d}'
        twin = draft.defect is None and bool(rng.random() < twin_share)
        frames.append(replace(draft, exposure=exposure, twin=twin))
    return sorted(frames, key=lambda f: f.exposure)
