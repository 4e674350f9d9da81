"""What an earlier run made and would come out the same: remembered at the place of the report, and taken as it is.

Whoever adds an input to the report adds it to `fingerprint`.
"""

import hashlib
import logging

import numpy as np

from photzp.answers.extinction import by_site
from photzp.answers.status import SeriesStatus, counted_anew
from photzp.names import FITS_FILE, STATE_FILE, SeriesKey, class_of, trend_plot_name
from photzp.observatory import Observatory
from photzp.records import StoredModel
from photzp.report.context import ReportContext
from photzp.report.fitarchive import unpack
from photzp.report.results import Shown, key_of
from photzp.report.settings import ReportSettings
from photzp.report.state import ReportState, SeriesMade, digest
from photzp.store.base import ReportStore
from photzp.throughput.model import ThroughputFit
from photzp.throughput.rows import COLUMNS, Series
from photzp.times import instant_of, local_noon

EXTINCTION_ERROR_MAX = 0.01  # mag/airmass: a fitted one is used where it is better than that, 10 mmag at airmass 2
Fits = dict[SeriesKey, ThroughputFit]

log = logging.getLogger('photzp.report')


def remembered(store: ReportStore) -> tuple[ReportState, Fits]:
    """What an earlier run remembered and its fits: both, or nothing."""
    state = _earlier_state(store.get(STATE_FILE))
    if not state.series:
        return state, {}
    content = store.get(FITS_FILE) or b''
    try:
        if hashlib.sha256(content).hexdigest() != state.fits:
            raise ValueError(f'it is not the one that {STATE_FILE} names')
        return state, unpack(content)
    except ValueError as error:
        log.warning('%s of an earlier run cannot be used (%s): everything is made anew', FITS_FILE, error)
        return ReportState(), {}


def _earlier_state(content: bytes | None) -> ReportState:
    """What an earlier run remembered; nothing where that cannot be read."""
    if content is None:
        return ReportState()
    try:
        return ReportState.read(content.decode())
    except ValueError as error:
        log.warning('%s of an earlier run cannot be read (%s): everything is made anew', STATE_FILE, error)
        return ReportState()


def fitted_extinction(state: ReportState, fits: Fits, observatory: Observatory) -> dict[str, float]:
    """What is fitted of the extinction less what is adopted, by '<site> <filter>', where it is known well enough.

    One that is in use stays as long as the fits agree with it: noise must not make everything anew every night.
    """
    offsets = {}
    frames = {key_of(made.status): made.frames for made in state.series.values()}
    for each in by_site(fits, adopted_extinction(fits, observatory), frames):
        key, offset = f'{each.site} {each.filter}', round(each.k - each.adopted, 3)
        if each.k_error <= EXTINCTION_ERROR_MAX:
            used = state.extinction.get(key, np.inf)
            offsets[key] = used if abs(used - offset) <= each.k_error else offset
    return offsets


def adopted_extinction(fits: Fits, observatory: Observatory) -> dict[str, float]:
    """The extinction of the observatory's file, by filter of the fits [mag/airmass]."""
    return {name: observatory.extinction(name) for _, name in fits}


def fingerprint(context: ReportContext, series: Series, rows: str) -> str:
    """Digest of all that a series is made from; rows : digest of its rows."""
    observatory = context.observatory
    longitude, events = observatory.longitude_deg(series.telescope[0]), observatory.events_of(series.key)
    past = sum(local_noon(date, longitude) <= context.now for date, *_ in events)
    references = [entry for entry in observatory.reference_throughput
                  if (entry.class_, entry.filter) == (class_of(series.telescope[2]), series.filter)]
    return digest(context.code, context.month, rows, [observatory.extinction(name) for name in series.native],
                  series.extinction_offset, longitude, events, past, references, observatory.gain_repairs,
                  sorted(observatory.camera_types), observatory.throughput.healthy_mag,
                  context.options.cameracolorterm)


def unchanged(context: ReportContext, series: Series, made: SeriesMade | None,
              count: int | None) -> tuple[SeriesMade, StoredModel] | None:
    """What an earlier run made of a series, where it would come out the same and is all there still.

    made : of the series, as it is remembered, None for nothing.  count : of its rows now.
    """
    if made is None or made.count != count or not _is_past(made.status, context.now):
        return None
    names = names_of_files(series, context.options)
    if not all(name in made.outputs and context.store.holds(name, made.outputs[name].sha256) for name in names):
        return None
    stored = context.database.model(series.key, series.filter)
    rows = str(context.database.digest(COLUMNS, **series.wanted))  # last, as it takes longest
    same = made.fingerprint == fingerprint(context, series, rows) and made.model == model_digest(stored)
    return (made, stored) if same else None


def _is_past(status: SeriesStatus, now: np.datetime64) -> bool:
    """Whether none of its rows is later than now, as where the clock was put back: such rows count for nothing."""
    last = status.last_observation  # cut to the second
    return last is None or bool(instant_of(last) + np.timedelta64(1, 's') <= now)


def as_made(context: ReportContext, series: Series, made: SeriesMade, stored: StoredModel) -> Shown:
    """A series as an earlier run made it, its days counted to now; what was warned of is logged again."""
    about = {'telescope': series.key, 'filter': series.filter}
    log.debug('%s: unchanged since %s', series, made.status.made, extra=about)
    for warning in made.warnings:
        log.warning('%s', warning, extra=about)
    events = context.observatory.events_of(series.key)
    status = counted_anew(made.status, made.night, made.photometric, events, context.now)
    outputs = {name: made.outputs[name] for name in names_of_files(series, context.options)}
    return Shown(status, stored, made.colorterms, outputs, made.recent, made.frames, made.cameras)


def model_digest(model: StoredModel) -> str:
    """Digest of a model, the same before and after the database."""
    return digest(model.dateobs.astype('datetime64[ms]'),
                  *(np.where(np.isfinite(each), each, np.nan) for each in (model.modelzp, model.modelzperr)))


def names_of_files(series: Series, options: ReportSettings) -> list[str]:
    """Names of the files that the options want of a series."""
    kinds = ['mirrormodel']
    if options.pertelescopeplots:
        kinds += ['photzptrend', 'trenddata', 'airmasstrend', 'colortermtrend']
    if options.errorhistogram:
        kinds += ['errorhist']
    return [trend_plot_name(kind, series.key, series.filter) for kind in kinds]
