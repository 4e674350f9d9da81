"""One telescope in one filter: its rows and their fit to status, plots and a table.

A `SeriesMaker` draws and writes nothing, so that any number of them may be at work, each in a process of its own.  The
`MadeSeries` that it returns is put into database and store by `storing`.
"""

import csv
import io
import logging
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from photzp.answers.cameras import camera_spans
from photzp.answers.extinction import Frames, FrameSums, frame_sums
from photzp.answers.recent import recent_changes
from photzp.answers.status import RECENT_DAYS, series_status, status_sentence
from photzp.figures.airmass import Extinction, airmass_plot
from photzp.figures.colourterms import colorterm_lines, colorterm_plot
from photzp.figures.curves import model_curves
from photzp.figures.errorhistogram import error_histogram
from photzp.figures.events import dated_events, unrecorded_camera_changes
from photzp.figures.healthyband import HealthyBand
from photzp.figures.trends import TrendData, trend_plot
from photzp.magnitudes import percent_of_reference
from photzp.names import site_of
from photzp.observatory import Observatory
from photzp.pages.trenddata import Chart, Points, trend_json
from photzp.records import StoredModel
from photzp.report.jobs import File, image_file
from photzp.report.settings import ReportSettings
from photzp.report.state import SeriesResult
from photzp.reportnames import trend_plot_name
from photzp.throughput.model import ThroughputFit
from photzp.throughput.rows import Rows
from photzp.times import Period, day_of, night_of

log = logging.getLogger('photzp.report')


@dataclass(frozen=True, kw_only=True)
class MadeSeries:
    """One telescope and filter as this run made it.

    Attributes
    ----------
    result : SeriesResult
    model : StoredModel
        As the database keeps it.
    intervals, steps : tuple of dict
        Intervals and steps of the model: for each the values of the database by column.
    files : tuple of File
    """

    result: SeriesResult
    model: StoredModel
    intervals: tuple[dict[str, Any], ...]
    steps: tuple[dict[str, Any], ...]
    files: tuple[File, ...]


class SeriesMaker:
    """Makes series of rows and their fits.

    Parameters
    ----------
    observatory : Observatory
    settings : ReportSettings
    period : Period
        Time that the report covers; its `now` is set.
    """

    def __init__(self, observatory: Observatory, settings: ReportSettings, period: Period) -> None:
        assert period.now is not None, 'a report is made at some time'
        self.observatory, self.settings, self.period, self.now = observatory, settings, period, period.now

    def made(self, rows: Rows, fit: ThroughputFit) -> MadeSeries:
        """Sum up and draw a series; log what is to be known of it.

        Parameters
        ----------
        rows : Rows
        fit : ThroughputFit
            Of all these rows.

        Returns
        -------
        MadeSeries
        """
        result = self._result(rows, fit, _log(rows, fit))
        return MadeSeries(
            result=result, model=StoredModel(fit.time, fit.model_mag, fit.model_error_mag), intervals=_intervals(fit),
            steps=_steps(fit), files=tuple(self._files(rows, fit, status_sentence(result.status))))

    def _result(self, rows: Rows, fit: ThroughputFit, warnings: list[str]) -> SeriesResult:
        """Sum up a series for later runs and the pages."""
        z, observatory = rows.zeropoints, self.observatory
        status = series_status(rows, fit, rules=observatory.throughput, now=self.now)
        night = night_of(z.dateobs, observatory.longitude_deg(site_of(rows.telescope)))
        fitted = rows.usable & np.isfinite(z.colorterm) & ~z.colortermheld
        colorterms = colorterm_lines(rows.telescope, z.dateobs[fitted], z.colorterm[fitted], z.camera[fitted],
                                     self.period.until, kind_of=observatory.camera_kind)
        newest = slice(-RECENT_DAYS - 2, None)  # `status.counted_anew` needs RECENT_DAYS + 1; one more does no harm
        nights = zip(np.datetime_as_string(fit.night[newest]).tolist(), fit.photometric[newest].tolist(), strict=True)
        return SeriesResult(
            status=status, nights=tuple(nights), colorterms=tuple(astuple(line) for line in colorterms),
            warnings=tuple(warnings), recent=recent_changes(rows, fit, night), frames=_frame_sums(rows, fit, night),
            cameras=camera_spans(rows.telescope, z.dateobs, z.camera))

    def _files(self, rows: Rows, fit: ThroughputFit, sentence: str) -> Iterator[File]:
        """Yield the model as CSV and the plots that the settings want; `sentence` is the status in words."""
        yield File(trend_plot_name('mirrormodel', rows.telescope, rows.filter), _model_csv(rows, fit).encode())
        if self.settings.pertelescopeplots:
            data = _trend_data(rows, fit)
            band = (None if rows.reference_mag is None else
                    HealthyBand(rows.reference_mag, self.observatory.throughput.healthy_mag))
            yield _image('photzptrend', rows, trend_plot(
                _title(rows), data, fit, events=rows.events, band=band, until=self.period.until), sentence)
            yield File(trend_plot_name('trenddata', rows.telescope, rows.filter),
                       self._trend_json(rows, fit, data).encode())
            yield _airmass_plot(rows, fit, self.observatory.extinction(rows.filter))
            yield self._colorterm_plot(rows)
        if self.settings.errorhistogram:
            yield _image('errorhist', rows, error_histogram(
                _title(rows), rows.zeropoints.zperr, rows.zeropoints.zpsig),
                'histogram of the errors and the scatter of single frames')

    def _trend_json(self, rows: Rows, fit: ThroughputFit, data: TrendData) -> str:
        """Write points, model and events of the interactive trend plot as JSON."""
        dated = [event for event in dated_events(rows.events, fit.steps) if event[1] != 'start']
        recorded = [date for date, kind, _ in dated if kind == 'instrument']
        events = [(str(date), kind, note) for date, kind, note in dated]
        events += [(str(date), 'camera change', '') for date in unrecorded_camera_changes(recorded, fit.steps)]
        events += [(str(day_of(step.time)), 'unrecorded step', '') for step in fit.steps if step.origin == 'found']
        return trend_json(
            Chart(rows.telescope, rows.filter, rows.reference_mag, self.observatory.throughput.healthy_mag,
                  self.period.until),
            Points(time=data.time, zp_mag=data.zp_mag, camera=data.camera, name=rows.zeropoints.name,
                   usable=data.usable, clear_probability=fit.row_clear_probability),
            model_curves(fit), sorted(events))

    def _colorterm_plot(self, rows: Rows) -> File:
        """Draw the colour terms [mag/mag] of all frames against time."""
        z = rows.zeropoints
        shown = np.isfinite(z.colorterm) & ~np.isnat(z.dateobs)
        median = np.median(z.colorterm[shown]) if shown.any() else np.nan
        return _image('colortermtrend', rows, colorterm_plot(
            _title(rows), z.dateobs[shown], z.colorterm[shown], z.camera[shown], self.period.until),
            f'colour term against time, median {median:+.3f}')


