"""Filters and sites as the index shows them: plots of all telescopes, and telescopes by filter and by site."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from photzp.observatory import Observatory
from photzp.pages.page import Page
from photzp.pages.text import anchor, spaced
from photzp.pages.views import NamedPlot, SeriesView, TelescopeView, parsed_name


@dataclass(frozen=True)
class FilterView:
    """One filter.

    Attributes
    ----------
    name : str
        As in the database.
    plots : tuple of NamedPlot
        Plots of all telescopes.
    series : tuple of SeriesView
        All telescopes in it.
    """

    name: str
    plots: tuple[NamedPlot, ...]
    series: tuple[SeriesView, ...]

    @property
    def anchor(self) -> str:
        """Where the page shows it.

        Returns
        -------
        str
        """
        return anchor('filter', self.name)

    @property
    def code(self) -> str:
        """Its name in addresses and for the page's script, where '' is all filters.

        Returns
        -------
        str
        """
        return anchor(self.name) or '_'


def filters_of(page: Page, telescopes: Iterable[TelescopeView], observatory: Observatory) -> tuple[FilterView, ...]:
    """Show all filters that have a row or a plot.

    Parameters
    ----------
    page : Page
        Plots.
    telescopes : iterable of TelescopeView
        All telescopes of the page.
    observatory : Observatory
        Size classes, and the order of filters.

    Returns
    -------
    tuple of FilterView
        By wavelength.
    """
    series, plots = defaultdict(list), defaultdict(list)
    for telescope in telescopes:
        for view in telescope.series:
            series[view.filter].append(view)
    for kind, title in _overview_titles(observatory).items():
        for name, plot in page.plots.items():
            parsed = parsed_name(name)
            if parsed and parsed.kind == kind:
                plots[parsed.filter].append(NamedPlot(name, title, plot))
    return tuple(FilterView(name, tuple(plots[name]), tuple(series[name]))
                 for name in sorted({*series, *plots}, key=observatory.wavelength_order))


def _overview_titles(observatory: Observatory) -> dict[str, str]:
    """{kind of overview plot: title} in the order of the page."""
    sizes = {f'allmodels_{key}': f'Throughput of all {spaced(observatory.size_classes[key].title)}'
             for key in observatory.size_classes_by_size()}
    return sizes | {'colorterms': 'Colour terms'}


@dataclass(frozen=True)
class SiteView:
    """One site.

    Attributes
    ----------
    name : str
        Code of the site.
    telescopes : tuple of TelescopeView
        In order of their names.
    """

    name: str
    telescopes: tuple[TelescopeView, ...]

    @property
    def anchor(self) -> str:
        """Where the page shows it.

        Returns
        -------
        str
        """
        return anchor('site', self.name)


def sites_of(telescopes: Iterable[TelescopeView]) -> tuple[SiteView, ...]:
    """Show all sites.

    Parameters
    ----------
    telescopes : iterable of TelescopeView
        All telescopes of the page, in order of their names.

    Returns
    -------
    tuple of SiteView
        In order of their names.
    """
    by_site = defaultdict(list)
    for telescope in telescopes:
        by_site[telescope.site].append(telescope)
    return tuple(SiteView(name, tuple(by_site[name])) for name in sorted(by_site))
