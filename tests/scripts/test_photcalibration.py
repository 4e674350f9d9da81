"""The script as its users run it, on a simulated night whose truth is known."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import angular_separation
from astropy.io import fits

import photcalibration
from photdbinterface import PhotDatabase
from photzp.calibration.calibrate import calibrate as calibrate_frame
from photzp.errors import REASONS

ROOT = Path(__file__).resolve().parents[2]
ALL = ('--date', '20200213')


def calibrate(night, database, *selection, archive=None):
    """Run the script in this process; returns its exit status."""
    return photcalibration.main([*selection, '--imagerootdir', str(archive or night.archive), '--ps1dir',
                                 str(night.ps1), '--photodb', str(database), '--processes', '1'])


def table(database, sql):
    connection = sqlite3.connect(database)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


@pytest.fixture(scope='module')
def measured(night, tmp_path_factory):
    """The night measured once: (database, exit status)."""
    database = tmp_path_factory.mktemp('measured') / 'photzp.db'
    return database, calibrate(night, database, *ALL)


@pytest.fixture
def own_night(night, tmp_path):
    """A copy of one camera's frames, to be damaged by a test: (archive, folder)."""
    folder = next(path for path in sorted(night.archive.glob('*/f*/*/processed'))
                  if sum(true_of(night, f)['measurable'] for f in path.iterdir()) >= 2)
    copy = tmp_path / 'archive' / folder.relative_to(night.archive)
    shutil.copytree(folder, copy)
    return tmp_path / 'archive', copy


def true_of(night, path):
    return night.truth[path.name.rsplit('-', 1)[0]]


def test_every_measurable_frame_is_measured_within_its_error(night, measured):
    rows = {frame: values for frame, *values in table(measured[0], 'select frame, zp, zperr, colorterm, colortermerr '
                                                      'from lcophot')}
    measurable = {exposure: true for exposure, true in night.truth.items() if true['measurable']}
    assert len(measurable) > 20
    assert set(measurable) <= set(rows)
    for exposure, true in measurable.items():
        zp, zperr, colorterm, colortermerr = rows[exposure]
        assert abs(zp - true['zp']) < 5 * zperr + 0.010, exposure
        assert abs(colorterm - true['colorterm']) < 5 * colortermerr + 0.005, exposure
    errors = np.array([rows[exposure][0] - true['zp'] for exposure, true in measurable.items()])
    assert abs(np.median(errors)) < 0.004
    assert np.sqrt(np.mean(errors**2)) < 0.010


def test_quality_columns_are_filled_and_make_sense(night, measured):
    rows = table(measured[0], 'select frame, nstars, nmatched, matchsep, matchfrac, magslope, magslopeerr, redchi2, '
                              'meancolor from lcophot')
    assert len(rows) > 20
    for exposure, nstars, nmatched, matchsep, matchfrac, magslope, magslopeerr, redchi2, meancolor in rows:
        assert nstars <= nmatched, exposure
        assert 0 < matchsep < 0.5
        assert 0.1 < matchfrac <= 1
        assert abs(magslope) < 5 * magslopeerr + 0.005
        assert 0.2 < redchi2 < 20
        assert 0.4 < meancolor < 2.5


def test_every_row_has_the_centre_of_its_field_and_the_seeing_of_its_header(night, measured):
    rows = table(measured[0], 'select frame, ra, dec, fwhm from lcophot')
    without_fwhm = [night.truth[exposure]['quirks'].get('L1FWHM') == 'NaN' for exposure, *_ in rows]
    assert 0 < sum(without_fwhm) < len(rows) - 20
    for (exposure, ra, dec, fwhm), no_fwhm in zip(rows, without_fwhm, strict=True):
        true = night.truth[exposure]
        apart = angular_separation(*np.radians([ra, dec, true['ra_deg'], true['dec_deg']]))
        assert np.degrees(apart) * 3600 < 3, exposure  # the simulation's headers are off by up to 1.5 arcsec per axis
        assert 0 <= ra < 360
        assert fwhm == (None if no_fwhm else true['fwhm_arcsec'])