def _trend_data(rows: Rows, fit: ThroughputFit) -> TrendData:
    """The points of the trend plot [mag]: at airmass 1 where the airmass is known, less the offset of their group."""
    z = rows.zeropoints
    shown = ~np.isnat(z.dateobs) & np.isfinite(rows.zp_repaired)
    zp = np.where(np.isfinite(rows.zp_unit), rows.zp_unit, rows.zp_cameracolour) - _offsets(rows, fit)
    return TrendData(z.dateobs, zp, z.camera, rows.usable & shown)


def _airmass_plot(rows: Rows, fit: ThroughputFit, without_rows_k: float) -> File:
    """Draw zeropoint residuals against airmass, with the adopted and the fitted extinction [mag/airmass]."""
    # Residuals have the adopted extinction removed, and the offset that was fitted on top of it.  The plot shows the
    # dimming with airmass, so both are put back.
    fitted_k = rows.extinction + (fit.extinction_offset_mag if np.isfinite(fit.extinction_offset_mag) else 0.0)
    adopted = float(np.median(rows.extinction)) if len(rows.extinction) else without_rows_k
    airmass = rows.zeropoints.airmass
    return _image('airmasstrend', rows, airmass_plot(
        _title(rows), airmass, fit.row_residual_mag - fitted_k * (airmass - 1), fit.row_clear_probability,
        Extinction(adopted, adopted + fit.extinction_offset_mag, fit.extinction_offset_error_mag)),
        f'zeropoint against airmass; adopted extinction {adopted:.2f} mag per airmass')


def _frame_sums(rows: Rows, fit: ThroughputFit, night: np.ndarray) -> FrameSums:
    """Sums over the rows, from which the yearly term of extinction is fitted; night (n,) datetime64[D]."""
    error = np.hypot(np.nan_to_num(rows.zperr), fit.scatter_mag)
    return frame_sums(Frames(time=rows.zeropoints.dateobs, night=night, residual_mag=fit.row_residual_mag,
                             error_mag=error, airmass=rows.zeropoints.airmass,
                             clear_probability=fit.row_clear_probability))


def _image(kind: str, rows: Rows, figure: Figure, sentence: str) -> File:
    """Make a figure of a series a file; the sentence becomes its text alternative."""
    return image_file(trend_plot_name(kind, rows.telescope, rows.filter), figure,
                      f'{rows.telescope} {rows.filter}: {sentence}')


def _title(rows: Rows) -> str:
    """Title of the plots of a series."""
    return f'{rows.telescope}   {rows.filter}'


