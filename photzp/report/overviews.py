"""Plots that show several series: models and colour terms of the fleet, nights of a site, filters of a telescope."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from photzp.answers.gather import Answers
from photzp.answers.ranking import MirrorState
from photzp.names import (
    TelescopeKey,
    class_of,
    overview_plot_name,
    site_plot_name,
    size_class_of,
    telescope_plot_name,
)
from photzp.observatory import Observatory
from photzp.observatorytables import colours_of
from photzp.records import CameraSpan, StoredModel
from photzp.report.context import ReportContext
from photzp.report.jobs import Drawing, calendar_figure, colorterms_figure, models_figure, telescope_figure
from photzp.report.results import Known, Results
from photzp.report.state import digest
from photzp.report.unchanged import model_digest
from photzp.times import day_of

if TYPE_CHECKING:  # drawing is imported where there is something to draw: mostly there is not much
    from matplotlib.figure import Figure

Models = dict[tuple[str, str], list[tuple[str, StoredModel, float | None]]]  # by size class and filter


class Overviews:
    """The drawings of one run that are to be made; what shows the same as before is taken as it is."""

    def __init__(self, context: ReportContext, results: Results) -> None:
        self._context, self._results = context, results
        self._observatory, self._until = context.observatory, context.until

    def of_series(self) -> Iterator[Drawing]:
        """Yield those that show models and colour terms."""
        healthy_mag = self._observatory.throughput.healthy_mag
        for (size_class, filter_name), models in self._models().items():
            title = self._observatory.size_classes[size_class].title
            yield from self._drawing(
                overview_plot_name(f'allmodels_{size_class}', filter_name),
                f'throughput models of the {title} in {filter_name}',
                ([(name, model_digest(model), reference) for name, model, reference in models], healthy_mag),
                partial(models_figure, f'{title}   {filter_name}', models, self._until, healthy_mag))
        options = self._context.options
        if options.site is None and options.telescope is None:  # else the plot of all is better left as it is
            yield from self._colorterms()

    def _colorterms(self) -> Iterator[Drawing]:
        colours = colours_of(self._observatory.camera_types)
        for filter_name, lines in self._colorterm_lines().items():
            yield from self._drawing(
                overview_plot_name('colorterms', filter_name), f'colour terms of all telescopes in {filter_name}',
                (lines, colours), partial(colorterms_figure, f'colour terms   {filter_name}', lines, colours))

    def of_answers(self) -> Iterator[Drawing]:
        """Yield those that show what was answered: nights of sites, and telescopes in all filters."""
        for each in self._results.answers.nights:
            shown = (each.night, each.state, each.frames)
            yield from self._drawing(site_plot_name('nightcalendar', each.site), f'photometric nights of {each.site}',
                               digest(*shown), partial(calendar_figure, f'nights   {each.site}', *shown, self._until))
        latest, cameras = self._results.latest(), self._results.cameras(self._context.database)
        for state in self._results.answers.mirrors:
            yield from self._telescope(state, latest, cameras)

    def _telescope(self, state: MirrorState, latest: Known, cameras: Iterable[CameraSpan]) -> Iterator[Drawing]:
        """A telescope in all filters."""
        fits = self._results.fits
        name, alt = state.telescope, f'{state.telescope}, all filters: {_said(state)}'
        keys = sorted((key for key in fits if key in latest and key[0] == name),
                      key=lambda key: self._observatory.wavelength_order(key[1]))
        colours = colours_of(self._observatory.filters)
        trends = [(key[1], fits[key], latest[key].status.reference_mag, colours.get(key[1])) for key in keys]
        marks = _marks(self._results.answers, name)
        spans = [span for span in cameras if span.telescope == name]
        healthy_mag = self._observatory.throughput.healthy_mag
        shown = ([(band, digest(fit.time, fit.model_mag, fit.model_error_mag, fit.night_residual_mag,
                                fit.clear_probability), fit.intervals, reference_mag, colour)
                  for band, fit, reference_mag, colour in trends], marks, spans, state.threshold_percent, healthy_mag)
        yield from self._drawing(telescope_plot_name(name), alt, shown, partial(
            telescope_figure, name, trends, marks, spans, state.threshold_percent, self._until, healthy_mag))

    def _drawing(self, name: str, alt: str, shown: object, draw: 'Callable[[], Figure]') -> Iterator[Drawing]:
        """Yield a plot where what it shows is not what it showed before; else it is taken as it is."""
        fingerprint = digest(self._context.code, self._context.month, alt, shown)
        made = self._results.state.overviews.get(name)
        if made and made.fingerprint == fingerprint and self._context.store.holds(name, made.output.sha256):
            self._results.overviews[name] = made.output
            self._results.counts['unchanged'] += 1
        else:
            yield Drawing(name, alt, draw, fingerprint)

    def _models(self) -> Models:
        """Those of this run, and the stored ones of what it leaves out."""
        models: Models = defaultdict(list)
        shown = self._results.shown
        for series in self._results.series:
            if series in shown:
                models[self._observatory.size_class(series.telescope[2]), series.filter].append(
                    (series.key, shown[series].model, shown[series].status.reference_mag))
        done = {series.telescope for series in shown}
        failed = {(series.telescope, series.filter) for series in self._results.failed}
        filters = dict.fromkeys(series.filter for series in self._results.series)
        for telescope in self._context.database.telescopes():
            for filter_name in filters:
                if telescope not in done or (telescope, filter_name) in failed:
                    stored = self._context.database.model('-'.join(telescope), filter_name)
                    if len(stored.dateobs):
                        models[self._observatory.size_class(telescope[2]), filter_name].append(
                            ('-'.join(telescope), stored, self._stored_reference(telescope, filter_name, stored)))
        return models

    def _stored_reference(self, telescope: TelescopeKey, filter_name: str, stored: StoredModel) -> float | None:
        """Reference of a telescope that this run leaves out, by its newest camera; None where none is known."""
        newest = day_of(stored.dateobs[-1])
        z = self._context.database.zeropoints(site=telescope[0], dome=telescope[1], telescope=telescope[2],
                                              start=newest, end=self._context.now)
        return self._observatory.reference_mag(class_of(telescope[2]), filter_name,
                                               str(z.camera[-1]) if len(z) else '', newest.item())

    def _colorterm_lines(self) -> dict[str, list[tuple]]:
        """Fields of ColortermLine by filter; those of what could not be made are of an earlier run."""
        lines: dict[str, list[tuple]] = defaultdict(list)
        shown, failed, state = self._results.shown, self._results.failed, self._results.state
        for series in self._results.series:
            known = shown.get(series) or (state.series.get(str(series)) if series in failed else None)
            if known is not None:
                lines[series.filter] += known.colorterms
        return lines


def is_of_today(name: str, observatory: Observatory) -> bool:
    """Whether a file is not the overview plot of a size class that the observatory's file no longer has."""
    size_class = size_class_of(name)
    return size_class is None or size_class in observatory.size_classes


def _said(state: MirrorState) -> str:
    """What a person would say of a telescope; rounded, so that it stays the same for a while."""
    said = 'no reference known' if np.isnan(state.percent) else f'throughput {state.percent:.0f}% of reference'
    rate = 1000 * state.rate_mag_per_month
    if not abs(rate) > max(2000 * state.rate_error_mag_per_month, 0.5):
        return said
    return f'{said}, {"falling" if rate > 0 else "rising"} {abs(rate):.0f} mmag a month'


def _marks(answers: Answers, telescope: str) -> list[tuple[np.datetime64, str, float, float]]:
    """Fields of EventMark of one telescope: events, and steps that none explains."""
    return [(gain.time, gain.kind, gain.gain_mag, gain.gain_error_mag) for gain in answers.events
            if gain.telescope == telescope] + [
        (step.time, 'unrecorded', step.joint_mag, step.joint_error_mag) for name, step in answers.steps
        if name == telescope]
