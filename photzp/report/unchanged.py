"""Which series are unchanged since an earlier run, whose results are stored with the report: they are not made again.

Anything new that the plots or tables of a series depend on has to be added to `fingerprint`.
"""

import hashlib
import logging
from dataclasses import replace

import numpy as np

from photzp.answers.extinction import by_site
from photzp.answers.status import SeriesStatus, counted_anew
from photzp.names import SeriesKey
from photzp.observatory import Observatory
from photzp.records import StoredModel
from photzp.report.context import ReportContext
from photzp.report.fitarchive import unpack
from photzp.report.results import ShownSeries
from photzp.report.settings import ReportSettings
from photzp.report.state import RememberedSeries, ReportState, SeriesResult, digest
from photzp.reportnames import FITS_FILE, STATE_FILE, trend_plot_name
from photzp.store.base import ReportStore
from photzp.throughput.model import ThroughputFit
from photzp.throughput.rows import COLUMNS, Series
from photzp.times import instant_of, local_noon

EXTINCTION_ERROR_MAX = 0.01  # mag/airmass: largest error of a fitted extinction that is used; 10 mmag at airmass 2
Fits = dict[SeriesKey, ThroughputFit]

log = logging.getLogger('photzp.report')


def read_memory(store: ReportStore) -> tuple[ReportState, Fits]:
    """State and fits that an earlier run left in a store.

    Parameters
    ----------
    store : ReportStore
        Where the report is written to.

    Returns
    -------
    state : ReportState
    fits : dict of SeriesKey to ThroughputFit
        Both are empty where either of them is missing or cannot be read.
    """
    state = _read_state(store.get(STATE_FILE))
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


def _read_state(content: bytes | None) -> ReportState:
    """The state in a file; an empty one where it is missing or cannot be read."""
    if content is None:
        return ReportState()
    try:
        return ReportState.read(content.decode())
    except ValueError as error:
        log.warning('%s of an earlier run cannot be read (%s): everything is made anew', STATE_FILE, error)
        return ReportState()


def extinction_offsets(state: ReportState, fits: Fits, observatory: Observatory) -> dict[str, float]:
    """Fitted minus adopted extinction, where its error is at most EXTINCTION_ERROR_MAX.

    The offset that an earlier run used stays as long as the fits agree with it within their error: when it changes, all
    series of the site and filter are made again, which noise must not cause every night.

    Parameters
    ----------
    state : ReportState
        Its `extinction` has the offsets that the earlier run used.
    fits : dict of SeriesKey to ThroughputFit
        Fits of the earlier run.
    observatory : Observatory
        Has the adopted extinction.

    Returns
    -------
    dict of str to float
        Offsets by '<site> <filter>' [mag/airmass].
    """
    offsets = {}
    frames = {made.result.key: made.result.frames for made in state.series.values()}
    for fitted in by_site(fits, adopted_extinction(fits, observatory), frames):
        key, offset = f'{fitted.site} {fitted.filter}', round(fitted.k - fitted.adopted, 3)
        if fitted.k_error <= EXTINCTION_ERROR_MAX:
            earlier = state.extinction.get(key, np.inf)
            offsets[key] = earlier if abs(earlier - offset) <= fitted.k_error else offset
    return offsets


def adopted_extinction(fits: Fits, observatory: Observatory) -> dict[str, float]:
    """Extinction in observatory.toml for the filters of some fits.

    Parameters
    ----------
    fits : dict of SeriesKey to ThroughputFit
        Only their filters matter.
    observatory : Observatory
        Has the adopted extinction.

    Returns
    -------
    dict of str to float
        Extinction by filter [mag/airmass].
    """
    return {name: observatory.extinction(name) for _, name in fits}


def fingerprint(context: ReportContext, series: Series, rows: str) -> str:
    """Digest of everything that the result, plots and tables of a series depend on.

    Parameters
    ----------
    context : ReportContext
    series : Series
    rows : str
        Digest of its rows in the database.

    Returns
    -------
    str
        Hexadecimal.
    """
    observatory, telescope = context.observatory, series.telescope
    longitude, events = observatory.longitude_deg(telescope.site), observatory.events_of(str(telescope))
    past = sum(local_noon(date, longitude) <= context.now for date, *_ in events)
    references = [entry for entry in observatory.reference_throughput
                  if (entry.class_, entry.filter) == (telescope.class_, series.filter)]
    return digest(context.code, context.month, rows, [observatory.extinction(name) for name in series.native],
                  series.extinction_offset, longitude, events, past, references, observatory.gain_repairs,
                  sorted(observatory.camera_types), observatory.throughput,
                  context.settings.cameracolorterm)


def find_unchanged(context: ReportContext, series: Series, remembered: RememberedSeries | None,
                   rows: int | None) -> ShownSeries | None:
    """A series as an earlier run made it, if it would come out the same and all its files are still there.

    Times such as the days since the last event are brought up to date, and warnings of the earlier run logged again.

    Parameters
    ----------
    context : ReportContext
    series : Series
    remembered : RememberedSeries or None
        None where no earlier run made it.
    rows : int or None
        Number of its rows in the database now.

    Returns
    -------
    ShownSeries or None
    """
    if (remembered is None or remembered.result.rows != rows
            or not _is_past(remembered.result.status, context.now)):
        return None
    names = names_of_files(series, context.settings)
    outputs = {name: remembered.outputs[name] for name in names if name in remembered.outputs}
    if len(outputs) < len(names) or not all(context.store.holds(name, file.sha256) for name, file in outputs.items()):
        return None
    model = context.database.model(*series.key)
    digest_of_rows = str(context.database.digest(COLUMNS, **series.wanted))  # last, as it takes longest
    if (remembered.fingerprint, remembered.model) != (fingerprint(context, series, digest_of_rows),
                                                      model_digest(model)):
        return None
    return ShownSeries(_counted_to_now(context, series, remembered.result), model, outputs)


def _is_past(status: SeriesStatus, now: np.datetime64) -> bool:
    """Whether no row is later than now, as after the clock was put back: later rows are not used."""
    last = status.last_observation  # cut to the second
    return last is None or bool(instant_of(last) + np.timedelta64(1, 's') <= now)


def _counted_to_now(context: ReportContext, series: Series, result: SeriesResult) -> SeriesResult:
    """A result of an earlier run with its numbers of days counted to now; logs its warnings again."""
    about = {'telescope': str(series.telescope), 'filter': series.filter}
    log.debug('%s: unchanged since %s', series, result.status.made, extra=about)
    for warning in result.warnings:
        log.warning('%s', warning, extra=about)
    events = context.observatory.events_of(str(series.telescope))
    return replace(result, status=counted_anew(result.status, result.night, result.photometric, events, context.now))


def model_digest(model: StoredModel) -> str:
    """Digest of a model, the same before it is stored in the database and after it is read from there.

    Parameters
    ----------
    model : StoredModel

    Returns
    -------
    str
        Hexadecimal.
    """
    return digest(model.dateobs.astype('datetime64[ms]'),
                  *(np.where(np.isfinite(values), values, np.nan) for values in (model.modelzp, model.modelzperr)))


def names_of_files(series: Series, settings: ReportSettings) -> list[str]:
    """Names of the files that the settings ask for, of one series.

    Parameters
    ----------
    series : Series
    settings : ReportSettings

    Returns
    -------
    list of str
    """
    kinds = ['mirrormodel']
    if settings.pertelescopeplots:
        kinds += ['photzptrend', 'trenddata', 'airmasstrend', 'colortermtrend']
    if settings.errorhistogram:
        kinds += ['errorhist']
    return [trend_plot_name(kind, *series.key) for kind in kinds]
