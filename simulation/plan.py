"""The plan of a simulated night: which telescopes point where, and what goes wrong.

A plan gives for each frame its station and field, all that the frame is drawn from (FieldSpec), the odd cards of its
header, and the defect that is planted in it, if any.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from simulation.fields import REGIMES, STATIONS, Places, SkyField, Station, reachable_fields
from simulation.spec import EXTINCTION, FLAGS_NEW, SITES, FieldSpec, flag_values

MIN_USABLE = 20  # a frame with fewer usable stars is not called measurable
_PIPELINES = ('', '0.9.4', '0.20.1', '1.4.0', '1.9.0', '1.15.0', '1.16.0', '1.18.2', '1.25.1', '1.40.0')
DEFECTS = ('file-unreadable', 'header-incomplete', 'filter-not-served', 'not-science', 'too-few-stars', 'wcs-failed',
           'exposure-too-short', 'defocused', 'no-source-catalogue', 'outside-footprint', 'no-reference-stars')
_DEFECT_REGIME = {'outside-footprint': 'outside', 'no-reference-stars': 'empty'}
_DEFECT_CARDS: dict[str, tuple[dict[str, Any], ...]] = {  # one form or two of each
    'wcs-failed': ({'WCSERR': 4},), 'defocused': ({'FOCOBOFF': 2.0},),
    'not-science': ({'OBSTYPE': 'BIAS'}, {'OBSTYPE': 'SKYFLAT'}),
    'header-incomplete': ({'EXPTIME': None}, {'INSTRUME': None}),
}
_SPARSE_EXPOSURE_S, _SHORT_EXPOSURE_S = 60.0, 30.0
_EXPOSURES_S = (60.0, 80.0, 120.0, 180.0, 240.0, 300.0)
_CLOUD_MAG = 7.0  # leaves next to nothing


@dataclass(frozen=True, kw_only=True)
class NightSpec:
    """Which night to plan.

    Attributes
    ----------
    frames : int
        Number of exposures.
    sites : collection of str
        Sites that observe, keys of SITES.
    regimes : collection of str or None
        Keys of REGIMES; None for all in a natural mixture.
    date : str
        YYYYMMDD, the local night.
    defect_share : float
        Share of frames with a planted defect; kinds follow in the order of DEFECTS.
    twin_share : float
        Share of frames with a quick-look twin e11.
    kron_shape : str
        One of KRON_SHAPES.
    """

    frames: int
    sites: Collection[str] = tuple(SITES)
    regimes: Collection[str] | None = None
    date: str = '20200213'
    defect_share: float = 0.08
    twin_share: float = 0.1
    kron_shape: str = 'snr'


@dataclass(frozen=True, kw_only=True)
class PlannedFrame:
    """One frame of a night before it is simulated.

    Attributes
    ----------
    station : Station
        Camera and telescope.
    spec : FieldSpec
        What the frame is drawn from.
    field, regime : str
        Name of the SkyField, and its regime.
    defect : str or None
        One of DEFECTS.
    occurrence : int
        How often this defect was planted before; some have two forms.
    exposure : str
        Name of the frame up to its reduction level.
    dayobs, dateobs : str
        DAY-OBS and DATE-OBS.
    quirks : dict
        Header cards that are odd in this frame; None for a missing one.
    upper : bool
        Names of columns of CAT are in upper case.
    twin : bool
        There is a quick-look twin e11.
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
        """Ending of the name of the file.

        Returns
        -------
        str
            '.fits.fz', or '.fits' for a cropped frame, which is not packed.
        """
        return '.fits' if self.spec.crop else '.fits.fz'

    def name(self, level: int) -> str:
        """Base name of the file.

        Parameters
        ----------
        level : int
            Reduction level, 91 or 11.

        Returns
        -------
        str
            Its name.
        """
        return f'{self.exposure}-e{level}{self.suffix}'

    def path(self, level: int) -> Path:
        """Path of the file.

        Parameters
        ----------
        level : int
            Reduction level, 91 or 11.

        Returns
        -------
        Path
            Below the root of the output.
        """
        folder = 'processed' if level == 91 else 'preview'
        return Path('archive', self.station.site, self.station.camera, self.dayobs, folder, self.name(level))