def test_every_planted_defect_is_rejected_by_its_name(night, measured):
    rejected = dict(table(measured[0], 'select frame, reason from photreject'))
    planted = {exposure: true['defect'] for exposure, true in night.truth.items() if true['defect']}
    assert len(set(planted.values())) == len(planted) == 11
    assert {exposure: rejected.get(exposure) for exposure in planted} == planted
    assert not set(rejected) & {row[0] for row in table(measured[0], 'select frame from lcophot')}


def test_frames_whose_stars_do_not_agree_are_rejected(own_night, night, tmp_path):
    archive, folder = own_night
    path = next(path for path in sorted(folder.iterdir()) if true_of(night, path)['measurable'])
    with fits.open(path, mode='update', disable_image_compression=True) as hdus:
        flux = next(name for name in hdus['CAT'].data.names if name.lower() == 'flux')
        hdus['CAT'].data[flux] *= 10 ** np.random.default_rng(1).normal(0, 1, len(hdus['CAT'].data))
    assert calibrate(night, tmp_path / 'x.db', *ALL, archive=archive) == 0
    assert table(tmp_path / 'x.db', f"select reason from photreject where name = '{path.name}'") == [
        ('fit-not-converged',)]


def off_by(folder, night, *, arcmin, turn_deg=0.0):
    """Spoil the world coordinates of the first measurable frame of a folder; returns its path."""
    path = next(path for path in sorted(folder.iterdir()) if true_of(night, path)['measurable'])
    with fits.open(path, mode='update', disable_image_compression=True) as hdus:
        header = hdus['SCI'].header if 'SCI' in hdus else hdus[0].header
        cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
        cd = [[cos, -sin], [sin, cos]] @ np.array([[header[f'CD{i}_{j}'] for j in (1, 2)] for i in (1, 2)])
        header.update({f'CD{i}_{j}': cd[i - 1, j - 1] for i in (1, 2) for j in (1, 2)})
        header['CRVAL2'] -= arcmin / 60
    return path


def test_a_frame_that_is_off_and_turned_is_measured_all_the_same(own_night, night, tmp_path):
    archive, folder = own_night
    path = off_by(folder, night, arcmin=3.0, turn_deg=0.3)
    assert calibrate(night, tmp_path / 'x.db', *ALL, archive=archive) == 0
    (zp, zperr, offset), = table(
        tmp_path / 'x.db', f"select zp, zperr, wcsoffset from lcophot where name = '{path.name}'")
    assert abs(zp - true_of(night, path)['zp']) < 5 * zperr + 0.010
    assert offset == pytest.approx(180, abs=6)


def test_a_frame_that_shows_another_field_is_rejected_as_such(own_night, night, tmp_path):
    archive, folder = own_night
    path = off_by(folder, night, arcmin=12.0)
    assert calibrate(night, tmp_path / 'x.db', *ALL, archive=archive) == 0
    (reason, detail), = table(
        tmp_path / 'x.db', f"select reason, detail from photreject where name = '{path.name}'")
    assert reason == 'wcs-off'
    assert 'good sources have a reference star' in detail


def test_the_registry_is_covered_by_the_tests_above(measured):
    seen = {reason for reason, in table(measured[0], 'select reason from photreject')}
    assert set(REASONS) - seen == {'wcs-off', 'fit-not-converged', 'internal-error', 'worker-died'}


def test_status_tells_of_unreadable_input(measured):
    assert measured[1] == 1


def test_a_second_run_opens_nothing(night, measured, tmp_path, capsys):
    # Frames that were measured are replaced by rubbish, rejected ones keep size and time: nothing may notice.
    database, archive = tmp_path / 'copy.db', tmp_path / 'archive'
    with PhotDatabase(measured[0], readonly=True) as opened:
        known = set(opened.zeropoints().name)
    source = sqlite3.connect(measured[0])
    target = sqlite3.connect(database)
    source.backup(target)
    source.close()
    target.close()
    shutil.copytree(night.archive, archive)
    for path in archive.glob('*/*/*/processed/*'):
        if path.name in known:
            path.write_bytes(b'rubbish')
    assert calibrate(night, database, *ALL, archive=archive) == 0
    assert f'0 measured, {len(night.truth)} already known, 0 rejected' in capsys.readouterr().out


