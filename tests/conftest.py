"""What all tests share: no credentials from outside, a simulated night made once, and a PostgreSQL server."""

from tests.support import onethread  # noqa: F401  # isort: skip  (before whatever loads numpy)

import json
import logging
import os
import shutil
import sys
import uuid
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import pytest
import sqlalchemy as sa
from astropy.io import fits

import longtermphotzp
import photcalibration
from simulation.__main__ import main as simulate
from tests.support import browserpages, postgresqlserver
from tests.support.runs import MANY, arguments, never_ends
from tests.support.shared import made_once, unavailable
from tests.support.warmpython import warm_python as warm_interpreter

# No test asserts a time, so a busy machine may take as long as it likes over an example; and all runs try the same.
hypothesis.settings.register_profile('patient', deadline=None, derandomize=True)
hypothesis.settings.load_profile('patient')

HERE = Path(__file__).parent
# Files that take longest, the longest first: of two processes none is left alone with one of them at the end.
LONGEST = (
    'running/test_cluster.py', 'report/test_report.py', 'report/test_unchanged.py', 'browser/test_pages.py',
    'deploy/test_runphotzp.py', 'documents/test_documents.py', 'scripts/test_longtermphotzp.py',
    'browser/test_trend.py', 'running/test_processes.py', 'deploy/test_package.py', 'torture/test_together.py',
    'browser/test_use.py', 'browser/test_access.py', 'torture/test_kill.py', 'store/test_bucket.py',
    'scripts/test_photcalibration.py', 'torture/test_soak.py', 'scripts/test_limits.py', 'answers/test_gather.py',
    'torture/test_places.py', 'running/test_script.py', 'database/test_reading.py', 'deploy/test_kubernetes.py')


def pytest_collection_modifyitems(items):
    """The files that take longest come first."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(str(item.path.relative_to(HERE)), len(place)))


@pytest.fixture(autouse=True, scope='session')
def _no_cloud_credentials():
    """The tests never publish to somebody's bucket."""
    for key in [key for key in os.environ if key.startswith('AWS_')]:
        del os.environ[key]


@pytest.fixture(autouse=True)
def _log_as_found():
    """The scripts send their log to standard error; the next test finds it untouched."""
    yield
    log = logging.getLogger('photzp')
    log.handlers.clear()
    log.propagate = True
    log.setLevel(logging.NOTSET)


@pytest.fixture(scope='session')
def night(tmp_path_factory):
    """A simulated night of 44 frames with planted defects: .archive .ps1 .truth (frames by exposure); only read."""
    def make(out):
        assert simulate(['night', str(out), '--frames', '44', '--seed', '5', '--no-pixels', '--defects', '0.25',
                                '--twins', '0.2']) == 0

    out = made_once(tmp_path_factory, 'night', make)
    truth = json.loads((out / 'truth.json').read_text(encoding='utf-8'))['frames']
    return SimpleNamespace(archive=out / 'archive', ps1=out / 'ps1', truth=truth, root=out)


@pytest.fixture(scope='session')
def alone(night, tmp_path_factory):
    """The database that one process makes of the night, with all cameras of runs.MANY; only read."""
    def make(out):
        with pytest.MonkeyPatch.context() as patch:
            patch.delitem(sys.modules, 'photzp.running.processes', raising=False)
            assert photcalibration.main(arguments(night, out / 'x.db', '--processes', '1')) == 1
            assert 'photzp.running.processes' not in sys.modules

    return made_once(tmp_path_factory, 'alone', make) / 'x.db'


@pytest.fixture(scope='session')
def warm_python(tmp_path_factory):
    """An interpreter for scripts whose start is not what is tested, see support/warmpython.py: path of its program."""
    with warm_interpreter(tmp_path_factory.mktemp('warm') / 'python') as program:
        yield program


