"""Plots that show several series: models and colour terms of the fleet, nights of a site, filters of a telescope."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from photzp.answers.gather import Answers
from photzp.answers.ranking import MirrorState
from photzp.names import SeriesKey, Telescope
from photzp.observatory import Observatory
from photzp.records import CameraSpan, StoredModel
from photzp.report.context import ReportContext
from photzp.report.jobs import (
    Drawing,
    TelescopeTrends,
    calendar_figure,
    colorterms_figure,
    models_figure,
    telescope_figure,
)
from photzp.report.results import Results
from photzp.report.state import SeriesResult, digest
from photzp.report.unchanged import model_digest
from photzp.reportnames import overview_plot_name, site_plot_name, size_class_of, telescope_plot_name
from photzp.times import day_of

if TYPE_CHECKING:  # drawing is imported where there is something to draw: mostly there is not much
    from matplotlib.figure import Figure

Models = dict[tuple[str, str], list[tuple[str, StoredModel, float | None]]]  # by size class and filter


class Overviews:
    """The drawings that a run has to make; a plot that would show the same as before is kept.

    Parameters
    ----------
    context : ReportContext
    results : Results
        Gets the plots that are kept.
    """

    def __init__(self, context: ReportContext, results: Results) -> None:
        self._context, self._results = context, results
        self._observatory, self._until = context.observatory, context.period.until

    def of_series(self) -> Iterator[Drawing]:
        """Drawings of models and colour terms.

        Yields
        ------
        Drawing
        """
        healthy_mag = self._observatory.throughput.healthy_mag
        for (size_class, filter_name), models in self._models().items():
            title = self._observatory.size_classes[size_class].title
            yield from self._drawing(
                overview_plot_name(f'allmodels_{size_class}', filter_name),
                f'throughput models of the {title} in {filter_name}',
                ([(name, model_digest(model), reference) for name, model, reference in models], healthy_mag),
                partial(models_figure, f'{title}   {filter_name}', models, self._until, healthy_mag))
        settings = self._context.settings
        if settings.site is None and settings.telescope is None:  # else the plot of all is better left as it is
            yield from self._colorterms()

    def _colorterms(self) -> Iterator[Drawing]:
        colours = self._observatory.camera_colours()
        for filter_name, lines in self._colorterm_lines().items():
            yield from self._drawing(
                overview_plot_name('colorterms', filter_name), f'colour terms of all telescopes in {filter_name}',
                (lines, colours), partial(colorterms_figure, f'colour terms   {filter_name}', lines, colours))

    def of_answers(self) -> Iterator[Drawing]:
        """Drawings of answers: the nights of each site, and each telescope in all filters.

        Yields
        ------
        Drawing
        """
        for nights in self._results.answers.nights:
            site, shown = nights.site, (nights.night, nights.state, nights.frames)
            yield from self._drawing(site_plot_name('nightcalendar', site), f'photometric nights of {site}',
                                     digest(*shown), partial(calendar_figure, f'nights   {site}', *shown, self._until))
        latest, cameras = self._results.latest(), self._results.cameras(self._context.database)
        for state in self._results.answers.mirrors:
            yield from self._telescope(state, latest, cameras)

    def _telescope(self, state: MirrorState, latest: Mapping[SeriesKey, SeriesResult],
                   cameras: Iterable[CameraSpan]) -> Iterator[Drawing]:
        """A telescope in all filters."""
        fits, telescope = self._results.fits, state.telescope
        keys = sorted((key for key in fits if key in latest and key[0] == telescope),
                      key=lambda key: self._observatory.wavelength_order(key[1]))
        shown = TelescopeTrends(
            telescope=telescope, threshold_percent=state.threshold_percent,
            trends=[(key[1], fits[key], latest[key].status.reference_mag, self._observatory.filter_colour(key[1]))
                    for key in keys],
            marks=_marks(self._results.answers, telescope),
            spans=[span for span in cameras if span.telescope == telescope],
            healthy_mag=self._observatory.throughput.healthy_mag)
        digests = [(band, digest(fit.time, fit.model_mag, fit.model_error_mag, fit.night_residual_mag,
                                 fit.clear_probability), fit.intervals, reference_mag, colour)
                   for band, fit, reference_mag, colour in shown.trends]
        yield from self._drawing(telescope_plot_name(telescope), f'{telescope}, all filters: {_sentence(state)}',
                                 (digests, shown.marks, shown.spans, shown.threshold_percent, shown.healthy_mag),
                                 partial(telescope_figure, shown, self._until))

    def _drawing(self, name: str, alt: str, shown: object, draw: 'Callable[[], Figure]') -> Iterator[Drawing]:
        """Yield a plot that would show something else than before; another one is kept."""
        fingerprint = digest(self._context.code, self._context.month, alt, shown)
        remembered = self._results.state.overviews.get(name)
        if (remembered and remembered.fingerprint == fingerprint
                and self._context.store.holds(name, remembered.output.sha256)):
            self._results.overviews[name] = remembered.output
            self._results.counts['unchanged'] += 1
        else:
            yield Drawing(name, alt, draw, fingerprint)

    def _models(self) -> Models:
        """Models of this run, and stored ones of the telescopes that it leaves out."""
        models: Models = defaultdict(list)
        shown, database = self._results.shown, self._context.database
        for series in self._results.series:
            if series in shown:
                models[self._observatory.size_class(series.telescope.name), series.filter].append(
                    (str(series.telescope), shown[series].model, shown[series].result.status.reference_mag))
        finished = {series.telescope for series in shown}
        failed = {series.key for series in self._results.failed}
        filters = dict.fromkeys(series.filter for series in self._results.series)
        for telescope in map(Telescope._make, database.telescopes()):
            for filter_name in filters:
                if telescope not in finished or (str(telescope), filter_name) in failed:
                    stored = database.model(str(telescope), filter_name)
                    if len(stored.dateobs):
                        models[self._observatory.size_class(telescope.name), filter_name].append(
                            (str(telescope), stored, self._stored_reference(telescope, filter_name, stored)))
        return models

    def _stored_reference(self, telescope: Telescope, filter_name: str, stored: StoredModel) -> float | None:
        """Reference of a telescope that this run leaves out, by its newest camera; None where none is known."""
        newest = day_of(stored.dateobs[-1])
        z = self._context.database.zeropoints(site=telescope.site, dome=telescope.enclosure, telescope=telescope.name,
                                              start=newest, end=self._context.now)
        return self._observatory.reference_mag(telescope.class_, filter_name,
                                               str(z.camera[-1]) if len(z) else '', newest.item())

    def _colorterm_lines(self) -> dict[str, list[tuple]]:
        """Fields of ColortermLine by filter; those of what could not be made are of an earlier run."""
        lines: dict[str, list[tuple]] = defaultdict(list)
        shown, failed, state = self._results.shown, self._results.failed, self._results.state
        for series in self._results.series:
            latest = shown.get(series) or (state.series.get(str(series)) if series in failed else None)
            if latest is not None:
                lines[series.filter] += latest.result.colorterms
        return lines


def has_size_class(name: str, observatory: Observatory) -> bool:
    """Whether the observatory's file still has the size class of an overview plot.

    Parameters
    ----------
    name : str
        Of any file of the report.
    observatory : Observatory

    Returns
    -------
    bool
        True for a file that is of no size class.
    """
    size_class = size_class_of(name)
    return size_class is None or size_class in observatory.size_classes


def _sentence(state: MirrorState) -> str:
    """The state of a telescope in words; rounded, so that it stays the same for a while."""
    level = 'no reference known' if np.isnan(state.percent) else f'throughput {state.percent:.0f}% of reference'
    rate = 1000 * state.rate_mag_per_month
    if not abs(rate) > max(2000 * state.rate_error_mag_per_month, 0.5):
        return level
    return f'{level}, {"falling" if rate > 0 else "rising"} {abs(rate):.0f} mmag a month'


def _marks(answers: Answers, telescope: str) -> list[tuple[np.datetime64, str, float, float]]:
    """Fields of EventMark of one telescope: events, and steps that none explains."""
    return [(gain.time, gain.kind, gain.gain_mag, gain.gain_error_mag) for gain in answers.events
            if gain.telescope == telescope] + [
        (step.time, 'unrecorded', step.joint_mag, step.joint_error_mag) for name, step in answers.steps
        if name == telescope]