def test_a_frame_that_changed_is_looked_at_again(own_night, night, tmp_path, capsys):
    archive, folder = own_night
    good = next(path for path in sorted(folder.iterdir()) if true_of(night, path)['measurable'])
    content = good.read_bytes()
    good.write_bytes(content[:4000])
    assert calibrate(night, tmp_path / 'x.db', *ALL, archive=archive) == 1
    good.write_bytes(content)
    assert calibrate(night, tmp_path / 'x.db', *ALL, archive=archive) == 0
    assert '1 measured' in capsys.readouterr().out.splitlines()[-1]
    assert table(tmp_path / 'x.db', 'select count(*) from photreject where name = ' + f"'{good.name}'") == [(0,)]


def test_a_lower_mintexp_changes_the_verdict(night, measured, tmp_path):
    exposure, true = next((e, t) for e, t in night.truth.items() if t['defect'] == 'exposure-too-short')
    database = tmp_path / 'x.db'
    select = ('--camera', true['camera'])
    calibrate(night, database, *select)
    assert table(database, f"select reason from photreject where frame = '{exposure}'") == [('exposure-too-short',)]
    calibrate(night, database, *select, '--mintexp', '5')
    assert ('exposure-too-short',) not in table(database, f"select reason from photreject where frame = '{exposure}'")


@pytest.mark.parametrize('first', ['--preview', None])
def test_quick_look_and_final_are_one_measurement(night, tmp_path, first, capsys):
    twins = [t for t in night.truth.values() if t['twin'] and t['measurable']]
    camera = ('--camera', ','.join(sorted({t['camera'] for t in twins})))
    order = [first, None if first else '--preview']
    for preview in order:
        calibrate(night, tmp_path / 'x.db', *camera, *([preview] if preview else []))
    with PhotDatabase(tmp_path / 'x.db', readonly=True) as opened:
        names = list(opened.zeropoints().name)
    exposures = [name.rsplit('-', 1)[0] for name in names]
    assert len(set(exposures)) == len(exposures)
    assert all(name.rsplit('-', 1)[1].startswith('e91') for name in names)
    if first is None:
        assert capsys.readouterr().out.splitlines()[-1].startswith('0 measured')


def test_dry_run_lists_and_writes_nothing(night, tmp_path, capsys):
    assert calibrate(night, tmp_path / 'x.db', *ALL, '--dry-run') == 0
    paths = capsys.readouterr().out.split()
    assert len(paths) == len(night.truth)
    assert all(Path(path).is_file() for path in paths)
    assert list(tmp_path.iterdir()) == []


def test_only_the_filter_asked_for(night, tmp_path):
    calibrate(night, tmp_path / 'x.db', *ALL, '--filter', 'rp')
    assert {row for row, in table(tmp_path / 'x.db', 'select distinct filter from lcophot')} == {'rp'}


def test_a_directory_has_its_own_database(own_night, night):
    _, folder = own_night
    assert photcalibration.main(['--crawldirectory', str(folder), '--ps1dir', str(night.ps1)]) == 0
    assert table(folder / 'imagezp.db', 'select count(*) from lcophot')[0][0] >= 2


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write everywhere')
def test_a_directory_that_cannot_be_written_is_said_so(own_night, night, capsys):
    _, folder = own_night
    folder.chmod(0o555)
    try:
        assert photcalibration.main(['--crawldirectory', str(folder), '--ps1dir', str(night.ps1)]) == 2
    finally:
        folder.chmod(0o755)
    assert str(folder) in capsys.readouterr().err


