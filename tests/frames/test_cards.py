"""Cards that hold words where numbers belong, names with blanks, times in every form that pipelines wrote."""

import pytest

from photzp.errors import FrameRejected


def test_numbers_in_quotes_and_names_with_blanks(frame):
    f = frame({'EXPTIME': ' 90.0 ', 'CRVAL2': '-20.0', 'FILTER': 'rp  ', 'WCSERR': '0'})
    assert (f.exptime_s, f.filter) == (90.0, 'rp')


@pytest.mark.parametrize(('value', 'expected'), [
    ('2019-08-05T23:59:59.987', '2019-08-05 23:59:59.987'), ('2019-08-05T23:59:59', '2019-08-05 23:59:59.000'),
    ('2019-08-05 01:02:03.5', '2019-08-05 01:02:03.500'), ('2016-12-31T23:59:60.3', '2016-12-31 23:59:59.999'),
    ('2019-08-05T01:02:03.123456789', '2019-08-05 01:02:03.123'),
    ('2019-08-05T01:02:03Z', '2019-08-05 01:02:03.000'),
])  # fmt: skip
def test_dates(frame, value, expected):
    assert frame({'DATE-OBS': value}, without=('DAY-OBS',)).dateobs == expected


@pytest.mark.parametrize('night', ['20190805', '2019-08-05', 20190806, '20190803', 'UNKNOWN', '', None])
def test_a_date_agrees_with_the_local_night_where_one_is_given(frame, night):
    assert frame({'DAY-OBS': night}).dateobs == '2019-08-05 23:59:59.987'


@pytest.mark.parametrize('value', ['2029-08-05T23:59:59', '2019-09-05T23:59:59', '2019-08-01T23:59:59'])
def test_a_date_of_another_night_is_not_believed(frame, value):
    with pytest.raises(FrameRejected, match='is not of the night DAY-OBS = 2019-08-05') as caught:
        frame({'DATE-OBS': value})
    assert caught.value.reason.name == 'header-incomplete'
