"""Limits, order, colours and the healthy band of a site's file, through the whole script: what page, plots, status.json
and --check say is one and the same."""

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import longtermphotzp
from photdbinterface import Measurement, PhotDatabase
from tests.support.pagesamples import Parsed, rows_of, text_of

NOW = datetime(2025, 12, 20, 12, tzinfo=UTC)
NIGHTS = 150
SILENT_DAYS = {'doma': 1, 'domb': 20, 'domc': 40, 'domd': 90, 'dome': 1}  # since the last night
LOST_MAG = {'dome': 0.30}  # 76 % of the reference; the others have lost 0.15, which is 87 %
CLEAN_MAG = {'gp': 24.3, 'rp': 23.8}
CALIBRATED = NOW - timedelta(hours=50)
OVERVIEWS = ('--no-pertelescopeplots', '--no-errorhistogram')
FAST = (*OVERVIEWS, '--no-createsummaryplots')


def key(dome):
    return f'lsc-{dome}-1m0a'


def frames(dome, rng):
    """Three frames a night in two filters, under a clear sky."""
    for ago in range(NIGHTS, SILENT_DAYS[dome] - 1, -1):
        for number, name in enumerate(('gp', 'rp') * 3):
            time = NOW - timedelta(days=ago) + timedelta(hours=13.1 + 0.2 * number)  # of the next day, UTC
            yield Measurement(
                name=f'lsc1m0-{dome}-{time:%Y%m%d}-{number:04d}-e91.fits', dateobs=f'{time:%Y-%m-%d %H:%M:%S}.000',
                site='lsc', dome=dome, telescope='1m0a', camera=f'fa{ord(dome[-1])}', filter=name, airmass=1.0,
                zp=CLEAN_MAG[name] - LOST_MAG.get(dome, 0.15) + rng.normal(0, 0.005), colorterm=rng.normal(0.1, 0.01),
                zpsig=0.02, zperr=0.004, zpcolor=1.0, meancolor=1.0, colortermerr=0.01)


@pytest.fixture(scope='module')
def database(tmp_path_factory):
    """Five telescopes, and a calibration that last ended well 50 hours ago; not to be changed."""
    path = tmp_path_factory.mktemp('limits') / 'photzp.db'
    rng = np.random.default_rng(8)
    with PhotDatabase(path, now=lambda: CALIBRATED) as opened:
        for dome in SILENT_DAYS:
            opened.add_many(frames(dome, rng))
        opened.finish_run(opened.start_run('photcalibration.py', {}, '1'), 0, {})
    return path


def run(root, text, *options):
    """The script over the database of a directory, by a site's file of this text; returns the exit status."""
    (root / 'site.toml').write_text(text)
    given = ['--database', str(root / 'photzp.db'), '--outputdirectory', str(root / 'out'), '--observatory',
             str(root / 'site.toml'), '--processes', '1', *options]
    return longtermphotzp.run(longtermphotzp.parser().parse_args(given), now=NOW)


@pytest.fixture(scope='module')
def earlier(database):
    """Directory of the database and of its report without a site's file; not to be changed."""
    assert run(database.parent, '', *OVERVIEWS) == 0
    return database.parent


@pytest.fixture
def report(earlier, tmp_path, capsys):
    """report(text of a site's file, *options), over a copy of the earlier report and its database.

    Returns the status, what was said, and what is there: out, index, statuses.
    """
    shutil.copytree(earlier, tmp_path, dirs_exist_ok=True)
    out = tmp_path / 'out'

    def make(text, *options):
        capsys.readouterr()
        status = run(tmp_path, text, *options)
        statuses = json.loads((out / 'status.json').read_text())['statuses']
        return SimpleNamespace(status=status, said=capsys.readouterr().out.splitlines(), out=out, statuses=statuses,
                               index=(out / 'index.html').read_text(encoding='utf-8'))

    return make


def found(made, kind):
    """Telescopes or scripts that --check names in findings of a kind."""
    return {line.split()[1].rstrip(':') for line in made.said if line.startswith(f'{kind}: ')}


