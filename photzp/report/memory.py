"""The two files beside a report that are its memory: written at the end of a run, read at the begin of the next."""

import hashlib
import logging

from photzp.names import SeriesKey
from photzp.report.fitarchive import pack, unpack, unpack_nights
from photzp.report.state import ReportState
from photzp.reportnames import FITS_FILE, STATE_FILE
from photzp.store.base import ReportStore
from photzp.throughput.model import SkyEvidence, ThroughputFit

Fits = dict[SeriesKey, ThroughputFit]
Nights = dict[str, SkyEvidence]

log = logging.getLogger('photzp.report')


def read_memory(store: ReportStore) -> tuple[ReportState, Fits, Nights]:
    """State, fits and nights that an earlier run left in a store.

    Parameters
    ----------
    store : ReportStore
        Where the report is written to.

    Returns
    -------
    state : ReportState
    fits : dict of SeriesKey to ThroughputFit
    nights : dict of str to SkyEvidence
        What telescopes say of the air.  All are empty where one of the files is missing or cannot be read.
    """
    state = _read_state(store.get(STATE_FILE))
    if not state.fits:
        return state, {}, {}
    content = store.get(FITS_FILE) or b''
    try:
        if hashlib.sha256(content).hexdigest() != state.fits:
            raise ValueError(f'it is not the one that {STATE_FILE} names')
        return state, unpack(content), unpack_nights(content)
    except ValueError as error:
        log.warning('%s of an earlier run cannot be used (%s): everything is made anew', FITS_FILE, error)
        return ReportState(), {}, {}


def _read_state(content: bytes | None) -> ReportState:
    """The state in a file; an empty one where it is missing or cannot be read."""
    if content is None:
        return ReportState()
    try:
        return ReportState.read(content.decode())
    except ValueError as error:
        log.warning('%s of an earlier run cannot be read (%s): everything is made anew', STATE_FILE, error)
        return ReportState()


def write_memory(store: ReportStore, state: ReportState, fits: Fits, nights: Nights, *, is_new: bool) -> None:
    """Write the memory for the next run.

    Parameters
    ----------
    store : ReportStore
    state : ReportState
        Gets the digest of the fits.
    fits : dict of SeriesKey to ThroughputFit
    nights : dict of str to SkyEvidence
    is_new : bool
        Whether any of the fits or nights is another one than before.
    """
    if is_new:
        content = pack(fits, nights)
        store.put(FITS_FILE, content)
        state.fits = hashlib.sha256(content).hexdigest()
    store.put(STATE_FILE, state.text().encode())
