"""Events of a site's own file: those that change nothing are named, with what is most likely wrong."""

import numpy as np
import pytest

from photzp.names import Telescope
from photzp.observatory import load_observatory
from photzp.report.ownevents import warn_of_events

NOW = np.datetime64('2026-11-30T12:00', 'ms')
SPAN = np.array(['2020-03-01T05:00', '2026-11-29T05:00'], 'datetime64[ms]')


@pytest.fixture
def said(tmp_path, caplog):
    """The warnings of events of a site's own file, over a database with two telescopes."""

    def warn(*events, span=SPAN):
        entries = ','.join(f'{{telescope = "{telescope}", date = {date}, kind = "{kind}"}}'
                           for telescope, date, kind in events)
        (tmp_path / 'site.toml').write_text(f'events = [{entries}]')
        telescopes = [Telescope('lsc', 'domz', '1m0z'), Telescope('elp', 'doma', '1m0a')]
        caplog.clear()
        warn_of_events(telescopes, lambda **_: span, load_observatory(tmp_path / 'site.toml'), 'site.toml', NOW)
        return caplog.messages

    return warn


@pytest.mark.parametrize(('date', 'kind'), [
    ('2024-05-01', 'wash'), ('2026-12-01', 'wash'), ('2019-03-01', 'wash'), ('2010-01-01', 'start')])
def test_an_event_that_fits_is_no_news(said, date, kind):
    assert said(('lsc-domz-1m0z', date, kind)) == []


def test_the_events_of_the_built_in_list_are_not_looked_at(said):
    assert said() == []
    assert said(('coj-clma-0m4a', '2017-06-30', 'cleaning')) == []


@pytest.mark.parametrize('name', ['lsc-domz-1m0y', 'lcs-domz-1m0z'])
def test_a_telescope_that_the_database_lacks_is_named_once_with_the_nearest(said, name):
    text, = said(*((name, f'2024-05-0{day}', 'wash') for day in (1, 2, 3, 4, 5)))
    assert text == (f'site.toml: the database has no frames of {name} (did you mean lsc-domz-1m0z?): its events '
                    '(wash 2024-05-01, wash 2024-05-02, wash 2024-05-03 and 2 more) change nothing')


@pytest.mark.parametrize(('date', 'kind', 'words'), [
    ('2062-05-01', 'wash', 'wash of lsc-domz-1m0z on 2062-05-01 is later than now'),
    ('2026-12-02', 'start', 'is later than now'),
    ('1926-05-01', 'wash', 'on 1926-05-01 is far from its frames, 2020-03-01 to 2026-11-29, and changes nothing'),
    ('0001-01-01', 'start', 'is far from'), ('9999-12-31', 'wash', 'is later than now'),
    ('2019-02-01', 'cleaning', 'is far from its frames')])
def test_a_date_outside_the_data_is_named(said, date, kind, words):
    text, = said(('lsc-domz-1m0z', date, kind), ('lsc-domz-1m0z', '2024-05-01', 'wash'))
    assert text.startswith('site.toml: ')
    assert words in text


def test_after_the_last_frame_of_a_closed_telescope(said):
    closed = np.array(['2020-03-01', '2022-03-01'], 'datetime64[ms]')
    assert said(('lsc-domz-1m0z', '2023-02-01', 'wash'), span=closed) == []
    assert 'is far from' in said(('lsc-domz-1m0z', '2024-02-01', 'wash'), span=closed)[0]


def test_without_a_date_of_any_frame_only_impossible_ones_are_named(said):
    none = np.array(['NaT', 'NaT'], 'datetime64[ms]')
    texts = said(*(('lsc-domz-1m0z', date, 'wash') for date in ('1926-05-01', '2003-01-01', '2062-01-01')), span=none)
    assert [words in text for words, text in zip(('is far from any frame', 'is later than now'), texts, strict=True)]