def cards(made, pattern):
    """Telescopes whose card on the first page matches."""
    every = re.findall(r'<li class="(?:low|good|unknown)" data-at="telescope\.([^"]+)">.*?</li>', made.index, re.DOTALL)
    return {name for name in every
            if re.search(rf'data-at="telescope\.{name}">(?:(?!</li>).)*{pattern}', made.index, re.DOTALL)}


def own_page(made, telescope):
    return (made.out / f'telescope-{telescope}.html').read_text(encoding='utf-8')


def late(made):
    """Telescopes whose own page marks the last observation."""
    marked = r'<dt>Last observation</dt><dd><time datetime="[^"]*" class="bad">'
    return {key(dome) for dome in SILENT_DAYS if re.search(marked, own_page(made, key(dome)))}


LAID_OVER = """[alarms]
silent_days = 30
closed_days = 60
run_overdue_hours = 100
throughput_below_percent = 70
"""


@pytest.mark.parametrize(('text', 'silent', 'closed', 'overdue', 'below', 'days', 'stopped', 'percent'), [
    ('', 'bcd', '', True, 'e', 180, 'a day', 80),
    (LAID_OVER, 'c', 'd', False, '', 60, '4 days', 70),
    (LAID_OVER.replace('100', '30').replace('70', '90'), 'c', 'd', True, 'abce', 60, '30 hours', 90),
])  # fmt: skip
def test_page_and_alarm_agree(report, text, silent, closed, overdue, below, days, stopped, percent):
    made = report(text, '--check', *FAST)
    silent, closed, below = ({key(f'dom{letter}') for letter in each} for each in (silent, closed, below))
    assert found(made, 'silent') == cards(made, '<span class="seen">[^<]') == silent
    assert late(made) == silent | closed
    line = re.search(r'Not seen for more than (\d+) days, closed or replaced: (.*?)</p>', made.index)
    assert (line is not None) == bool(closed)
    if line:
        assert (int(line[1]), set(re.findall(r'>([^<]+)</a>', line[2]))) == (days, closed)
    assert found(made, 'run-overdue') == ({'photcalibration.py'} if overdue else set())
    runs = re.search(r'<section class="runs".*?</section>', made.index, re.DOTALL)[0]
    assert ('<p class="bad alarm">Calibration: ended well; nothing since' in runs) == overdue
    assert f'if that is more than {stopped} ago, the report has stopped' in made.index
    assert found(made, 'below-threshold') == below
    assert f'Falls below {percent} %' in own_page(made, key('doma'))
    groups = re.findall(r'<section class="kind">.*?</section>', made.index, re.DOTALL)
    shown = {text_of(re.search('<h3>(.*?)<span', group)[1]): set(re.findall(r'<b><a[^>]*>([^<]+)', group))
             for group in groups}
    assert shown.get('Below threshold', set()) == below
    assert shown.get('Silent', set()) == silent
    assert made.status == 3


def test_a_row_of_an_earlier_run_is_old_when_a_run_is_overdue(report):
    for hours, dated in ((26, True), (48, False)):
        path = report('', *FAST).out / 'status.json'
        tree = json.loads(path.read_text())
        for entry in tree['statuses']:
            entry['updated'] = '2025-12-19T06:00:00'  # 30 hours before
        path.write_text(json.dumps(tree))
        made = report(f'[alarms]\nrun_overdue_hours = {hours}\n', '--telescope', 'doma-1m0a', *FAST)
        assert ('as of 2025-12-19' in text_of(made.index)) == dated


BANDED = (f'telescopetrend-{key("doma")}.png', 'allmodels_2m01m0_gp.png', f'photzptrend-{key("doma")}-gp.png')


