"""The calendar of a site's nights: what each square shows, and how far back it goes."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from photzp.figures.calendars import _MOST_MONTHS, _STATES, calendar_plot
from photzp.figures.sheet import png


def squares(figure):
    """{(month, day of month): colour} of the squares that are drawn."""
    axes, = figure.axes
    image, = axes.images
    colours = image.to_rgba(image.get_array())
    months = [label.get_text() for label in axes.get_yticklabels()]
    shown = ~np.ma.getmaskarray(image.get_array())
    return {(months[row], int(day) + 1): to_hex(colours[row, day]) for row, day in zip(*np.nonzero(shown), strict=True)}


def test_each_night_has_its_square_and_its_colour():
    night = np.array(['2024-02-29', '2024-03-01', '2024-03-31', '2024-04-02'], 'datetime64[D]')
    state = np.array(['photometric', 'cloudy', 'unknown', 'photometric'])
    found = squares(calendar_plot('lsc', night, state, np.array([5, 1, 2, 0]), '2024-04-20'))
    assert found == {('Feb 2024', 29): _STATES['photometric'].lower(), ('Mar 2024', 1): _STATES['cloudy'].lower(),
                     ('Mar 2024', 31): _STATES['unknown'].lower()}  # the night without frames has none


def test_the_share_of_photometric_nights_leaves_unknown_ones_out():
    night = np.arange('2024-03-01', '2024-03-11', dtype='datetime64[D]')
    state = np.array(['photometric'] * 6 + ['cloudy'] * 2 + ['unknown'] * 2)
    figure = calendar_plot('lsc', night, state, np.ones(10, int), '2024-03-20')
    assert '75 %   6 of 8 nights' in {text.get_text() for text in figure.axes[0].texts}


@pytest.mark.parametrize(('first', 'rows'), [('2024-03-05', 1), ('2023-12-31', 4), ('2019-01-01', _MOST_MONTHS)])
def test_it_goes_back_to_the_first_night_and_no_farther_than_two_years(first, rows):
    night = np.arange(first, '2024-03-10', dtype='datetime64[D]')
    figure = calendar_plot('lsc', night, np.full(len(night), 'cloudy'), np.ones(len(night), int), '2024-03-20')
    assert len(figure.axes[0].get_yticklabels()) == rows


def test_a_site_without_nights_has_an_empty_month():
    figure = calendar_plot('lsc', np.array([], 'datetime64[D]'), np.array([], str), np.array([], int), '2024-03-20')
    assert squares(figure) == {}


def test_the_same_nights_make_the_same_file_on_every_day_of_a_month():
    night = np.arange('2024-01-01', '2024-03-02', dtype='datetime64[D]')
    files = {png(calendar_plot('lsc', night, np.full(len(night), 'photometric'), np.ones(len(night), int), until))
             for until in ('2024-03-02', '2024-03-31')}
    assert len(files) == 1
