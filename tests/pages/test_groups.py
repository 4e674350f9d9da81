"""Filters and sites of the index."""

from photzp.pages.groups import FilterView, filters_of, sites_of
from photzp.pages.text import parse_time
from photzp.pages.views import telescopes_of
from tests.support.pagesamples import LCO, page_of, plots_of, row


def test_a_filter_without_a_name_is_not_all_filters():
    codes = [FilterView(name, (), ()).code for name in ('', '_', 'rp')]
    assert codes == ['_', '_5f_', 'rp']


def test_filters_come_by_wavelength_and_sites_by_name_each_with_its_telescopes():
    rows = (row('lsc-doma-1m0a', 'zp'), row('coj-clma-2m0a', 'gp'), row('lsc-domb-1m0a', 'gp'))
    page = page_of(*rows, plots=plots_of(*rows))
    telescopes = telescopes_of(page, LCO, parse_time(page.updated))
    filters = filters_of(page, telescopes, LCO)
    assert [(found.name, [series.telescope for series in found.series]) for found in filters] == [
        ('gp', ['coj-clma-2m0a', 'lsc-domb-1m0a']), ('zp', ['lsc-doma-1m0a'])]
    assert [(site.name, [telescope.name for telescope in site.telescopes]) for site in sites_of(telescopes)] == [
        ('coj', ['coj-clma-2m0a']), ('lsc', ['lsc-doma-1m0a', 'lsc-domb-1m0a'])]