def test_the_healthy_band_is_that_of_the_file_everywhere(report):
    """All but one telescope have lost 0.15 mag."""
    every, contents = set(map(key, SILENT_DAYS)), []
    for text, good, percent, healthy_mag in (('', every - {key('dome')}, 83, 0.2),
                                             ('[throughput]\nhealthy_mag = 0.1\n', set(), 91, 0.1)):
        made = report(text, *OVERVIEWS)
        for state, telescopes in (('good', good), ('low', every - good)):
            assert {each['telescope'] for each in made.statuses if each['state'] == state} == telescopes
            assert cards(made, f'<span class="word">{state}') == telescopes
        assert f'healthy is {percent} % or more' in text_of(made.index)
        own = own_page(made, key('doma'))
        assert ('<p class="big bad">' in own) == ('<span class="tag">low</span>' in own) == (not good)
        report(text, '--telescope', 'doma-1m0a', '--filter', 'gp', '--no-createsummaryplots', '--no-errorhistogram')
        data = json.loads((made.out / f'photzptrend-{key("doma")}-gp.json').read_text())
        assert data['healthy_mag'] == healthy_mag
        contents.append([(made.out / name).read_bytes() for name in BANDED])
    assert not any(one == other for one, other in zip(*contents, strict=True))


def test_rows_that_a_run_leaves_out_are_judged_by_its_healthy_band(report):
    made = report('[throughput]\nhealthy_mag = 0.1\n', '--telescope', 'doma-1m0a', *FAST)
    assert {each['state'] for each in made.statuses} == {'low'}


def filters_shown(made):
    """Filters in the order of the tabs, the status table, and the page of a telescope."""
    tabs = [link['data-filter'] for link in Parsed(made.index).all('a') if link.get('data-filter')]
    table = re.search(r'<table class="status">.*?</table>', made.index, re.DOTALL)[0]
    own = re.search(r'<table class="stack filters">.*?</table>', own_page(made, key('doma')), re.DOTALL)[0]
    return tabs, [row[1] for row in rows_of(table)][:2], [row[0] for row in rows_of(own)]


def colours(path):
    return {colour for _, colour in Image.open(path).convert('RGB').getcolors(1_000_000)}


def test_order_and_colour_of_a_filter_are_those_of_the_file(report):
    plot = f'telescopetrend-{key("doma")}.png'
    made = report('', *OVERVIEWS)
    assert filters_shown(made) == (['gp', 'rp'],) * 3
    assert (0x12, 0x34, 0x56) not in colours(made.out / plot)
    made = report('[filters]\nrp = {wavelength_nm = 300, colour = "#123456"}\n', *OVERVIEWS)
    assert filters_shown(made) == (['rp', 'gp'],) * 3
    assert (0x12, 0x34, 0x56) in colours(made.out / plot)
    assert made.said[-2].startswith('10 telescopes and filters (10 unchanged)')  # nothing else depends on it


def test_the_colour_of_a_camera_type_is_that_of_the_file(report):
    assert (0x12, 0x34, 0x56) not in colours(report('', *OVERVIEWS).out / 'colorterms_gp.png')
    made = report('[camera_types]\nfa = {colour = "#123456"}\n', *OVERVIEWS)
    assert (0x12, 0x34, 0x56) in colours(made.out / 'colorterms_gp.png')


def test_a_site_has_its_own_classes_of_telescopes(report, tmp_path):
    shutil.rmtree(tmp_path / 'out')
    made = report('[size_classes]\n2m01m0 = {smallest_m = 1.5}\n1m0 = {title = "1m telescopes", smallest_m = 0.9}\n',
                  *OVERVIEWS)
    assert {path.name for path in made.out.glob('allmodels_*')} == {'allmodels_1m0_gp.png', 'allmodels_1m0_rp.png'}
    assert 'throughput models of the 1m telescopes in gp' in made.index
    assert '<figcaption>Throughput of all 1 m telescopes</figcaption>' in made.index
    again = report('', *OVERVIEWS)
    for text in (again.index, *((again.out / name).read_text() for name in ('status.json', 'report-state.json'))):
        assert 'allmodels_2m01m0_gp.png' in text
        assert 'allmodels_1m0' not in text  # a class that the file no longer has
