"""What did not change is not made again, and what did is: a report over an earlier one equals one made from nothing."""

import ast
import json
import re
import shutil
import sqlite3
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace

import pytest

import longtermphotzp
from photdbinterface import Measurement, PhotDatabase
from photzp import program
from photzp.records import Zeropoints
from photzp.throughput.rows import COLUMNS
from simulation.__main__ import main as simulate
from tests.support.runs import ROOT

NOW = datetime(2017, 1, 5, 12, tzinfo=UTC)  # the simulated year has just ended
LATER = NOW + timedelta(days=1)
COMING = datetime(2017, 1, 10, tzinfo=UTC)  # a cleaning of the other telescope
FAST = ('--no-pertelescopeplots',)  # which leaves histogram, table and overviews
QUICK = '--no-createsummaryplots'  # overviews take most of the time
ONE, OTHER = 'lsc-doma-1m0s', 'cpt-domb-1m0s'  # at two sites: those of one are fitted together, see test_together.py
HISTOGRAM = f'errorhist-{ONE}-gp.png'


def make(place, *options, now=LATER, out=None):
    """Run the report over a place in this process; returns {telescope: entry of status.json}."""
    out = out or place.out
    given = ['--database', str(place.database), '--outputdirectory', str(out), '--observatory', str(place.observatory),
             *FAST, *options]
    assert longtermphotzp.run(longtermphotzp.parser().parse_args(given), now=now) == 0
    return {entry['telescope']: entry for entry in json.loads((out / 'status.json').read_text())['statuses']}


def made_anew(statuses, now=LATER):
    """The telescopes that were made by the run at this time."""
    return {telescope for telescope, entry in statuses.items() if entry['made'] == f'{now:%Y-%m-%dT%H:%M:%S}'}


def files(out):
    """{name: content} of all files that the report would make from nothing at the same time."""
    return {path.name: path.read_bytes() for path in out.iterdir()
            if path.suffix != '.html' and path.name not in ('status.json', 'report-state.json', 'report-fits.npz')}


def without_made(statuses):
    return [{name: value for name, value in entry.items() if name != 'made'} for entry in statuses.values()]


def placed(root):
    return SimpleNamespace(database=root / 'photzp.db', out=root / 'out', observatory=root / 'observatory.toml',
                           events=root / 'events.csv', root=root)


@pytest.fixture(scope='module')
def first(tmp_path_factory):
    """Two telescopes in one filter, and their report of NOW; not to be changed."""
    place = placed(tmp_path_factory.mktemp('first'))
    assert simulate(['years', str(place.database), '--telescopes', '2', '--years', '1', '--filters', 'gp',
                            '--one-per-night', '--seed', '4', '--nights', 'ideal']) == 0
    with sqlite3.connect(place.database) as connection:
        connection.execute("update lcophot set site = 'cpt' where dome = 'domb'")
    place.observatory.write_text(f'events = "{place.events.name}"\n')
    place.events.write_text(f'telescope,date,kind,note\n{ONE},2016-12-20,cleaning,\n'
                            f'{OTHER},{COMING:%Y-%m-%d},cleaning,planned\n')
    assert set(make(place, now=NOW)) == {ONE, OTHER}
    return place


@pytest.fixture
def place(first, tmp_path):
    """A copy of it, to be changed."""
    shutil.copytree(first.root, tmp_path, dirs_exist_ok=True)
    return placed(tmp_path)


def sql(*statement):
    """A change of the database."""
    def change(place):
        connection = sqlite3.connect(place.database)
        with connection:
            assert connection.execute(*statement).rowcount == 1
        connection.close()
    return change


def overlay(text):
    """A change of the observatory."""
    def change(place):
        with open(place.observatory, 'a') as file:
            file.write(text)
    return change


def event(line):
    def change(place):
        with open(place.events, 'a') as file:
            file.write(line + '\n')
    return change


def measured(**values):
    """A frame measured by the other script: a new one, or the newest one anew."""
    def change(place):
        with PhotDatabase(place.database) as database:
            z = database.zeropoints(site='lsc', dome='doma', filter='gp')
            same = {name: getattr(z, name)[-1] for name in ('name', 'camera', 'filter', 'airmass', 'zp', 'colorterm',
                                                            'zpsig', 'zperr', 'zpcolor', 'meancolor', 'colortermerr')}
            same['dateobs'] = str(z.dateobs[-1]).replace('T', ' ')
            database.add(Measurement(**{**same, 'site': 'lsc', 'dome': 'doma', 'telescope': '1m0s', **values}))
    return change