def _log(rows: Rows, fit: ThroughputFit) -> list[str]:
    """Log the numbers of rows and the colour terms of a series; log and return its warnings."""
    z, about = rows.zeropoints, {'telescope': rows.telescope, 'filter': rows.filter}
    why = ', '.join(f'{n} {reason.words}' for reason, n in rows.unusable.items())
    log.info('%s %s: %d zeropoints, %d usable%s, %d nights', rows.telescope, rows.filter, len(z) + rows.later,
             np.count_nonzero(rows.usable), f' ({why})' if why else '', len(fit.night), extra=about)
    for term in rows.colourterms:
        log.debug('%s %s: %s from %s to %s: colour term %+.4f +- %.4f, %.4f between frames', rows.telescope,
                  rows.filter, rows.group_names[term.group], *np.array([term.start, term.end], 'datetime64[D]'),
                  term.colorterm, term.error, term.spread)
    if rows.colourterms:
        log.info('%s %s: %d zeropoints have the colour term of their camera', rows.telescope, rows.filter,
                 sum(term.changed for term in rows.colourterms), extra=about)
    warnings = []
    if faults := [f'{n} {reason.words}' for reason, n in rows.unusable.items() if reason.fault]:
        warnings.append(f'{rows.telescope} {rows.filter}: zeropoints that cannot be right are not used: '
                        f'{", ".join(faults)}; --testdb names them')
    if rows.has_old_rows:
        warnings += _log_old_rows(rows, fit)
    for warning in warnings:
        log.warning('%s', warning, extra=about)
    return warnings


def _log_old_rows(rows: Rows, fit: ThroughputFit) -> list[str]:
    """Log the offsets between older rows (zp at g-i = 0) and new ones; returns a warning where none could be fitted."""
    untied = []
    for offset in (offset for offset in fit.offsets if offset.group in rows.old_groups and offset.rows):
        name = rows.group_names[offset.group]
        if offset.reference in rows.old_groups:
            untied.append(name)
        else:
            log.info('%s %s: %s tied to %s by %+.4f +- %.4f mag', rows.telescope, rows.filter, name,
                     rows.group_names[offset.reference], offset.offset_mag, offset.error_mag,
                     extra={'telescope': rows.telescope, 'filter': rows.filter})
    if not untied:
        return []
    return [f'{rows.telescope} {rows.filter}: nothing ties {" and ".join(untied)}, whose zp is at g-i = 0, to the new '
            'rows: a step between them is no change of throughput; measure some nights of the old time again '
            '(docs/operations.md)']


def _offsets(rows: Rows, fit: ThroughputFit) -> np.ndarray:
    """Offset of each row's group (camera, native filter, kind of row) from the scale of the model [mag], shape (n,)."""
    offsets = np.zeros(len(rows.group_names))
    for offset in fit.offsets:
        offsets[offset.group] = offset.offset_mag
    return offsets[rows.group]


def _intervals(fit: ThroughputFit) -> tuple[dict[str, Any], ...]:
    """Intervals of a fit as rows of the table `throughputinterval`: {column: value} of each."""
    return tuple({'starttime': i.start, 'endtime': i.end, 'openedby': i.opened_by, 'nights': i.nights,
                  'measurements': i.rows, 'startzp': i.start_mag, 'startzperr': i.start_error_mag,
                  'endzp': i.end_mag, 'endzperr': i.end_error_mag, 'slope': i.slope_mag_per_month,
                  'slopeerr': i.slope_error_mag_per_month} for i in fit.intervals)


def _steps(fit: ThroughputFit) -> tuple[dict[str, Any], ...]:
    """Steps of a fit as rows of the table `throughputstep`: {column: value} of each."""
    return tuple({'dateobs': s.time, 'kind': s.kind, 'step': s.size_mag, 'steperr': s.error_mag,
                  'instrumental': s.instrumental, 'origin': s.origin, 'early': s.early, 'late': s.late}
                 for s in fit.steps)


def _model_csv(rows: Rows, fit: ThroughputFit) -> str:
    """The nightly model as CSV: night, time, zeropoint with error, percent of the reference, number of zeropoints."""
    file = io.StringIO(newline='')
    writer = csv.writer(file, lineterminator='\n')
    writer.writerow(('night', 'time_utc', 'modelzp_mag', 'modelzperr_mag', 'percent_of_reference', 'zeropoints',
                     'photometric'))
    for n in range(len(fit.night)):
        percent = ('' if rows.reference_mag is None else
                   f'{percent_of_reference(fit.model_mag[n], rows.reference_mag):.2f}')
        writer.writerow((fit.night[n], fit.time[n], f'{fit.model_mag[n]:.4f}', f'{fit.model_error_mag[n]:.4f}', percent,
                         fit.night_rows[n], int(fit.photometric[n])))
    return file.getvalue()
