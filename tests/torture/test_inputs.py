"""Hostile values do no harm: a sample of what `make torture` tries, and what it found, each on its own."""

import csv

import pytest

from benchmarks.torture import inputs
from benchmarks.torture.inputs import GOOD, OWNED, old_database, report
from tests.support.shared import unavailable


def row(name='lsc1m005-fa15-20190901-0001-e91.fits.fz', camera='fa15', site='lsc'):
    return name, '2019-09-01 03:00:00.000', site, *GOOD[1:3], camera, 'rp', 1.2, 23.7, 0.05, 0.03


def test_the_report_of_a_database_of_hostile_rows(tmp_path):
    wrong, _ = inputs.all_together(tmp_path, step=13)
    assert wrong == []


def test_the_browser_would_run_what_a_page_plants(tmp_path):
    """The check itself works: a page that is not escaped changes its title."""
    (tmp_path / 'x.html').write_text(f'<title>Telescope throughput</title><script>{OWNED}</script>')
    dom = inputs.opened(tmp_path / 'x.html')
    if dom is None:
        unavailable('Chromium is not installed')
    assert '<title>owned</title>' in dom


def test_cells_that_a_spreadsheet_would_run_are_found(tmp_path):
    (tmp_path / 'x.csv').write_text("name,zp\n=1+1,-2.5\n'=1+1,1e-05\n")
    assert inputs.formulas(tmp_path / 'x.csv') == ['=1+1']


@pytest.mark.parametrize('camera', ['=HYPERLINK("http://x")', '@x', '-1+2', '+1'])
def test_a_camera_is_no_formula_in_the_export(tmp_path, camera):
    old_database(tmp_path / 'x.db', [row(camera=camera)])
    assert report(tmp_path / 'x.db', tmp_path / 'out', '--export', tmp_path / 'x.csv').status == 0
    with open(tmp_path / 'x.csv', newline='', encoding='utf-8') as file:
        assert {each['camera'] for each in csv.DictReader(file)} == {'fa15', f"'{camera}"}


@pytest.mark.parametrize('hostile', [row(name=b'\xff\xfe'), row(site=b'\xff\xfe'), row(camera=b'\xff\xfe'),
                                     row(camera='x' * 10_000)])  # fmt: skip
def test_bytes_and_long_texts_in_a_row_do_not_stop_the_others(tmp_path, hostile):
    old_database(tmp_path / 'x.db', [hostile])
    for arguments, statuses in ((['--testdb'], (0, 1)), (['--export', tmp_path / 'x.csv'], (0,))):
        run = report(tmp_path / 'x.db', tmp_path / 'out', *arguments)
        assert run.trouble is None
        assert run.status in statuses
        assert max(map(len, run.out.splitlines())) < 400
    with open(tmp_path / 'x.csv', newline='', encoding='utf-8') as file:
        assert sum(each['camera'] == 'fa15' for each in csv.DictReader(file)) >= 40
