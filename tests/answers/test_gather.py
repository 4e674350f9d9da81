"""What the report says to operations: planted years through the script, whose truth is known; alarms and metrics."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

import longtermphotzp
from photdbinterface import Measurement, PhotDatabase
from photzp.answers.gather import FittedSeries, answer
from photzp.answers.status import SeriesStatus
from photzp.answers.steps import find_steps
from photzp.errors import StoreFailed
from photzp.names import Telescope
from photzp.observatory import load_observatory
from photzp.pages.text import days_from
from photzp.report.fitarchive import unpack, unpack_nights, without_rows
from photzp.report.sharednights import evidence_of_others
from photzp.throughput.fitrows import FitRows
from photzp.throughput.model import fit_telescope
from photzp.throughput.rows import Series, read_rows
from photzp.throughput.summary import Step
from photzp.typedtree import plain, typed
from tests.support.madefits import at_day, found_step, made_fit, planted_fit
from tests.support.samefits import all_same
from tests.support.samples import STATUS

NOW = datetime(2025, 12, 20, 12, tzinfo=UTC)
LAST = np.datetime64('2025-12-19')  # the last night
SILENT, JUMPED, LOW, FELL, WELL = 'doma', 'domb', 'domc', 'domd', 'dome'  # of lsc, 1m0a
NIGHTS, STEP_NIGHT = 180, 140
_SKY = np.random.default_rng(5)
CLOUD_MAG = _SKY.exponential(0.4, NIGHTS) * (_SKY.random(NIGHTS) < 0.3)  # of the site
EXTRA_K = 0.05  # of the site in gp, beyond the adopted extinction
LIGHT = ('--no-pertelescopeplots', '--no-errorhistogram', '--no-createsummaryplots')


def key(dome):
    return f'lsc-{dome}-1m0a'


def lost(dome, number):
    """Magnitudes below a clean telescope in a night."""
    return {JUMPED: 0.12 * (number >= STEP_NIGHT), LOW: 0.40, FELL: 0.10 * (number >= NIGHTS - 6)}.get(dome, 0.02)


def frames(dome, rng, nights=NIGHTS, first=0):
    """Frames of a telescope in gp and rp: three in each filter and night, a third of the nights with cloud."""
    for number in range(first, nights - 30 if dome == SILENT else nights):
        night = LAST - np.timedelta64(nights - 1 - number, 'D')
        cloud = CLOUD_MAG[number] * rng.uniform(0.8, 1.2)
        for at, (name, clean, k) in enumerate([('gp', 24.3, 0.14 + EXTRA_K), ('rp', 23.8, 0.08)] * 3):
            airmass = rng.uniform(1.0, 2.0)
            time = night.astype('datetime64[s]') + np.timedelta64(86_400 + 3600 + 900 * at, 's')
            zp = clean - lost(dome, number) - k * (airmass - 1) - cloud + rng.normal(0, 0.008)
            yield Measurement(
                name=f'lsc1m0-{dome}-{str(night).replace("-", "")}-{at:04d}-e91.fits',
                dateobs=str(time).replace('T', ' '), site='lsc',
                dome=dome, telescope='1m0a', camera=f'fa{dome[-1]}', filter=name, airmass=airmass, zp=zp,
                colorterm=rng.normal(0.1, 0.01), zpsig=rng.uniform(0.02, 0.03), zperr=0.004, zpcolor=1.0,
                meancolor=1.0, colortermerr=0.01)


def place_in(root):
    return SimpleNamespace(root=root, database=root / 'photzp.db', out=root / 'out', events=root / 'events.csv',
                           observatory=root / 'observatory.toml')


def run(place, *options, now=NOW, out=None, light=LIGHT):
    """The report over a place; its exit status."""
    given = ['--database', str(place.database), '--outputdirectory', str(out or place.out), '--observatory',
             str(place.observatory), '--processes', '1', *light, *options]
    return longtermphotzp.main(given) if now is None else longtermphotzp.run(
        longtermphotzp.parser().parse_args(given), now=now)


def calibrated(place, ended):
    """Note a run of the other script that ended well."""
    with PhotDatabase(place.database, now=lambda: ended) as database:
        database.finish_run(database.start_run('photcalibration.py', {}, '1'), 0, {})


def answers(out):
    return json.loads((out / 'status.json').read_text(encoding='utf-8'))['answers']


@pytest.fixture(scope='module')
def first(tmp_path_factory):
    """Five telescopes, and their report; not to be changed."""
    place = place_in(tmp_path_factory.mktemp('fleet'))
    rng = np.random.default_rng(17)
    place.events.write_text('telescope,date,kind,note\n')
    place.observatory.write_text(f'events = "{place.events.name}"\n')
    with PhotDatabase(place.database) as database:
        for dome in (SILENT, JUMPED, LOW, FELL, WELL):
            database.add_many(frames(dome, rng))
    calibrated(place, NOW - timedelta(hours=2))
    assert run(place, '--createsummaryplots') == 0
    return place


@pytest.fixture
def place(first, tmp_path):
    """A copy of it, to be changed."""
    shutil.copytree(first.root, tmp_path, dirs_exist_ok=True)
    return place_in(tmp_path)


def kinds(tree):
    return [(finding['kind'], finding['telescope']) for finding in tree['findings']]


def fleet_of(place):
    """What the answers of a place were made from, but for what changed lately."""
    fits = unpack((place.out / 'report-fits.npz').read_bytes())
    statuses = [typed(SeriesStatus, row) for row in json.loads((place.out / 'status.json').read_text())['statuses']]
    return {(status.telescope, status.filter): FittedSeries(fits[status.telescope, status.filter], status)
            for status in statuses}


def answers_at(now, fleet):
    return answer(fleet, {}, extinction={'gp': 0.14, 'rp': 0.08}, last_good={}, limits=load_observatory().alarms,
                  now=now)


def ending(series, days):
    """A series whose last night is so many days earlier."""
    return replace(series, fit=replace(series.fit, time=series.fit.time - np.timedelta64(days, 'D')))


def test_what_was_planted_is_found_and_nothing_else(first):
    tree = answers(first.out)
    assert set(kinds(tree)) == {('silent', key(SILENT)), ('below-threshold', key(LOW)), ('fell-in-week', key(FELL)),
                                 ('unrecorded-step', key(JUMPED))}
    assert [kind for kind, _ in kinds(tree)] == ['silent', *['below-threshold'] * 2, *['fell-in-week'] * 2,
                                                  'unrecorded-step']
    step = next(finding for finding in tree['findings'] if finding['kind'] == 'unrecorded-step')
    assert abs(step['value'] - 0.12) < 4 * step['error'] < 0.04
    planted = LAST - np.timedelta64(NIGHTS - 1 - STEP_NIGHT, 'D')
    reported, = tree['steps']
    assert reported['telescope'] == key(JUMPED)
    assert abs(np.datetime64(reported['time'][:10]) - planted) <= np.timedelta64(4, 'D')
    low = next(finding for finding in tree['findings'] if finding['kind'] == 'below-threshold')
    assert abs(low['value'] - 100 * 10 ** (-0.4 * 0.40)) < 4 * low['error'] < 8


def test_where_mirrors_stand_and_the_nights_of_the_site(first):
    tree = answers(first.out)
    mirrors = {mirror['telescope']: mirror for mirror in tree['mirrors']}
    assert mirrors[key(LOW)]['is_below'] is True
    assert abs(mirrors[key(WELL)]['loss_mag'] - 0.02) < 4 * mirrors[key(WELL)]['loss_error_mag'] < 0.04
    assert tree['advice'] == []  # no event is on record that would tell what one gives
    assert [(row['kind'], row['number'], row['share']) for row in tree['shares']] == [
        ('cleaning', 0, None), ('wash', 0, None), ('recoating', 0, None)]
    months = tree['months']['lsc']
    assert sum(month['photometric'] + month['cloudy'] + month['unknown'] for month in months) == NIGHTS
    assert (first.out / 'nightcalendar-lsc.png').read_bytes().startswith(b'\x89PNG')


def test_extinction_is_fitted_for_the_site(first):
    for row in answers(first.out)['extinction']:
        truth = {'gp': 0.14 + EXTRA_K, 'rp': 0.08}[row['filter']]
        assert abs(row['k'] - truth) < 4 * row['k_error'] < 0.02
        assert row['adopted'] == {'gp': 0.14, 'rp': 0.08}[row['filter']]


def test_kept_fits_are_those_of_a_fresh_fit_with_the_other_telescopes_of_the_site(first):
    content = (first.out / 'report-fits.npz').read_bytes()
    kept, nights = unpack(content), unpack_nights(content)
    domes = (SILENT, JUMPED, LOW, FELL, WELL)
    assert set(kept) == {(key(dome), name) for dome in domes for name in ('gp', 'rp')}
    assert set(nights) == {key(dome) for dome in domes}
    observatory, telescope, rows = load_observatory(first.observatory), key(JUMPED), FitRows()
    with PhotDatabase(first.database, readonly=True) as database:
        for name in ('gp', 'rp'):
            rows.add(read_rows(database, Series(Telescope.parse(telescope), name, (name,)), observatory))
    fits = fit_telescope(rows.by_filter(), longitude_deg=observatory.longitude_deg('lsc'),
                         others=evidence_of_others(telescope, nights))
    assert all_same({name: without_rows(fit) for name, fit in fits.items()},
                    {name: kept[telescope, name] for name in fits})


def test_no_mirror_is_cleaned_of_a_telescope_that_is_closed(first):
    fleet = fleet_of(first)
    for name in ('gp', 'rp'):
        fit = fleet[key(LOW), name].fit
        wash = Step(time=fit.time[40], kind='wash', size_mag=0.2, error_mag=0.01, instrumental=False)
        washed = replace(fleet[key(LOW), name], fit=replace(fit, steps=(wash,)))
        fleet[key(LOW), name] = ending(washed, 200)  # so long before the others that it counts as closed
    got = answers_at(np.datetime64(LAST + np.timedelta64(1, 'D'), 'ms'), fleet)
    assert {advice.kind for advice in got.advice} == {'wash'}
    assert {advice.telescope for advice in got.advice} == {key(dome) for dome in (SILENT, JUMPED, FELL, WELL)}
    assert key(LOW) in {mirror.telescope for mirror in got.mirrors}


def test_a_telescope_that_is_closed_stays_where_it_was_in_its_last_night(first):
    fleet = {name: series for name, series in fleet_of(first).items() if name[0] == key(LOW)}
    last = max(series.fit.time[-1] for series in fleet.values())
    level = np.mean([series.fit.at(np.array([last]))[0][0] for series in fleet.values()])
    for days, same in ((179, False), (181, True)):
        got = answers_at(last + np.timedelta64(days, 'D'), fleet)
        assert (abs(got.mirrors[0].loss_mag - (24.05 - level)) < 1e-9) == same


def test_a_filter_that_is_not_used_any_more_says_nothing_of_a_telescope_that_is(first):
    fleet = {name: series for name, series in fleet_of(first).items() if name[0] == key(LOW)}
    used, old = fleet[key(LOW), 'rp'], ending(fleet[key(LOW), 'gp'], 386)
    old = replace(old, status=replace(old.status, last_observation='2024-11-28T04:00:00'))
    now = np.datetime64(NOW.replace(tzinfo=None), 'ms')
    got = answers_at(now, {(key(LOW), 'rp'): used, (key(LOW), 'gp'): old})
    alone = answers_at(now, {(key(LOW), 'rp'): used})
    assert got.mirrors[0].filters == ('rp',)
    assert plain(got.mirrors) == plain(alone.mirrors)
    assert plain(got.advice) == plain(alone.advice)
    assert [(finding.kind, finding.filter) for finding in got.findings] == [('below-threshold', 'rp')]


def test_days_of_silence_are_counted_as_the_page_counts_them(first):
    name, series = next(iter(fleet_of(first).items()))
    status = replace(series.status, last_observation='2025-12-11T23:00:00')
    got = answers_at(np.datetime64('2025-12-20T01:00', 'ms'), {name: replace(series, status=status)})
    assert 'no zeropoint for 9 days' in [finding.text for finding in got.findings]
    assert days_from('2025-12-11T23:00:00', datetime.fromisoformat('2025-12-20T01:00:00')) == 9


def test_a_run_over_an_earlier_one_gives_the_answers_of_a_cold_one(place):
    with PhotDatabase(place.database) as database:
        database.add_many(frames(WELL, np.random.default_rng(3), nights=NIGHTS, first=NIGHTS - 1))
    later = NOW + timedelta(hours=1)
    before = answers(place.out)
    assert run(place, now=later) == 0
    assert run(place, now=later, out=place.root / 'cold') == 0
    assert answers(place.out) == answers(place.root / 'cold') != before


def test_answers_of_a_run_over_one_telescope_are_of_the_whole_fleet(place):
    before = answers(place.out)
    assert run(place, '--telescope', f'{WELL}-1m0a', '--filter', 'gp') == 0
    assert answers(place.out) == before
    shutil.rmtree(place.out)
    assert run(place, '--telescope', f'{LOW}-1m0a') == 0
    assert kinds(answers(place.out)) == [('below-threshold', key(LOW))] * 2


def test_a_part_of_the_time_leaves_the_answers_as_they_are(place):
    before = answers(place.out)
    assert run(place, '--start', '20251201') == 0
    assert answers(place.out) == before


def test_without_the_fits_everything_is_made_anew(place, caplog):
    before = (place.out / 'report-fits.npz').read_bytes()
    (place.out / 'report-fits.npz').write_bytes(before[:-9])
    assert run(place) == 0
    assert 'report-fits.npz of an earlier run cannot be used' in caplog.text
    assert (place.out / 'report-fits.npz').read_bytes() == before
    assert {row['made'] for row in json.loads((place.out / 'status.json').read_text())['statuses']} == {
        f'{NOW:%Y-%m-%dT%H:%M:%S}'}


# -- falls that are too young to be a step -----------------------------------------------------------------------------


def young(fallen, *, number=3, nights=60, last=5, size=0.12):
    """Answers for a site; telescopes in `fallen` are dim in the last nights, which their own fits call cloudy."""
    fleet = {}
    for telescope in range(number):
        dim = (np.arange(nights) >= nights - last) & (telescope in fallen)
        y = 23.6 + np.random.default_rng(telescope).normal(0, 0.008, nights) - size * dim
        fit = made_fit(np.arange(nights) + 0.3, y, level=23.6, clear=~dim, log_odds=np.where(dim, -150.0, 3.0))
        name = f'lsc-dom{telescope}-1m0a'
        status = replace(STATUS, telescope=name, last_observation=str(fit.time[-1].astype('datetime64[s]')))
        fleet[name, 'rp'] = FittedSeries(fit, status)
    return answers_at(fit.time[-1] + np.timedelta64(1, 'D'), fleet)


def test_a_fall_of_the_newest_nights_is_an_alarm_before_it_can_be_a_step():
    finding, = young({1}).findings
    assert (finding.kind, finding.telescope) == ('fell-in-week', 'lsc-dom1-1m0a')
    assert abs(finding.value - 0.12) < 4 * finding.error < 0.06
    assert '7 and 30 photometric nights' in finding.text


@pytest.mark.parametrize(('fallen', 'number'), [((), 3), ((0, 1, 2), 3), ((0,), 1)])
def test_weather_of_a_site_is_no_fall_nor_what_one_telescope_alone_cannot_tell_from_it(fallen, number):
    assert young(set(fallen), number=number).findings == ()


def test_a_step_that_the_fits_found_is_in_all_answers():
    """0.2 mag lost 40 days ago: the finding, the loss and the date of the mirror, and its percent agree."""
    fallen = planted_fit(lambda day: 23.7 - 0.2 * (day > 260), lambda day: np.full(len(day), 0.003),
                         steps=[found_step(260, -0.2)])
    status = replace(STATUS, filter='rp', percent=round(100 * 10 ** (-0.4 * 0.3), 1), reference_mag=23.8,
                     last_observation=str(fallen.time[-1].astype('datetime64[s]')))
    fleet = {(status.telescope, 'rp'): FittedSeries(fallen, status)}
    got = answer(fleet, {status.telescope: find_steps({'rp': fallen})}, extinction={'rp': 0.08}, last_good={},
                 limits=load_observatory().alarms, now=fallen.time[-1] + np.timedelta64(1, 'h'))
    assert [finding.kind for finding in got.findings] == ['below-threshold', 'unrecorded-step']
    assert got.findings[1].value == pytest.approx(0.2)
    assert got.mirrors[0].loss_mag == pytest.approx(0.3)
    assert got.mirrors[0].percent == pytest.approx(got.findings[0].value, abs=0.1)
    assert abs(got.mirrors[0].below - at_day(260)) <= np.timedelta64(1, 'D')


# -- --check and --metrics ---------------------------------------------------------------------------------------------


def last_status(place):
    with PhotDatabase(place.database, readonly=True) as database:
        return database.last_run('longtermphotzp.py').status


def test_check_prints_the_findings_and_ends_with_3(place, capsys):
    assert run(place, '--check') == 3
    *_, count, one, two, three, four, five, six = capsys.readouterr().out.splitlines()
    assert count == '6 findings'
    assert one == f'silent: {key(SILENT)}: no zeropoint for 30 days (silent_days = 7)'
    assert two.startswith(f'below-threshold: {key(LOW)} ')
    assert [line.split(':')[0] for line in (three, four, five, six)] == ['below-threshold', 'fell-in-week',
                                                                         'fell-in-week', 'unrecorded-step']
    assert last_status(place) == 3
    assert run(place) == 0
    assert last_status(place) == 0


def test_check_without_findings_ends_with_0(place, capsys):
    place.observatory.write_text(place.observatory.read_text() + '[alarms]\nsilent_days = 60\nfell_in_week_mag = 0.5\n'
                                 'step_mag = 0.5\nthroughput_below_percent = 50\n')
    assert run(place, '--check', '--no-renderhtml') == 0
    assert capsys.readouterr().out.splitlines()[-1] == 'no findings'
    assert run(place, '--check', '--threshold', '75') == 3
    assert capsys.readouterr().out.splitlines()[-3] == '2 findings'


def test_a_calibration_that_does_not_run_is_a_finding_and_this_report_is_not(place, capsys):
    assert run(place, '--check', '--no-renderhtml', now=NOW + timedelta(days=2)) == 3
    late = [line for line in capsys.readouterr().out.splitlines() if line.startswith('run-overdue')]
    assert late == ['run-overdue: photcalibration.py has not ended well for 50 hours (run_overdue_hours = 26)']


@pytest.mark.parametrize('given', [
    ('--threshold', '0'), ('--threshold', '200'), ('--threshold', 'nan'), ('--threshold', 'much'),
    ('--check', '--start', '20250101'), ('--metrics', 'x.prom', '--end', '20250101'),
    ('--metrics', '/no/such/place/x.prom'),
])  # fmt: skip
def test_what_makes_no_sense_is_status_2(first, given, capsys):
    try:
        status = run(first, *given, now=None)
    except SystemExit as stopped:
        status = stopped.code
    assert status == 2
    assert given[0] in capsys.readouterr().err


def samples(path):
    order = ('script', 'kind', 'telescope', 'filter', 'camera')
    return {(sample.name, *(sample.labels[label] for label in order if label in sample.labels)): sample.value
            for family in text_string_to_metric_families(path.read_text(encoding='utf-8')) for sample in family.samples}


def test_metrics_are_read_by_prometheus_and_tell_what_status_json_tells(place, tmp_path):
    path = tmp_path / 'photzp.prom'
    path.write_text('of yesterday')
    assert run(place, '--metrics', str(path)) == 0
    values = samples(path)
    statuses = json.loads((place.out / 'status.json').read_text())['statuses']
    for row in statuses:
        assert values['photzp_throughput_percent', row['telescope'], row['filter']] == row['percent']
    assert len([name for name, *_ in values if name == 'photzp_throughput_percent']) == len(statuses) == 10
    assert {kind[0]: number for (name, *kind), number in values.items() if name == 'photzp_findings' and number} == {
        'silent': 1, 'below-threshold': 2, 'fell-in-week': 2, 'unrecorded-step': 1}
    assert values['photzp_report_timestamp_seconds',] == NOW.timestamp()
    assert values['photzp_run_success_timestamp_seconds', 'longtermphotzp.py'] == NOW.timestamp()
    assert [file.name for file in tmp_path.glob('*.p*')] == ['photzp.prom']
    assert path.stat().st_mode & 0o044  # another user reads it


def test_metrics_that_cannot_be_written_end_the_run(place, tmp_path):
    (tmp_path / 'taken').mkdir()
    with pytest.raises(StoreFailed, match=r'taken: cannot be written \(Is a directory\); see --metrics'):
        run(place, '--metrics', str(tmp_path / 'taken'))
    assert last_status(place) == 2