class _Slot(NamedTuple):
    """Regime of a frame of the night, its defect, and how often that was planted before."""

    regime: str
    defect: str | None = None
    occurrence: int = 0


_States = dict[tuple[str, str], tuple[float, float]]  # dust and colour term [mag] by camera and filter


def plan_night(night: NightSpec, rng: np.random.Generator) -> list[PlannedFrame]:
    """Plan a night without making it.

    Parameters
    ----------
    night : NightSpec
        Which night.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    list of PlannedFrame
        In the order of exposures.

    Raises
    ------
    ValueError
        No camera of the sites reaches any field of the regimes.
    """
    regimes = night.regimes or [name for name, regime in REGIMES.items() if regime.share > 0]
    of_defects = [name for name in _DEFECT_REGIME.values() if name not in regimes]
    places = reachable_fields(night.sites, [*regimes, *of_defects])
    shares = {name: max(REGIMES[name].share, 0.01) for name in regimes if name in places}
    if not shares:
        raise ValueError(f'no camera of {",".join(night.sites)} reaches a field of {",".join(regimes)}')
    slots = _defect_slots(round(night.defect_share * night.frames), next(iter(shares)), places)
    n_sound = night.frames - len(slots)
    slots += [_Slot(regime) for regime in _allot(n_sound, shares, rng)] if n_sound else []
    states = _draw_states(rng)
    drafts = [_draft_frame(slot, places, states, night, rng) for slot in slots]
    return _number_frames(drafts, night.twin_share, rng)


def _defect_slots(n: int, usual_regime: str, places: Places) -> list[_Slot]:
    """Slots of n frames with defects, in turn of all kinds that these places allow."""
    kinds = [defect for defect in DEFECTS if _DEFECT_REGIME.get(defect, usual_regime) in places]
    return [_Slot(_DEFECT_REGIME.get(kinds[k % len(kinds)], usual_regime), kinds[k % len(kinds)], k // len(kinds))
            for k in range(n)]


def _allot(n: int, shares: dict[str, float], rng: np.random.Generator) -> list[str]:
    """Draw n labels in random order, as many of each as its share (largest remainders)."""
    names = list(shares)
    exact = n * np.array([shares[name] for name in names]) / sum(shares.values())
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind='stable')[:n - counts.sum()]] += 1
    return [str(label) for label in rng.permutation(np.repeat(names, counts))]


def _draw_states(rng: np.random.Generator) -> _States:
    """Draw the dust of each telescope tonight, and for each camera and filter an offset from it and a colour term."""
    dust = {(station.site, station.tag): rng.uniform(0.0, 0.38) for station in STATIONS}
    states = {}
    for station in STATIONS:
        for filter_name in EXTINCTION:
            states[station.camera, filter_name] = (dust[station.site, station.tag] + rng.uniform(0.0, 0.02),
                                                   float(np.clip(rng.normal(0, 0.035), -0.08, 0.08)))
    return states


def _draft_frame(slot: _Slot, places: Places, states: _States, night: NightSpec,
                 rng: np.random.Generator) -> PlannedFrame:
    """Draw one frame of a night, still without a number."""
    station, field = places[slot.regime][rng.integers(len(places[slot.regime]))]
    spec = _draft_spec(slot.regime, station, field, rng)
    if slot.defect == 'filter-not-served':
        spec = replace(spec, filter_name=('w', 'B')[slot.occurrence % 2])
    if slot.defect == 'exposure-too-short':
        spec = replace(spec, exptime_s=_SHORT_EXPOSURE_S)
    if slot.defect == 'too-few-stars':
        spec = replace(spec, transparency_mag=_CLOUD_MAG)
    dust, colorterm = states[station.camera, spec.filter_name]
    spec = replace(spec, zp_mag=round(spec.true_zp_mag - dust, 4), colorterm=round(colorterm, 4),
                   kron_shape=night.kron_shape)
    quirks = _draw_quirks(spec.pipeline, rng)
    if slot.defect in _DEFECT_CARDS:
        quirks.update(_DEFECT_CARDS[slot.defect][slot.occurrence % len(_DEFECT_CARDS[slot.defect])])
    start = _local_midnight(night.date, station.site) + timedelta(hours=rng.uniform(-4.8, 4.8))
    return PlannedFrame(
        station=station, spec=spec, field=field.name, regime=slot.regime, defect=slot.defect,
        occurrence=slot.occurrence, exposure='', dayobs=night.date, dateobs=start.isoformat(timespec='milliseconds'),
        quirks=quirks, upper=bool(rng.random() < 0.3), twin=False)