def damage(place):
    content = bytearray((place.out / HISTOGRAM).read_bytes())
    content[-20] ^= 1
    (place.out / HISTOGRAM).write_bytes(content)


def another_code(place):
    program.VERSION = 'another'


NEWEST = "(select name from lcophot where dome = 'doma' order by dateobs desc limit 1)"
CHANGES = {
    'nothing': (lambda place: None, set()),
    'a row is added': (measured(name='lsc1m005-fa15-20170104-0001-e91.fits.fz', dateobs='2017-01-05 01:00:00.000'),
                       {ONE}),
    'a row is measured again': (measured(zp=24.0), {ONE}),
    'a row is changed by hand': (sql(f'update lcophot set zp = zp + 1e-9 where name = {NEWEST}'), {ONE}),
    'a row becomes unusable': (sql(f"update lcophot set airmass = 'UNKNOWN' where name = {NEWEST}"), {ONE}),
    'a row is of another camera': (sql(f"update lcophot set camera = 'fa99' where name = {NEWEST}"), {ONE}),
    'a row is gone': (sql(f'delete from lcophot where name = {NEWEST}'), {ONE}),
    'an event is added': (event(f'{ONE},2016-06-15,wash,told late'), {ONE}),
    'an event has another note': (
        lambda place: place.events.write_text(place.events.read_text().replace('planned', 'put off')), {OTHER}),
    'a gain is repaired': (overlay('[[gain_repairs]]\ncamera = "xx00"\nratio = [1.0, 2.0]\n'), {ONE, OTHER}),
    'a reference is another one': (
        overlay('[[reference_throughput]]\nclass = "1m0"\nfilter = "gp"\nzp_mag = 24.6\n'), {ONE, OTHER}),
    'a reference of another filter is another one': (
        overlay('[[reference_throughput]]\nclass = "1m0"\nfilter = "rp"\nzp_mag = 24.6\n'), set()),
    'the extinction is another one': (overlay('[filters.gp]\nextinction = 0.2\n'), {ONE, OTHER}),
    'the site is elsewhere': (overlay('[sites.lsc]\nlongitude_deg = 20.0\n'), {ONE}),
    'the healthy band is another one': (overlay('[throughput]\nhealthy_mag = 0.1\n'), {ONE, OTHER}),
    'a filter has another colour': (overlay('[filters.gp]\ncolour = "#123456"\n'), set()),
    'a camera type has a colour': (overlay('[camera_types.fa]\ncolour = "#123456"\n'), set()),
    'a class of telescopes has another title': (overlay('[size_classes.2m01m0]\ntitle = "large ones"\n'), set()),
    'the program is another one': (another_code, {ONE, OTHER}),
    'a plot is deleted': (lambda place: (place.out / HISTOGRAM).unlink(), {ONE}),
    'a plot is damaged': (damage, {ONE}),
    'a table is deleted': (lambda place: (place.out / f'mirrormodel-{ONE}-gp.csv').unlink(), {ONE}),
    'an overview is deleted': (lambda place: (place.out / 'colorterms_gp.png').unlink(), set()),
    'the stored model is another one': (
        sql(f"delete from telescopemodel where entryid = (select max(entryid) from telescopemodel "
            f"where telescopeid = '{ONE}')"), {ONE}),
    'the state is gone': (lambda place: (place.out / 'report-state.json').unlink(), {ONE, OTHER}),
    'the fits are gone': (lambda place: (place.out / 'report-fits.npz').unlink(), {ONE, OTHER}),
    'the state is damaged': (lambda place: (place.out / 'report-state.json').write_text('{"schema": 1}'),
                             {ONE, OTHER}),
    'the state is of another version': (
        lambda place: (place.out / 'report-state.json').write_text('{"schema": 0, "series": {}, "overviews": {}}'),
        {ONE, OTHER}),
}
SAME_DATA = {'nothing', 'a reference of another filter is another one', 'the program is another one',
             'a plot is deleted', 'a plot is damaged', 'a table is deleted', 'an overview is deleted',
             'the stored model is another one', 'the state is gone', 'the fits are gone', 'the state is damaged',
             'the state is of another version'}
