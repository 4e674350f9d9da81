"""Fit the lines of throughput to data with clouds: one linear model of pieces, offsets of groups, and extinction.

A group of rows is those of one camera, native filter and kind of row.  Groups that share a piece have additive offsets
from one of them, their reference; an error of the adopted extinction shows as a trend with airmass.  After a fit,
residuals show whether a jump is missing, and the gradient of the likelihood whether a kink is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from photzp.throughput.boundaries import Boundary, TimedEvent, find_jump
from photzp.throughput.clearsky import ClearSkyFit, fit_clear_sky
from photzp.throughput.cloudmixture import Data, make_data, mean_depth
from photzp.throughput.kinks import find_kink
from photzp.throughput.lines import Line, SeriesRows
from photzp.times import days_since

# Gaussian priors (mean, 1-sigma width), so wide that they only matter where data are few.
SLOPE_PRIOR = (-0.010, 0.015)    # mag/month: LCO's mirrors lose 2 to 20 mmag a month
KINK_PRIOR = (0.0, 0.03)         # mag/month: change of slope
EXTINCTION_PRIOR = (0.0, 0.03)   # mag/airmass: fitted minus adopted; width from the spread of sites and seasons
_CLEANING_PRIOR = (0.03, 0.04)   # mag: step at a cleaning; CO2 snow gains a few per cent, a loss is due to cloud
_OFFSET_PRIOR = (0.0, 0.5)       # mag: between groups of one telescope
_FREE = (0.0, np.inf)            # no prior: levels of pieces

_MAX_JUMPS, _MAX_KINKS = 10, 12


@dataclass(frozen=True, kw_only=True)
class LineFit:
    """Fitted lines of a series.

    Attributes
    ----------
    line : Line
        The pieces with their fitted parameters.
    boundaries : sequence of Boundary
        Boundaries between its pieces.
    reference : dict of int to int
        Reference group of each group, which is itself for a reference; the line is at the level of the references.
    groups : list of int
        Groups that have an offset from their reference, in the order of their parameters.
    data : Data
        The rows by night.  Columns of its design matrix: functions of the line, offsets of `groups`, and extinction
        where it is fitted.
    sky : ClearSkyFit
        The fit of that design matrix; its levels are relative to the median zeropoint.
    """

    line: Line
    boundaries: Sequence[Boundary]
    reference: dict[int, int]
    groups: list[int]
    data: Data
    sky: ClearSkyFit


def fit_lines(rows: SeriesRows, boundaries: Sequence[Boundary], events: Sequence[TimedEvent]) -> LineFit:
    """Fit lines to the rows, with further boundaries at jumps and with kinks where the data need them.

    Parameters
    ----------
    rows : SeriesRows
        The rows.
    boundaries : sequence of Boundary
        As `find_boundaries` returns them.
    events : sequence of (datetime64, str)
        Time and kind; of these only cleanings become steps.

    Returns
    -------
    LineFit
        The fit.
    """
    fit = _fit_pieces(rows, boundaries, events)
    for _ in range(_MAX_JUMPS):
        jump = find_jump(rows, fit.line, fit.data, fit.sky.residual)
        if jump is None:
            break
        boundaries = sorted([*boundaries, Boundary(jump, 'break', recorded=False)], key=lambda boundary: boundary.day)
        fit = _fit_pieces(rows, boundaries, events)
    for _ in range(_MAX_KINKS):
        kink = find_kink(rows, fit.line, fit.data, fit.sky)
        if kink is None:
            break
        start = np.insert(fit.sky.parameters, fit.line.size, 0.0)
        fit = _fit_line(rows, replace(fit.line, kinks=(*fit.line.kinks, kink)), boundaries, fit.reference, start)
    return fit


def _fit_pieces(rows: SeriesRows, boundaries: Sequence[Boundary], events: Sequence[TimedEvent]) -> LineFit:
    """Fit lines without kinks between boundaries."""
    line = _lay_out(rows, boundaries, events)
    return _fit_line(rows, line, boundaries, _references(rows, line))


def _lay_out(rows: SeriesRows, boundaries: Sequence[Boundary], events: Sequence[TimedEvent]) -> Line:
    """Make the Line, without parameters: pieces between boundaries, steps at cleanings with rows before and after."""
    day = rows.day
    opened = np.append(0.0, [boundary.day for boundary in boundaries])
    line = Line(origin=rows.time[0], opened=opened, centre=np.zeros(len(opened)))
    piece = line.piece(day)
    steps = []
    for cleaned in sorted({days_since(time, rows.time[0]) for time, kind in events if kind == 'cleaning'}):
        number = int(line.piece(cleaned))
        inside = day[piece == number]
        if inside[0] < cleaned <= inside[-1]:
            steps.append((number, cleaned))
    return replace(line, centre=np.bincount(piece, day) / np.bincount(piece), steps=tuple(steps))


def _references(rows: SeriesRows, line: Line) -> dict[int, int]:
    """{group: its reference}: groups connected by shared pieces have one reference, the group with most rows.

    The model is on the scale of the reference, so one of `other_scale` is taken only where all connected groups are.
    """
    piece = line.piece(rows.day)
    codes, counts = np.unique(rows.group, return_counts=True)
    connected = {code: {code} for code in codes.tolist()}
    for number in np.unique(piece):
        merged = set().union(*(connected[code] for code in np.unique(rows.group[piece == number]).tolist()))
        for code in merged:
            connected[code] = merged
    count_of = dict(zip(codes.tolist(), counts.tolist(), strict=True))

    def preference(code: int) -> tuple[bool, int]:
        return code not in rows.other_scale, count_of[code]

    return {code: max(sorted(connected[code]), key=preference) for code in connected}


def _fit_line(rows: SeriesRows, line: Line, boundaries: Sequence[Boundary], reference: dict[int, int],
              start: np.ndarray | None = None) -> LineFit:
    """Fit a line of given pieces, steps and kinks; `start` are parameters to start from."""
    groups = [code for code, its_reference in reference.items() if code != its_reference]
    other_columns = [(rows.group == code).astype(float) for code in groups]
    other_columns += [] if rows.extra_airmass is None else [-rows.extra_airmass]
    pieces, size = len(line.opened), line.size
    prior = np.array([_FREE] * pieces + [SLOPE_PRIOR] * pieces + [_CLEANING_PRIOR] * len(line.steps)
                     + [KINK_PRIOR] * len(line.kinks) + [_OFFSET_PRIOR] * len(groups)
                     + [EXTINCTION_PRIOR] * (rows.extra_airmass is not None))
    median_zp = np.median(rows.zp)
    data = make_data(rows.zp - median_zp, rows.zperr, np.column_stack([line.design(rows.day), *other_columns]),
                     rows.night.astype(int), prior)
    sky = fit_clear_sky(data, start)
    parameters = sky.parameters[:size].copy()
    parameters[:pieces] += median_zp
    level_doubt, step_doubt = _doubts(rows, line, data, sky)
    covariance = sky.covariance[:size, :size].copy()
    covariance[np.arange(size), np.arange(size)] += np.concatenate(
        [np.zeros(2 * pieces), step_doubt, np.zeros(len(line.kinks))])
    fitted = replace(line, parameters=parameters, covariance=covariance, doubt=level_doubt)
    return LineFit(line=fitted, boundaries=boundaries, reference=reference, groups=groups, data=data, sky=sky)


def _doubts(rows: SeriesRows, line: Line, data: Data, sky: ClearSkyFit) -> tuple[np.ndarray, np.ndarray]:
    """Variances [mag^2] of the level of each piece (m,) and of each step (k,), as all their nights may be cloudy."""
    day = rows.day[data.first]
    piece, depth = line.piece(day), mean_depth(sky.state)
    levels = [_doubt(sky.state.season[piece == number], depth) for number in range(len(line.opened))]
    steps = []
    for number, cleaned in line.steps:
        edges = np.array([-np.inf, *(other for same, other in line.steps if same == number), np.inf])
        place = int(np.searchsorted(edges, cleaned))
        stretches = ((edges[place - 1], cleaned), (cleaned, edges[place + 1]))
        inside = [(piece == number) & (day >= first) & (day < last) for first, last in stretches]
        steps.append(sum(_doubt(sky.state.season[nights], depth) for nights in inside))
    return np.array(levels), np.array(steps)


def _doubt(season: np.ndarray, depth: float) -> float:
    """Variance [mag^2] of the level of n nights for the chance that none of them was clear.

    season : (n,) share of clear nights in the season of each night.  depth : mean dimming in cloudy nights [mag]; the
    best of n cloudy nights is dimmed by about depth / n.
    """
    return float(np.prod(1 - season) * 2 * (depth / max(len(season), 1)) ** 2)
