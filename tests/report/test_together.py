"""Telescopes are fitted in all their filters, and with the others of their site, whatever a run reports on.

The fit is one made here, which shows in every number what it was given: rows of all filters, and what other telescopes
say of the air over the site.
"""

import json
import shutil
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

import longtermphotzp
from photdbinterface import Measurement, PhotDatabase
from photzp.report.fitarchive import unpack
from photzp.report.maker import Maker
from photzp.throughput.model import ThroughputFit
from photzp.times import night_of
from tests.support.madefits import made_evidence

NOW = datetime(2020, 2, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ONE, TWO, FAR = 'lsc-doma-1m0a', 'lsc-domb-1m0a', 'coj-clma-2m0a'
NIGHTS = 12
LIGHT = ('--processes', '1', '--no-pertelescopeplots', '--no-errorhistogram', '--no-createsummaryplots')


def frame(telescope, name, night, **changes):
    site, dome, tel = telescope.split('-')
    return replace(Measurement(
        name=f'{site}1m0-{dome}{name}-202001{night:02}-0001-e91.fits', dateobs=f'2020-01-{night:02} 03:00:00.000',
        site=site, dome=dome, telescope=tel, camera='fa15', filter=name, airmass=1.0, zp=23.5 + 0.001 * night,
        colorterm=0.03, zpsig=0.03, zperr=0.004, zpcolor=1.0, colortermerr=0.004, meancolor=1.0), **changes)


def joint_fit(rows, *, longitude_deg, events, now, others):
    """In place of the model the mean of each night, moved by 0.1 mmag for each row of any filter and by 1 mmag for each
    unit that other telescopes say of clouds, and by what they say of extinction."""
    move = 1e-4 * sum(len(one.zp) for one in rows.values())
    if others is not None:
        move += 1e-3 * float(others.clouds[:, 0].sum()) + others.coefficients['extinction'][0]
    means_of_nights(rows, longitude_deg, events, now)
    return {name: mean_fit(one, night_of(one.time, longitude_deg), move) for name, one in rows.items()}


def joint_sky(rows, *, longitude_deg, events, now):
    """In place of what a model says: of clouds one unit for each 10 mmag above 23.5 mag in all filters, and an
    extinction of the magnitude of the newest night beyond that."""
    mean = means_of_nights(rows, longitude_deg, events, now)
    return made_evidence(list(mean), [100 * (zp - 23.5) for zp in mean.values()],
                         coefficients={'extinction': (mean[max(mean)] - 23.5, 0.001)})


def means_of_nights(rows, longitude_deg, events, now):
    """Mean zeropoint of each night in all filters together."""
    assert isinstance(events, list)
    assert max(one.time.max() for one in rows.values()) <= now
    every, zp = (np.concatenate(parts) for parts in zip(
        *((night_of(one.time, longitude_deg), one.zp) for one in rows.values()), strict=True))
    return {night: zp[every == night].mean() for night in np.unique(every)}


def mean_fit(one, night, move):
    nights, first, count = np.unique(night, return_index=True, return_counts=True)
    mean = np.array([one.zp[night == each].mean() for each in nights])
    return ThroughputFit(
        night=nights, time=one.time[first], model_mag=mean + move, model_error_mag=np.full(len(nights), 0.001),
        night_rows=count, clear_probability=np.full(len(nights), 0.95), photometric=np.full(len(nights), True),
        row_clear_probability=np.full(len(night), 0.95), row_residual_mag=np.zeros(len(night)),
        night_residual_mag=np.zeros(len(nights)), night_residual_error_mag=np.full(len(nights), 0.005),
        night_log_odds=np.full(len(nights), 3.0), scatter_mag=0.005)


def put_in_place_of_the_model(patch):
    patch.setattr('photzp.report.maker.fit_telescope', joint_fit)
    patch.setattr('photzp.report.maker.sky_evidence', joint_sky)


def run(place, *options, now=NOW, out=None, status=0):
    """The report over a place; which series it made, as '<telescope> <filter>'."""
    out = out or place.out
    given = ['--database', str(place.database), '--outputdirectory', str(out), *LIGHT, *options]
    assert longtermphotzp.run(longtermphotzp.parser().parse_args(given), now=now) == status
    return {f'{row["telescope"]} {row["filter"]}' for row in json.loads((out / 'status.json').read_text())['statuses']
            if row['made'] == f'{now:%Y-%m-%dT%H:%M:%S}'}


def models(out):
    return {path.name: path.read_text() for path in out.glob('mirrormodel-*.csv')}


def level(out, telescope, name='gp'):
    """The model of the first night [mag]."""
    return float(models(out)[f'mirrormodel-{telescope}-{name}.csv'].splitlines()[1].split(',')[2])


def all_of(*telescopes):
    return {f'{telescope} {name}' for telescope in telescopes for name in ('gp', 'rp')}


def fresh(place, **options):
    """Models that a run from nothing makes."""
    shutil.rmtree(place.root / 'fresh', ignore_errors=True)
    run(place, out=place.root / 'fresh', **options)
    return models(place.root / 'fresh')


def placed(root):
    return SimpleNamespace(root=root, database=root / 'x.db', out=root / 'out')


@pytest.fixture(scope='module')
def first(tmp_path_factory):
    """Two telescopes at a site and one at another, in two filters, and their report; not to be changed."""
    place = placed(tmp_path_factory.mktemp('together'))
    with PhotDatabase(place.database) as database:
        database.add_many(frame(telescope, name, night) for telescope in (ONE, TWO, FAR) for name in ('gp', 'rp')
                          for night in range(1, NIGHTS + 1))
    with pytest.MonkeyPatch.context() as patch:
        put_in_place_of_the_model(patch)
        assert run(place) == all_of(ONE, TWO, FAR)
    return place


@pytest.fixture
def place(first, tmp_path, monkeypatch):
    """A copy of it, to be changed."""
    shutil.copytree(first.root, tmp_path, dirs_exist_ok=True)
    put_in_place_of_the_model(monkeypatch)
    return placed(tmp_path)


@pytest.fixture
def jobs(monkeypatch):
    """What is done in the order in which it is done."""
    done = []
    do = Maker.do
    monkeypatch.setattr(Maker, 'do', lambda self, job: done.append(str(job)) or do(self, job))
    return done


def change(place, *statement):
    connection = sqlite3.connect(place.database)
    with connection:
        assert connection.execute(*statement).rowcount == 1
    connection.close()


def add(place, *frames):
    with PhotDatabase(place.database) as database:
        database.add_many(frames)


def test_every_filter_and_the_other_telescopes_of_the_site_are_in_the_numbers(first):
    """24 rows in both filters move by 2.4 mmag; 0.1 to 1.2 of clouds in 12 nights by 7.8, extinction by 12."""
    for name in ('gp', 'rp'):
        assert level(first.out, FAR, name) == 23.5034  # of which 1 mmag is that of the first night itself
        assert level(first.out, ONE, name) == level(first.out, TWO, name) == 23.5232


@pytest.mark.parametrize('options', [
    ('--site', 'lsc'), ('--telescope', 'domb-1m0a'), ('--filter', 'rp'), ('--site', 'lsc', '--filter', 'gp')])
@pytest.mark.parametrize('dates', [(), ('--end', '20200108')])
def test_a_run_over_a_part_shows_the_numbers_of_a_whole_one(place, options, dates):
    part = place.root / 'part'
    made = run(place, *options, *dates, out=part)
    run(place, *dates, out=place.root / 'whole')
    assert models(part).items() < models(place.root / 'whole').items()
    assert {name.removeprefix('mirrormodel-').removesuffix('.csv').rpartition('-')[::2] for name in models(part)} == {
        tuple(series.split()) for series in made}
    assert models(part) != {}


def test_the_order_of_runs_does_not_matter(place):
    parts = place.root / 'parts'
    for options in (('--telescope', 'domb-1m0a'), ('--filter', 'rp'), (), ('--site', 'lsc')):
        run(place, *options, out=parts)
    assert models(parts) == models(place.out)


def test_nothing_is_fitted_where_nothing_is_new(place, jobs):
    assert run(place, now=LATER) == set()
    assert jobs == []


def test_a_new_night_of_one_telescope_makes_the_telescopes_of_its_site(place, jobs):
    add(place, frame(ONE, 'rp', NIGHTS + 1))
    assert run(place, now=LATER) == all_of(ONE, TWO)
    assert jobs == [f'the nights of {ONE}', f'{ONE} gp, rp', f'{TWO} gp, rp']
    assert models(place.out) == fresh(place, now=LATER)


def test_noise_far_below_what_matters_for_a_night_stays_with_its_telescope(place, jobs):
    change(place, "update lcophot set zp = zp + 1e-7 where dome = 'doma' and filter = 'rp' "
                  "and dateobs like '2020-01-05%'")
    assert run(place, now=LATER) == all_of(ONE)
    assert jobs == [f'the nights of {ONE}', f'{ONE} gp, rp']
    assert models(place.out) == fresh(place, now=LATER)


def test_a_run_over_one_filter_leaves_the_others_to_the_next(place):
    add(place, frame(ONE, 'rp', NIGHTS + 1))
    assert run(place, '--filter', 'gp', now=LATER) == {f'{ONE} gp', f'{TWO} gp'}
    last = LATER + timedelta(hours=1)
    assert run(place, now=last) == {f'{ONE} rp', f'{TWO} rp'}
    assert models(place.out) == fresh(place, now=last)


def test_fits_of_a_telescope_are_all_of_one_run(place):
    add(place, frame(ONE, 'rp', NIGHTS + 1))
    run(place, '--filter', 'gp', now=LATER)
    fits = unpack((place.out / 'report-fits.npz').read_bytes())
    assert [len(fits[ONE, name].night) for name in ('gp', 'rp')] == [NIGHTS, NIGHTS + 1]


def test_only_files_that_are_gone_are_drawn_again(place, jobs):
    (place.out / f'mirrormodel-{ONE}-rp.csv').unlink()
    assert run(place, now=LATER) == {f'{ONE} rp'}
    assert jobs == [f'{ONE} rp']


def test_a_telescope_alone_at_its_site_is_fitted_once(place, jobs):
    add(place, frame(FAR, 'gp', NIGHTS + 1))
    assert run(place, now=LATER) == all_of(FAR)
    assert jobs == [f'{FAR} gp, rp']


def test_a_telescope_whose_rows_are_gone_says_nothing_any_more(place):
    with sqlite3.connect(place.database) as connection:
        connection.execute("delete from lcophot where dome = 'domb'")
    assert run(place, now=LATER) == all_of(ONE)
    assert level(place.out, ONE) == level(place.out, FAR)


def test_a_row_of_the_future_in_one_filter_makes_all_of_the_telescope_anew_when_its_time_has_come(place, jobs):
    add(place, frame(ONE, 'rp', NIGHTS + 1, dateobs='2020-02-02 03:00:00.000'))
    assert run(place, now=NOW + timedelta(hours=1)) == all_of(ONE)
    assert jobs == [f'the nights of {ONE}', f'{ONE} gp, rp']
    assert run(place, now=NOW + timedelta(hours=2)) == set()
    assert run(place, now=NOW + timedelta(days=2)) == all_of(ONE, TWO)
    assert run(place, now=NOW + timedelta(days=3)) == set()


def test_when_the_clock_is_put_back_all_that_rests_on_later_rows_is_made_anew(place):
    back = datetime(2020, 1, NIGHTS, 2, tzinfo=UTC)
    assert run(place, now=back) == all_of(ONE, TWO, FAR)
    assert models(place.out) == fresh(place, now=back)


class Faulty(Maker):
    """Finds no nights of one telescope."""

    def nights(self, job):
        if job.telescope == ONE:
            raise ZeroDivisionError('a mistake of ours')
        return super().nights(job)


def test_a_telescope_whose_nights_are_not_found_keeps_what_it_had_and_the_others_go_on(place, monkeypatch, caplog):
    before = models(place.out)
    add(place, frame(ONE, 'rp', NIGHTS + 1), frame(TWO, 'rp', NIGHTS + 1))
    with monkeypatch.context() as patch:
        patch.setattr('photzp.report.maker.Maker', Faulty)
        assert run(place, now=LATER, status=1) == all_of(TWO)
    assert [record.getMessage().partition(', as')[0] for record in caplog.records if record.levelname == 'ERROR'] == [
        f'the nights of {ONE}: please report this', f'the nights of {ONE}: not made', f'{ONE} gp, rp: not made']
    assert models(place.out)[f'mirrormodel-{ONE}-rp.csv'] == before[f'mirrormodel-{ONE}-rp.csv']
    last = LATER + timedelta(hours=1)
    assert run(place, now=last) == all_of(ONE, TWO)
    assert models(place.out) == fresh(place, now=last)


def test_what_an_earlier_version_remembers_is_made_anew_with_one_line(place, caplog):
    file = place.out / 'report-state.json'
    file.write_text(json.dumps({**json.loads(file.read_text()), 'schema': 5}))
    caplog.clear()
    assert run(place, now=LATER) == all_of(ONE, TWO, FAR)
    assert len([record for record in caplog.records if 'everything is made anew' in record.getMessage()]) == 1


def test_one_reading_of_the_rows_says_what_is_to_be_said(place, caplog):
    add(place, frame(ONE, 'rp', NIGHTS + 1, dateobs='2020-02-02 03:00:00.000'))
    run(place, now=LATER)
    assert len([record for record in caplog.records if '1 dated later than now; --testdb' in record.getMessage()]) == 1


def test_fit_extinction_is_accepted_and_changes_nothing(place, caplog):
    with caplog.at_level('INFO'):
        assert run(place, '--fit-extinction', now=LATER) == set()
    assert len([text for text in caplog.messages if text.startswith('--fit-extinction changes nothing')]) == 1