WITH_OVERVIEWS = {'nothing', 'a row is measured again', 'the extinction is another one', 'an overview is deleted',
                  'the stored model is another one', 'the healthy band is another one', 'a filter has another colour',
                  'a camera type has a colour', 'a class of telescopes has another title'}  # they take their time


@pytest.fixture(scope='module')
def anew(first, tmp_path_factory):
    """anew(*options) -> entries and files of a report from nothing of the unchanged data; each is made once."""
    @cache
    def from_nothing(*options):
        place = placed(tmp_path_factory.mktemp('anew'))
        shutil.copytree(first.root, place.root, dirs_exist_ok=True)
        return make(place, *options, out=place.root / 'fresh'), files(place.root / 'fresh')

    return from_nothing


@pytest.mark.parametrize('change', CHANGES)
def test_what_changed_is_made_again_and_nothing_else(place, anew, monkeypatch, change):
    monkeypatch.setattr(program, 'VERSION', program.VERSION)
    act, expected = CHANGES[change]
    quick = () if change in WITH_OVERVIEWS else (QUICK,)
    act(place)
    statuses = make(place, *quick)
    assert made_anew(statuses) == expected
    if change in SAME_DATA:
        wanted, fresh = anew(*quick)
    else:
        wanted, fresh = make(place, *quick, out=place.root / 'fresh'), files(place.root / 'fresh')
    assert without_made(statuses) == without_made(wanted)
    assert fresh.items() <= files(place.out).items()


def test_days_are_counted_to_now_though_nothing_was_made(place):
    later = NOW + timedelta(days=4)
    before, after = make(place, now=NOW), make(place, now=later)
    assert made_anew(after, NOW) == {ONE, OTHER}
    assert [entry[ONE]['days_since_event'] for entry in (before, after)] == [16, 20]
    assert {entry['updated'] for entry in after.values()} == {'2017-01-09T12:00:00'}
    assert after[ONE]['nights_observed'] < before[ONE]['nights_observed']
    for page in place.out.glob('telescope-*.html'):
        assert 'Data of <strong>Thu 5 Jan 2017, 12:00 UTC</strong>' in page.read_text(encoding='utf-8')


def test_options_that_change_what_comes_out(place):
    assert made_anew(make(place, QUICK, '--no-cameracolorterm')) == {ONE, OTHER}
    assert made_anew(make(place, QUICK, '--no-cameracolorterm', now=LATER + timedelta(hours=1))) == {ONE, OTHER}
    assert made_anew(make(place, QUICK, '--no-errorhistogram', '--no-cameracolorterm', now=LATER + timedelta(hours=2)),
                     LATER + timedelta(hours=2)) == set()
    whole = make(place, QUICK, '--no-cameracolorterm', '--pertelescopeplots', now=LATER + timedelta(hours=3))
    assert made_anew(whole, LATER + timedelta(hours=3)) == {ONE, OTHER}
    assert (place.out / f'photzptrend-{ONE}-gp.png').is_file()


def test_a_new_month_draws_anew(place):
    last, first = (datetime(2017, *day, tzinfo=UTC) for day in ((1, 31, 23), (2, 1)))
    make(place, QUICK, now=COMING + timedelta(days=1))  # from when on the cleaning counts
    assert made_anew(make(place, QUICK, now=last), last) == set()
    assert made_anew(make(place, QUICK, now=first), first) == {ONE, OTHER}


def test_an_event_counts_when_its_day_has_come(place):
    later = COMING + timedelta(days=1)
    statuses = make(place, QUICK, now=later)
    assert made_anew(statuses, later) == {OTHER}
    assert (statuses[OTHER]['event_kind'], statuses[OTHER]['days_since_event']) == ('cleaning', 1)


def test_a_row_of_the_future_is_looked_at_again_when_its_time_has_come(place):
    measured(name='lsc1m005-fa15-20170106-0001-e91.fits.fz', dateobs='2017-01-07 01:00:00.000')(place)
    before, between, after, last = (datetime(2017, 1, day, hour, tzinfo=UTC) for day, hour in
                                    ((6, 6), (6, 7), (7, 6), (8, 6)))
    assert made_anew(make(place, QUICK, now=before), before) == {ONE}
    assert made_anew(make(place, QUICK, now=between), between) == set()
    statuses = make(place, QUICK, now=after)
    assert made_anew(statuses, after) == {ONE}
    again = make(place, QUICK, now=last)
    assert made_anew(again, last) == set()
    assert again[ONE]['nights'] == statuses[ONE]['nights']


