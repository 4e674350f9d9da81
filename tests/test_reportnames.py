"""Names of the files of the report."""

import pytest

from photzp.reportnames import (
    ReportName,
    overview_plot_name,
    parse_report_name,
    site_plot_name,
    size_class_of,
    telescope_page_name,
    telescope_plot_name,
    trend_plot_name,
)


def test_plots_of_sites_have_names_that_can_be_taken_apart():
    name = site_plot_name('nightcalendar', 'lsc')
    assert name == 'nightcalendar-lsc.png'
    assert parse_report_name(name) == ReportName('nightcalendar', None, '', 'lsc')
    for kind, site in (('nightcalendar', 'a-b'), ('nightcalendar', '../x'), ('nightcalendar', ''), ('other', 'lsc')):
        with pytest.raises(ValueError, match='is no'):
            site_plot_name(kind, site)


@pytest.mark.parametrize(('kind', 'ending'), [('photzptrend', 'png'), ('colortermtrend', 'png'),
                                              ('airmasstrend', 'png'), ('errorhist', 'png'), ('mirrormodel', 'csv')])
def test_names_of_series_are_built_and_taken_apart(kind, ending):
    name = trend_plot_name(kind, 'lsc-doma-1m0a', 'rp')
    assert name == f'{kind}-lsc-doma-1m0a-rp.{ending}'
    assert parse_report_name(name) == ReportName(kind, 'lsc-doma-1m0a', 'rp')


def test_the_data_of_a_trend_are_named_as_its_plot():
    name = trend_plot_name('trenddata', 'lsc-doma-1m0a', 'rp')
    assert name == 'photzptrend-lsc-doma-1m0a-rp.json'
    assert parse_report_name(name) == ReportName('trenddata', 'lsc-doma-1m0a', 'rp')


@pytest.mark.parametrize('kind', ['allmodels_2m01m0', 'allmodels_0m4', 'allmodels_1m5', 'colorterms'])
def test_names_of_overviews_are_built_and_taken_apart(kind):
    name = overview_plot_name(kind, 'H-Alpha')
    assert name == f'{kind}_H-Alpha.png'
    assert parse_report_name(name) == ReportName(kind, None, 'H-Alpha')


def test_names_of_telescopes():
    assert telescope_page_name('lsc-doma-1m0a') == 'telescope-lsc-doma-1m0a.html'
    assert telescope_plot_name('lsc-doma-1m0a') == 'telescopetrend-lsc-doma-1m0a.png'
    with pytest.raises(ValueError):
        parse_report_name(telescope_plot_name('lsc-doma-1m0a'))  # of no filter


@pytest.mark.parametrize('name', ['index.html', 'photzptrend-lsc-doma-1m0a-rp.csv', 'trenddata-lsc-doma-1m0a-rp.json',
                                  'errorhist-lsc-doma-1m0a-rp.json', 'mirrormodel-lsc-doma-1m0a-rp.png',
                                  'photzptrend-lsc-1m0a-rp.png', 'other-lsc-doma-1m0a-rp.png', 'allmodels_rp.png',
                                  'photzptrend-lsc-doma-1m0a-<b>.png', 'photzptrend-l"c-doma-1m0a-rp.png',
                                  'colorterms_.png'])
def test_other_names_of_files_are_refused(name):
    with pytest.raises(ValueError):
        parse_report_name(name)


@pytest.mark.parametrize(('telescope', 'filter_name'), [
    ('lsc-1m0a', 'rp'), ('a-b-c-d', 'rp'), ('lsc-doma-1m0a', '../rp'), ('lsc-..-1m0a', 'rp'), ('', 'rp'), ('a-b-c', ''),
    ('-'.join('abc' * 22 for _ in 'abc'), 'rp'),
])  # fmt: skip
def test_no_name_is_built_of_what_is_unsafe(telescope, filter_name):
    with pytest.raises(ValueError):
        trend_plot_name('photzptrend', telescope, filter_name)
    if filter_name == 'rp' or not telescope:
        for named in (telescope_plot_name, telescope_page_name):
            with pytest.raises(ValueError):
                named(telescope)
    for kind in ('other', 'allmodels_', 'allmodels_0_4', 'allmodels_../x', 'allmodels'):
        with pytest.raises(ValueError):
            overview_plot_name(kind, 'rp')


@pytest.mark.parametrize(('name', 'size_class'), [
    ('allmodels_0m4_rp.png', '0m4'), ('allmodels_2m01m0_H-Alpha.png', '2m01m0'), ('colorterms_rp.png', None),
    ('index.html', None), ('photzptrend-lsc-doma-1m0a-rp.png', None), ('allmodels_rp.png', None)])
def test_the_size_class_of_an_overview_plot(name, size_class):
    assert size_class_of(name) == size_class
