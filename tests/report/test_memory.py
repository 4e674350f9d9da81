"""What a run leaves beside the report is what the next one reads; what does not belong together is not used."""

import pytest

from photzp.report.memory import read_memory, write_memory
from photzp.report.state import RememberedNights, ReportState, RowsSeen
from photzp.reportnames import FITS_FILE, STATE_FILE
from photzp.store.directory import DirectoryStore
from tests.support.madefits import made_evidence, made_fit
from tests.support.samefits import all_same

KEY = ('lsc-doma-1m0a', 'gp')
FITS = {KEY: made_fit([0, 1], [23.5, 23.4])}
NIGHTS = {'lsc-doma-1m0a': made_evidence(['2020-01-01'], 2.1, weight=9.0, value=0.5, coefficients={'cos': (0.1, 0.02)})}


@pytest.fixture
def store(tmp_path):
    with DirectoryStore(tmp_path) as opened:
        yield opened


def state():
    return ReportState(nights={'lsc-doma-1m0a': RememberedNights('0', RowsSeen(3, '2020-01-01T03:00:00.000'))})


def written(store, **changes):
    write_memory(store, state(), FITS, NIGHTS, is_new=True)
    for name, content in changes.items():
        store.put({'fits': FITS_FILE, 'state': STATE_FILE}[name], content)
    store.flush()
    return read_memory(store)


def test_what_is_written_is_read(store):
    got, fits, nights = written(store)
    assert got.nights == state().nights
    assert fits[KEY].model_mag.tolist() == [23.5, 23.5]
    assert all_same(nights, NIGHTS)


def test_the_fits_are_written_only_where_some_are_new(store):
    earlier, _, _ = written(store)
    before = store.get(FITS_FILE)
    write_memory(store, earlier, {}, {}, is_new=False)
    store.flush()
    assert store.get(FITS_FILE) == before
    assert read_memory(store)[1].keys() == FITS.keys()


@pytest.mark.parametrize(('changes', 'said'), [
    ({'fits': b'damaged'}, f'{FITS_FILE} of an earlier run cannot be used'),
    ({'state': b'{"schema": 5}'}, f'{STATE_FILE} of an earlier run cannot be read'),
    ({'state': b'\xff'}, f'{STATE_FILE} of an earlier run cannot be read')])
def test_what_cannot_be_used_is_one_line_and_everything_anew(store, caplog, changes, said):
    got, fits, nights = written(store, **changes)
    assert (got, fits, nights) == (ReportState(), {}, {})
    line, = (record.getMessage() for record in caplog.records)
    assert line.startswith(said)
    assert line.endswith('everything is made anew')


def test_fits_of_an_earlier_schema_are_one_line_and_everything_anew(store, caplog, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr('photzp.report.fitarchive.SCHEMA', 3)
        write_memory(store, state(), FITS, NIGHTS, is_new=True)
        store.flush()
    assert read_memory(store) == (ReportState(), {}, {})
    assert caplog.messages == [f'{FITS_FILE} of an earlier run cannot be used (not an archive of fits: its schema is '
                               '3, not 4): everything is made anew']


def test_an_empty_place_has_no_memory(store, caplog):
    assert read_memory(store) == (ReportState(), {}, {})
    assert caplog.records == []