@pytest.mark.parametrize(('arguments', 'said'), [
    ([], 'nothing selected'),
    (['--preview'], 'nothing selected'),
    (['--date', '2020-02-30'], '2020-02-30'),
    (['--date', '200213'], 'YYYYMMDD'),
    (['--lastNdays', '0'], '--lastNdays 0'),
    (['--lastNdays', 'x'], "--lastNdays: 'x' is no whole number"),
    (['--date', '20200213', '--lastNdays', '2'], 'exclude each other'),
    (['--camera', 'fa15', '--cameratype', 'fa'], 'exclude each other'),
    (['--crawldirectory', '.', '--site', 'lsc'], 'cannot go with it'),
    (['--site', '../lsc'], '../lsc'),
    (['--mintexp', '-1', '--site', 'lsc'], '--mintexp'),
    (['--processes', '0', '--site', 'lsc'], '0 processes'),
    (['--last', '3'], '--last: there is no such option (did you mean --lastNdays?)'),
    (['--lastndays', '3'], 'did you mean --lastNdays?'),
    (['lsc'], 'lsc: belongs to no option'),
])
def test_wrong_usage_ends_with_status_2(arguments, said, capsys):
    with pytest.raises(SystemExit) as ended:
        photcalibration.main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_what_is_missing_is_named_with_the_option_that_sets_it(night, tmp_path, capsys):
    def run(*arguments):
        status = photcalibration.main(['--site', 'lsc', '--photodb', str(tmp_path / 'x.db'), *arguments])
        return status, capsys.readouterr().err

    archive, ps1 = ('--imagerootdir', str(night.archive)), ('--ps1dir', str(night.ps1))
    for arguments, words in (
        ((*ps1, '--imagerootdir', '/nowhere'), ('/nowhere', '--imagerootdir')),
        ((*archive, '--ps1dir', '/nowhere'), ('/nowhere/SkyTable.fits', '--ps1dir')),
        ((*archive, *ps1, '--cameratype', 'xx'), ('--cameratype xx', 'fa')),
        ((*archive, *ps1, '--filter', 'xx'), ('--filter xx', 'gp')),
        ((*archive, *ps1, '--observatory', '/nowhere.toml'), ('/nowhere.toml', '--observatory')),
    ):
        status, said = run(*arguments)
        assert status == 2
        assert all(word in said for word in words), said
        assert 'Traceback' not in said
    not_one = tmp_path / 'text.db'
    not_one.write_text('this is no database, but longer than the header of one' * 10)
    status = photcalibration.main(['--site', 'lsc', *archive, *ps1, '--photodb', str(not_one)])
    assert status == 2
    assert str(not_one) in capsys.readouterr().err


def test_a_site_or_date_without_frames_is_an_empty_night(night, tmp_path, capsys):
    assert calibrate(night, tmp_path / 'x.db', '--site', 'xyz', '--date', '19990101') == 0
    assert capsys.readouterr().out.startswith('0 measured')


def test_last_days_count_from_today_in_utc(night, tmp_path, capsys):
    options = photcalibration.parser().parse_args([
        '--lastNdays', '3', '--dry-run', '--imagerootdir', str(night.archive), '--photodb', str(tmp_path / 'x.db')])
    photcalibration.run(options, today=date(2020, 2, 15))
    assert len(capsys.readouterr().out.split()) == len(night.truth)
    photcalibration.run(options, today=date(2020, 2, 16))
    assert capsys.readouterr().out == ''


def test_plots_of_each_fit(night, tmp_path):
    camera = next(t['camera'] for t in night.truth.values() if t['measurable'])
    plots = tmp_path / 'not' / 'yet'
    assert calibrate(night, tmp_path / 'x.db', '--camera', camera, '--diagnosticplotsdir', str(plots)) in (0, 1)
    rows = table(tmp_path / 'x.db', 'select frame, filter from lcophot')
    expected = {f'{frame}_{name}_{kind}.png' for frame, name in rows for kind in ('zp', 'color', 'residuals')}
    assert {path.name for path in plots.iterdir()} == expected
    assert all(path.read_bytes().startswith(b'\x89PNG') for path in plots.iterdir())


def test_every_run_leaves_its_record(measured, night):
    (script, status, options, counts, telescopes), = table(
        measured[0], 'select script, status, options, counts, pertelescope from photrun')
    assert (script, status) == ('photcalibration.py', 1)
    assert json.loads(options)['date'] == ['20200213']
    counts = json.loads(counts)
    assert counts['measured'] == len(table(measured[0], 'select * from lcophot'))
    assert counts['rejected: wcs-failed'] == 1
    assert sum(sum(c.values()) for c in json.loads(telescopes).values()) == len(night.truth)


