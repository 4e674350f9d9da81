"""Which series the options select, and what is said where there is none."""

from types import SimpleNamespace

import pytest

from photzp.errors import DatabaseUnusable, UsageInvalid
from photzp.observatory import load_observatory
from photzp.report.selection import selection
from photzp.report.settings import ReportSettings

LCO = load_observatory()
TELESCOPES = [('coj', 'clma', '2m0a'), ('lsc', 'doma', '1m0a'), ('lsc', 'domb', '1m0a')]


def selected(telescopes=TELESCOPES, filters=('ip', 'gp', 'zs', 'zp'), **settings):
    """(telescope, filter, native filters) of each series of a database with these telescopes and filters."""
    database = SimpleNamespace(place='x.db', telescopes=lambda: list(telescopes), filters=lambda: list(filters))
    every = selection(database, ReportSettings(**settings), LCO)
    return [(*series.key, series.native) for series in every]


def test_every_telescope_comes_with_every_filter_in_the_order_of_the_file():
    everything = selected()
    assert [(name, native) for _, name, native in everything[:3]] == [
        ('gp', ('gp',)), ('ip', ('ip',)), ('zp', ('zs', 'zp'))]  # zs is reported with zp
    assert list(dict.fromkeys(key for key, *_ in everything)) == ['coj-clma-2m0a', 'lsc-doma-1m0a', 'lsc-domb-1m0a']


@pytest.mark.parametrize(('settings', 'count'), [
    ({'site': 'lsc'}, 6), ({'telescope': 'domb-1m0a'}, 3), ({'site': 'coj', 'filter': 'gp'}, 1)])
def test_options_select(settings, count):
    assert len(selected(**settings)) == count


@pytest.mark.parametrize(('settings', 'said'), [
    ({'site': 'lcs'}, '--site lcs: no such site (did you mean lsc?); the database has coj, lsc'),
    ({'site': 'coj', 'telescope': 'doma-1m0a'}, 'no such telescope at coj'),
    ({'telescope': 'domc-1m0a'}, 'clma-2m0a, doma-1m0a, domb-1m0a'),
    ({'filter': 'zs'}, '--filter zs: no zeropoints')])
def test_what_there_is_not_is_named_with_what_there_is(settings, said):
    with pytest.raises(UsageInvalid) as refused:
        selected(**settings)
    assert said in str(refused.value)


def test_a_database_without_zeropoints_is_no_report():
    with pytest.raises(DatabaseUnusable, match=r'x\.db: holds no zeropoints yet'):
        selected(telescopes=())


def test_names_that_may_not_become_files_are_left_out(caplog):
    assert {key for key, *_ in selected([('lsc', '../etc', '1m0a'), *TELESCOPES])} == {'-'.join(t) for t in TELESCOPES}
    assert {name for _, name, _ in selected(filters=('gp', 'a/b'))} == {'gp'}
    assert [record.message.partition("'")[2][:3] for record in caplog.records] == ['../', 'a/b']
