"""Fit the lines of throughput under clouds: one linear model of pieces, offsets of groups, and extinction.

Groups of rows (cameras, native filters) that share a piece are tied by additive offsets to one of them; an error of the
adopted extinction shows as a trend with airmass.  After a fit, residuals show whether a jump is missing, and the
gradient of the likelihood whether a kink is.
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

# Priors (value, width), so wide that they only matter where data are few.
SLOPE_PRIOR = (-0.010, 0.015)    # mag/month: LCO's mirrors lose 2 to 20 mmag a month
KINK_PRIOR = (0.0, 0.03)         # mag/month: change of slope
EXTINCTION_PRIOR = (0.0, 0.03)   # mag/airmass: between sites and seasons
_CLEANING_PRIOR = (0.03, 0.04)   # mag: CO2 snow gives back a few per cent; a loss is a cloud
_OFFSET_PRIOR = (0.0, 0.5)       # mag: between cameras of one telescope
_FREE = (0.0, np.inf)

_MAX_JUMPS, _MAX_KINKS = 10, 12


@dataclass(frozen=True, kw_only=True)
class LineFit:
    """Fitted lines of a series.

    Attributes
    ----------
    line : Line
        With parameters.
    boundaries : sequence of Boundary
        Between its pieces.
    reference : dict of int to int
        For each group the one that it is tied to, itself for a reference; the line is on the scale of references.
    groups : list of int
        Groups with an offset, in the order of parameters.
    data : Data
        The rows by night; columns of its design: functions of the line, offsets of `groups`, extinction where fitted.
    sky : ClearSkyFit
        The fit of that design, levels relative to the median zeropoint.
    """

    line: Line
    boundaries: Sequence[Boundary]
    reference: dict[int, int]
    groups: list[int]
    data: Data
    sky: ClearSkyFit


def fit_lines(rows: SeriesRows, boundaries: Sequence[Boundary], events: Sequence[TimedEvent]) -> LineFit:
    """Fit lines, with further boundaries at jumps, and kinks where needed.

    Parameters
    ----------
    rows : SeriesRows
        The rows.
    boundaries : sequence of Boundary
        As `find_boundaries` returns them.
    events : sequence of (datetime64, str)
        Time and kind; those of cleanings are steps.

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
    """Make the Line between boundaries, with steps at cleanings that have rows before and after, without parameters."""
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
    """{group: the group it is tied to}: those that share a piece are tied, to the one with most rows.

    A group of another scale is a reference only among its like: the scale of the reference is that of the model.
    """
    piece = line.piece(rows.day)
    codes, counts = np.unique(rows.group, return_counts=True)
    tied = {code: {code} for code in codes.tolist()}
    for number in np.unique(piece):
        together = set().union(*(tied[code] for code in np.unique(rows.group[piece == number]).tolist()))
        for code in together:
            tied[code] = together
    count_of = dict(zip(codes.tolist(), counts.tolist(), strict=True))

    def fitness(code: int) -> tuple[bool, int]:
        return code not in rows.other_scale, count_of[code]

    return {code: max(sorted(tied[code]), key=fitness) for code in tied}


def _fit_line(rows: SeriesRows, line: Line, boundaries: Sequence[Boundary], reference: dict[int, int],
              start: np.ndarray | None = None) -> LineFit:
    """Fit a line of given pieces, steps and kinks, from given parameters where there are some."""
    groups = [code for code, tied_to in reference.items() if code != tied_to]
    others = [(rows.group == code).astype(float) for code in groups]
    others += [] if rows.extra_airmass is None else [-rows.extra_airmass]
    pieces, size = len(line.opened), line.size
    prior = np.array([_FREE] * pieces + [SLOPE_PRIOR] * pieces + [_CLEANING_PRIOR] * len(line.steps)
                     + [KINK_PRIOR] * len(line.kinks) + [_OFFSET_PRIOR] * len(groups)
                     + [EXTINCTION_PRIOR] * (rows.extra_airmass is not None))
    zero = np.median(rows.zp)
    data = make_data(rows.zp - zero, rows.zperr, np.column_stack([line.design(rows.day), *others]),
                     rows.night.astype(int), prior)
    sky = fit_clear_sky(data, start)
    parameters = sky.parameters[:size].copy()
    parameters[:pieces] += zero
    levels, steps = _doubts(rows, line, data, sky)
    covariance = sky.covariance[:size, :size].copy()
    covariance[np.arange(size), np.arange(size)] += np.concatenate([np.zeros(2 * pieces), steps,
                                                                    np.zeros(len(line.kinks))])
    fitted = replace(line, parameters=parameters, covariance=covariance, doubt=levels)
    return LineFit(line=fitted, boundaries=boundaries, reference=reference, groups=groups, data=data, sky=sky)


def _doubts(rows: SeriesRows, line: Line, data: Data, sky: ClearSkyFit) -> tuple[np.ndarray, np.ndarray]:
    """Variances of the level of each piece (m,), and of each step (k,), for lack of clear nights."""
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
    """Variance of a level for the chance that none of its n nights was clear; season (n,) : probability of clear.

    The best of n cloudy nights is dimmed by about their mean depth / n.
    """
    return float(np.prod(1 - season) * 2 * (depth / max(len(season), 1)) ** 2)