def test_rows_before_the_start_of_a_telescope_are_counted(place, caplog):
    event(f'{ONE},2016-12-31,start,')(place)
    with caplog.at_level('INFO'):
        make(place, QUICK)
    said, = (text for text in caplog.messages if ' before its start' in text)
    found = re.match(rf'{ONE} gp: (\d+) zeropoints, (\d+) usable \((\d+) before its start', said)
    number, usable, before = map(int, found.groups())
    assert 300 < before <= number - usable


def test_a_row_of_the_future_counts_for_nothing(place, caplog):
    wanted = make(place, '--pertelescopeplots')[ONE]
    plain = files(place.out)
    measured(name='lsc1m005-fa99-20620107-0001-e91.fits.fz', dateobs='2062-01-07 01:00:00.000', camera='fa99')(place)
    again = LATER + timedelta(minutes=1)
    got = make(place, '--pertelescopeplots', now=again)[ONE]
    changed = {'made', 'updated'}
    assert {name: value for name, value in got.items() if name not in changed} == {
        name: value for name, value in wanted.items() if name not in changed}
    assert files(place.out) == plain
    assert f'{ONE} gp: zeropoints that cannot be right are not used: 1 dated later than now' in caplog.text
    assert 'fa99' not in (place.out / 'status.json').read_text() + (place.out / 'report-state.json').read_text()


@pytest.mark.parametrize('dates', [('--start', '20160701'), ('--end', '20160701'), ('--start', '20150101')])
def test_a_part_of_the_data_neither_uses_nor_spoils_the_state(place, anew, dates):
    state = (place.out / 'report-state.json').read_bytes()
    assert made_anew(make(place, *dates)) == {ONE, OTHER}
    assert (place.out / 'report-state.json').read_bytes() == state
    make(place)
    wanted, fresh = anew()
    assert without_made(make(place)) == without_made(wanted)
    assert files(place.out) == fresh


def test_one_telescope_alone_keeps_what_is_remembered_of_the_others(place):
    measured(zp=24.0)(place)
    event(f'{OTHER},2016-06-15,wash,told late')(place)
    statuses = make(place, QUICK, '--site', 'lsc', '--telescope', 'doma-1m0s')
    assert made_anew(statuses) == {ONE}
    again = LATER + timedelta(hours=1)
    assert made_anew(make(place, QUICK, now=again), again) == {OTHER}


def test_what_was_warned_of_is_warned_of_again(place, caplog):
    sql(f"update lcophot set dateobs = 'no date' where name = {NEWEST}")(place)
    for now, anew in ((LATER, {ONE}), (LATER + timedelta(hours=1), set())):
        caplog.clear()
        assert made_anew(make(place, QUICK, now=now), now) == anew
        assert f'{ONE} gp: zeropoints that cannot be right are not used: 1 without date' in caplog.text


def test_another_place_has_its_own_state(place):
    shutil.copy(place.out / 'report-state.json', place.root)
    (place.root / 'elsewhere').mkdir()
    (place.root / 'report-state.json').rename(place.root / 'elsewhere' / 'report-state.json')
    assert made_anew(make(place, out=place.root / 'elsewhere')) == {ONE, OTHER}
    assert files(place.root / 'elsewhere') == files(place.out)


def test_every_column_that_the_report_reads_is_in_its_fingerprint():
    columns = {field.name for field in fields(Zeropoints)}
    trees = [ast.parse((ROOT / name).read_text(encoding='utf-8'))
             for name in ('photzp/throughput/rows.py', 'photzp/throughput/fitrows.py', 'photzp/report/series.py')]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    read = {node.attr for node in nodes if node.attr in columns
            and 'z' in (getattr(node.value, 'id', None), 'z' * (getattr(node.value, 'attr', None) == 'zeropoints'))}
    assert {'zp', 'camera', 'zperr'} < read
    assert read <= set(COLUMNS)