def test_a_failure_of_ours_costs_one_frame_only(night, tmp_path, monkeypatch, capsys):
    spared = calibrate_frame
    hit = []

    def fails_once(frame, references, observatory):
        if not hit:
            hit.append(frame.name)
            raise ZeroDivisionError('planted')
        return spared(frame, references, observatory)

    monkeypatch.setattr('photzp.calibration.calibrate.calibrate', fails_once)
    calibrate(night, tmp_path / 'x.db', '--site', 'lsc')
    assert table(tmp_path / 'x.db', 'select name, reason, retry from photreject where reason = "internal-error"') == [
        (hit[0], 'internal-error', 1)]
    assert len(table(tmp_path / 'x.db', 'select * from lcophot')) > 1
    assert 'ZeroDivisionError: planted' in capsys.readouterr().err


def test_sigterm_keeps_what_was_measured_and_the_next_run_goes_on(night, tmp_path, capsys):
    database = tmp_path / 'x.db'
    arguments = [*ALL, '--imagerootdir', str(night.archive), '--ps1dir', str(night.ps1), '--photodb', str(database)]
    with subprocess.Popen([sys.executable, str(ROOT / 'photcalibration.py'), *arguments], stderr=subprocess.PIPE,
                          stdout=subprocess.DEVNULL, text=True, cwd=tmp_path) as process:
        for line in process.stderr:
            if ' zp ' in line:
                process.send_signal(signal.SIGTERM)
                break
        said = process.stderr.read()
        started = time.monotonic()
        assert process.wait(timeout=5) == 128 + signal.SIGTERM
        assert time.monotonic() - started < 5
    assert 'stopped by SIGTERM' in said
    assert 'Traceback' not in said
    kept = len(table(database, 'select * from lcophot'))
    assert 1 <= kept < len(night.truth)
    assert table(database, 'select status from photrun') == [(143,)]
    calibrate(night, database, *ALL)
    known = int(re.search(r'(\d+) already known', capsys.readouterr().out)[1])
    assert known >= kept
    assert {t['name'] for t in night.truth.values() if t['measurable']} <= {
        name for name, in table(database, 'select name from lcophot')}


@pytest.mark.parametrize(('script', 'arguments'), [
    ('photcalibration', ['--date', '20190805', '--site', 'lsc', '--mintexp', '10']),
    ('longtermphotzp', ['--start', '20190805', '--end', '2019-08-06', '--check'][:4])])
def test_options_are_read_without_numpy_which_looks_for_the_number_of_threads_when_it_is_loaded(script, arguments):
    code = f"import sys, {script}; {script}.parser().parse_args({arguments}); print('numpy' in sys.modules)"
    found = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert found.stdout == 'False\n'


def test_help_answers_without_loading_the_science():
    code = ("import sys, photcalibration\ntry:\n    photcalibration.main(['--help'])\nexcept SystemExit:\n    pass\n"
            "slow = {'numpy', 'astropy', 'sqlalchemy', 'matplotlib', 'scipy'}\n"
            'print(sorted(slow & set(sys.modules)), file=sys.stderr)')
    found = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert found.stderr.strip() == '[]'
    assert '--crawldirectory' in found.stdout


def test_the_log_has_one_line_per_event_and_utc_dates(night, tmp_path, capsys):
    camera = next(t['camera'] for t in night.truth.values() if t['measurable'])
    calibrate(night, tmp_path / 'x.db', '--camera', camera)
    lines = capsys.readouterr().err.splitlines()
    assert all(re.match(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ (INFO|WARNING) ', line) for line in lines)


def test_passwords_are_never_shown(night, tmp_path, capsys):
    url = 'postgresql://user:secret-word@127.0.0.1:1/none'
    assert photcalibration.main(['--site', 'lsc', '--imagerootdir', str(night.archive), '--ps1dir', str(night.ps1),
                                 '--photodb', url]) == 2
    said = capsys.readouterr()
    assert 'secret-word' not in said.out + said.err


@pytest.mark.parametrize(('site', 'found'), [(None, 'coj, cpt, elp'), ('xyz', 'holds no folder of xyz, but')])
def test_an_archive_without_the_site_is_no_quiet_night(tmp_path, night, capsys, site, found):
    root = tmp_path if site is None else night.archive
    assert calibrate(night, tmp_path / 'x.db', *(('--site', site) if site else ALL), archive=root) == 0
    warned = [line for line in capsys.readouterr().err.splitlines() if 'WARNING' in line]
    assert len(warned) == 1
    assert found in warned[0]
    assert 'is it mounted' in warned[0]