@pytest.fixture
def pitfall(night, tmp_path, monkeypatch):
    """A catalogue in which reading never ends around a measurable frame of a field of its own: (place, pipe, frame).

    Processes that are started from here on wait at the pipe, see pitfall/sitecustomize.py.
    """
    fields = Counter(true['field'] for true in night.truth.values())
    true = next(true for true in night.truth.values() if true['measurable'] and fields[true['field']] == 1
                and true['camera'][:2] in MANY[1].split(','))
    with fits.open(night.root / true['path'], disable_image_compression=True) as hdus:
        header = hdus['SCI'].header
        ra, dec = header['CRVAL1'], header['CRVAL2']
    shutil.copytree(night.ps1, tmp_path / 'ps1')
    with fits.open(tmp_path / 'ps1' / 'SkyTable.fits') as hdus:
        name = next(row['NAME'].strip() for row in hdus['SKY_REGION'].data
                    if row['R_MIN'] <= ra <= row['R_MAX'] and row['D_MIN'] <= dec <= row['D_MAX'])
    region = next(path for path in (tmp_path / 'ps1' / name, tmp_path / 'ps1' / f'{name}.fits') if path.exists())
    for name, value in never_ends(region).items():
        monkeypatch.setenv(name, value)
    return tmp_path / 'ps1', Path(f'{region}.pipe'), true['name']


@pytest.fixture(scope='session')
def postgresql():
    """URL of a PostgreSQL server of our own, or of the one that PHOTDB_POSTGRESQL names."""
    if 'PHOTDB_POSTGRESQL' in os.environ:
        yield os.environ['PHOTDB_POSTGRESQL']
        return
    if postgresqlserver.programs() is None:
        unavailable('PostgreSQL is not installed (apt-get install postgresql), and PHOTDB_POSTGRESQL names no server')
    with postgresqlserver.server() as running:
        yield running.url


@pytest.fixture
def postgresql_schema(postgresql):
    """URL of a new, empty schema on the PostgreSQL server, as text."""
    name = f'photzp_{uuid.uuid4().hex}'
    engine = sa.create_engine(postgresql, isolation_level='AUTOCOMMIT')
    with engine.connect() as connection:
        connection.execute(sa.schema.CreateSchema(name))
        url = sa.make_url(postgresql).update_query_dict({'options': f'-csearch_path={name}'})
        yield url.render_as_string(hide_password=False)
        connection.execute(sa.schema.DropSchema(name, cascade=True))
    engine.dispose()


@pytest.fixture(scope='session')
def years_report(tmp_path_factory):
    """The report over two simulated years of three telescopes in two filters, made by the script: its directory."""
    def make(out):
        assert simulate(['years', str(out / 'years.db'), '--telescopes', '3', '--years', '2', '--filters',
                                'gp,rp', '--seed', '11', '--nights', 'ideal']) == 0
        options = longtermphotzp.parser().parse_args([
            '--database', str(out / 'years.db'), '--outputdirectory', str(out / 'report'), '--observatory',
            str(out / 'observatory-years.toml'), '--processes', '1'])
        assert longtermphotzp.run(options, now=datetime(2018, 1, 5, 12, tzinfo=UTC)) == 0

    return made_once(tmp_path_factory, 'years_report', make) / 'report'


@pytest.fixture(scope='module')
def site(years_report):
    """URL of the directory of that report."""
    with browserpages.served(years_report) as url:
        yield url


@pytest.fixture(scope='session')
def fleet_report(years_report, tmp_path_factory):
    """Directory of the pages of 30 telescopes in 6 filters."""
    def make(out):
        browserpages.enlarged(years_report, out / 'report', browserpages.FLEET, browserpages.FILTERS)

    return made_once(tmp_path_factory, 'fleet_report', make) / 'report'


@pytest.fixture(scope='module')
def fleet_site(fleet_report):
    """URL of those pages."""
    with browserpages.served(fleet_report) as url:
        yield url


@pytest.fixture(scope='module')
def chromium():
    """One browser for the tests of a file; of a file, since no other event loop can run in its thread."""
    if browserpages.chromium() is None:
        unavailable('Chromium is not installed (apt-get install chromium)')
    with browserpages.browser() as running:
        yield running


@pytest.fixture
def visit(chromium):
    """visit(url, ...) -> page, see `browserpages.Visitor`; the test fails on whatever the browser complains about."""
    visitor = browserpages.Visitor(chromium)
    yield visitor
    assert visitor.leave() == []