def _draft_spec(regime: str, station: Station, field: SkyField, rng: np.random.Generator) -> FieldSpec:
    """Draw filter, exposure, airmass, cloud, optics and version of the pipeline of a frame."""
    filters = ('zs',) if regime == 'sparse' and station.model.telescope_class == '2m0' else station.model.filters
    zenith = np.radians(abs(SITES[station.site][0] - field.dec_deg))
    cropped = station.camera[:2] in ('fl', 'fa') and field.stars_per_sqdeg > 1e5 and rng.random() < 0.3
    return FieldSpec(
        camera=station.camera[:2], filter_name=str(rng.choice(filters)),
        exptime_s=_SPARSE_EXPOSURE_S if regime == 'sparse' else float(rng.choice(_EXPOSURES_S)),
        ra_deg=field.ra_deg, dec_deg=field.dec_deg, stars_per_sqdeg=field.stars_per_sqdeg,
        counts_slope=REGIMES[regime].counts_slope,
        airmass=round(min(1 / np.cos(zenith) * (1 + rng.exponential(0.12)), 2.6), 4),
        transparency_mag=min(rng.exponential(0.25), 0.8) if rng.random() < 0.1 else 0.0,
        sky_brightening_mag=rng.uniform(0, 1.5),
        distortion_arcsec=station.model.distortion_arcsec * rng.uniform(0.6, 1.0),
        rotation_deg=rng.uniform(-1, 1) + float(rng.choice([0, 90, 180, 270])), parity=int(rng.choice([-1, 1])),
        pipeline=str(rng.choice(_PIPELINES)), crop=(1500, 1500) if cropped else None)


def _draw_quirks(pipeline: str, rng: np.random.Generator) -> dict[str, Any]:
    """Draw header cards that are odd in some frames, as in real ones; None for a missing card."""
    quirks: dict[str, Any] = {}
    if rng.random() < 0.05:
        quirks['AIRMASS'] = str(rng.choice(['UNKNOWN', 'N/A']))
    if rng.random() < 0.03:
        quirks['L1FWHM'] = 'NaN'
    for key, share in (('FOCOBOFF', 0.15), ('WCSERR', 0.04), ('MAXLIN', 0.05)):
        if rng.random() < share:
            quirks[key] = None
    if 'MAXLIN' not in quirks or flag_values(pipeline) is FLAGS_NEW:  # else nothing would reveal saturation
        forms: tuple[dict[str, Any], ...] = ({}, {'SATURATE': None}, {'SATURATE': 0.0}, {'SATURATE': 'N/A'})
        quirks.update(forms[rng.choice(len(forms), p=[0.88, 0.06, 0.03, 0.03])])
    return quirks


def _local_midnight(date: str, site: str) -> datetime:
    """UTC of mean local midnight in the night (local noon to local noon) that begins on a date YYYYMMDD."""
    day = datetime.strptime(date, '%Y%m%d').replace(tzinfo=UTC)
    return (day + timedelta(days=1, hours=-SITES[site][1] / 15)).replace(tzinfo=None)


def _number_frames(drafts: Iterable[PlannedFrame], twin_share: float, rng: np.random.Generator) -> list[PlannedFrame]:
    """Give drafts the running numbers of their cameras, in order of time, and some of them a quick-look twin."""
    last: dict[str, int] = {}
    frames = []
    for draft in sorted(drafts, key=lambda draft: (draft.station.camera, draft.dateobs)):
        camera = draft.station.camera
        last[camera] = last.get(camera, int(rng.integers(15, 120))) + int(rng.integers(1, 4))
        exposure = f'{draft.station.site}{draft.station.tag}-{camera}-{draft.dayobs}-{last[camera]:04d}'
        twin = draft.defect is None and bool(rng.random() < twin_share)
        frames.append(replace(draft, exposure=exposure, twin=twin))
    return sorted(frames, key=lambda frame: frame.exposure)
