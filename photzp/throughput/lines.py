"""The lines of throughput in time: where they begin, what ties cameras together, and their fit under clouds.

A series of rows is cut into pieces at boundaries: recorded events, changes between cameras that never overlap, and
jumps that nobody recorded.  In each piece throughput is a level and a slope, with a step at each cleaning and, where
the line is clearly not enough, a few kinks; groups of rows (cameras, native filters) have an offset each, and what the
adopted extinction lacks goes with the airmass.  All that is one linear model, fitted by `throughput.clearsky`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from photzp.throughput.clearsky import RIDGE, ClearSkyFit, fit_clear_sky
from photzp.throughput.cloudmixture import Data, make_data, mean_depth
from photzp.times import DAYS_PER_MONTH, days_since

BOUNDING = ('wash', 'recoating', 'break', 'instrument')

# Priors (value, width), so wide that they only matter where data are few.
SLOPE_PRIOR = (-0.010, 0.015)  # mag/month: LCO's mirrors lose 2 to 20 mmag a month
CLEANING_PRIOR = (0.03, 0.04)  # mag: CO2 snow gives back a few per cent; a loss is a cloud
OFFSET_PRIOR = (0.0, 0.5)      # mag: between cameras of one telescope
EXTINCTION_PRIOR = (0.0, 0.03)  # mag/airmass: between sites and seasons
KINK_PRIOR = (0.0, 0.03)       # mag/month: change of slope
FREE = (0.0, np.inf)

# A kink is looked for every KINK_DAYS, at least KINK_MARGIN_DAYS from either end of an interval, so that the newest
# months stay a line; it has to be as unlikely by chance as 4.5 sigma, since many are tried.
KINK_DAYS, KINK_MARGIN_DAYS, KINK_CHI2, MAX_KINKS = 30, 75, 20.0, 12

# A jump that no event records: of the fifth brightest of so many nights before and after; of 40 cloudy ones, five are
# hardly dimmed.  Fewer nights after a rise, or before a fall, will do, as no cloud brightens.
JUMP_MAG, JUMP_NIGHTS, FEW_NIGHTS, BRIGHTEST, MAX_JUMPS = 0.12, 40, 8, 5, 10

TimedEvent = tuple[np.datetime64, str]  # time of an event, and its kind

INSTRUMENT_DAYS = 30  # an instrument event is the change of cameras it is so near to


@dataclass(frozen=True)
class Series:
    """Usable rows in order of time; excess : airmass - 1 or None.

    other_scale : codes of groups whose zp means something else, as at another colour.
    """

    time: np.ndarray
    zp: np.ndarray
    zperr: np.ndarray
    group: np.ndarray
    excess: np.ndarray | None
    night: np.ndarray
    other_scale: frozenset[int] = frozenset()

    @property
    def day(self) -> np.ndarray:
        """Time of each row in days since the first (n,)."""
        return days_since(self.time, self.time[0])


@dataclass(frozen=True)
class Boundary:
    """Where a line ends and the next begins; recorded : by an event."""

    day: float
    kind: str
    recorded: bool = True
    instrumental: bool = False


@dataclass(frozen=True)
class Line:
    """The functions of time: level and slope of each piece, steps of cleanings, kinks.

    opened (m,) [day] : where each piece begins.  centre (m,) [day] : where its level holds.
    steps, kinks : tuples (piece, day).  parameters (q,), covariance (q, q) : in that order of functions.
    doubt (m,) [mag^2] : variance of each level, for the chance that none of its nights was clear.
    """

    origin: np.datetime64
    opened: np.ndarray
    centre: np.ndarray
    steps: tuple[tuple[int, float], ...] = ()
    kinks: tuple[tuple[int, float], ...] = ()
    parameters: np.ndarray = field(default_factory=lambda: np.empty(0))  # empty until they are fitted
    covariance: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    doubt: np.ndarray = field(default_factory=lambda: np.empty(0))

    def days(self, time: np.ndarray) -> np.ndarray:
        """Times (q,) in days since the origin."""
        return days_since(time, self.origin)

    def piece(self, day: ArrayLike) -> np.ndarray:
        """Number of the piece that each day (q,) lies in; the first one for days before all."""
        return np.clip(np.searchsorted(self.opened, day, side='right') - 1, 0, None)

    def design(self, day: ArrayLike, piece: int | None = None) -> np.ndarray:
        """Functions at days (q,), of the piece each lies in or of a given one: (q, 2 m + steps + kinks)."""
        day = np.atleast_1d(day)
        here = self.piece(day) if piece is None else np.full(len(day), piece)
        each = here[:, None] == np.arange(len(self.opened))
        columns = [each, each * (day[:, None] - self.centre) / DAYS_PER_MONTH]
        columns += [((here == at) & (day >= where))[:, None] for at, where in self.steps]
        columns += [((here == at) * np.maximum(day - where, 0) / DAYS_PER_MONTH)[:, None] for at, where in self.kinks]
        return np.concatenate(columns, axis=1).astype(float)

    def value(self, functions: np.ndarray, doubt: np.ndarray | float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Value and error of a linear combination of the functions (..., q)."""
        variance = np.einsum('...i,ij,...j->...', functions, self.covariance, functions) + doubt
        return functions @ self.parameters, np.sqrt(np.maximum(variance, 0))

    def at(self, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Model and error at days (q,) [mag], NaN before the first piece."""
        model, error = self.value(self.design(day), self.doubt[self.piece(day)])
        before = day < self.opened[0]
        return np.where(before, np.nan, model), np.where(before, np.nan, error)


# --- pieces

def find_boundaries(series: Series, events: Sequence[TimedEvent]) -> list[Boundary]:
    """The Boundary list: bounding events, and changes between cameras that never overlap."""
    recorded = [Boundary(days_since(at, series.time[0]), kind) for at, kind in events
                if kind in BOUNDING and kind != 'instrument']
    instruments = [Boundary(days_since(at, series.time[0]), kind) for at, kind in events if kind == 'instrument']
    edges = np.array([boundary.day for boundary in recorded])
    changes = _camera_changes(series, np.searchsorted(edges, series.day, side='right'))
    for event in instruments:
        near = [change for change in changes if abs(sum(change) / 2 - event.day) < INSTRUMENT_DAYS]
        if near and not near[0][0] < event.day <= near[0][1]:
            event = replace(event, day=sum(near[0]) / 2)
        changes = [change for change in changes if change not in near]
        recorded.append(event)
    edges = np.sort([boundary.day for boundary in recorded])
    changes = _camera_changes(series, np.searchsorted(edges, series.day, side='right'))
    recorded += [Boundary((last + first) / 2, 'instrument', recorded=False) for last, first in changes]
    return _merged(sorted(recorded, key=lambda boundary: boundary.day), series.day)


def _camera_changes(series: Series, piece: np.ndarray) -> list[tuple[float, float]]:
    """(last day of one, first day of the next) where groups change within a piece and never overlap there."""
    changes = []
    for each in np.unique(piece):
        day, group = series.day[piece == each], series.group[piece == each]
        ranges = sorted((day[group == code][0], day[group == code][-1]) for code in np.unique(group))
        last = ranges[0][1]
        for first, end in ranges[1:]:
            if first > last:
                changes.append((last, first))
            last = max(last, end)
    return changes


def _merged(boundaries: Iterable[Boundary], day: np.ndarray) -> list[Boundary]:
    """One boundary per gap between rows, the last of them; none before the first row or after the last."""
    merged: dict[int, Boundary] = {}
    for boundary in boundaries:
        row = int(np.searchsorted(day, boundary.day))
        earlier = merged.get(row)
        instrumental = boundary.kind == 'instrument' or (earlier is not None and earlier.instrumental)
        merged[row] = Boundary(boundary.day, boundary.kind, boundary.recorded, instrumental)
    return [boundary for row, boundary in sorted(merged.items()) if 0 < row < len(day)]


def _lay_out(series: Series, boundaries: Sequence[Boundary], events: Sequence[TimedEvent]) -> Line:
    """The Line without parameters."""
    day = series.day
    opened = np.append(0.0, [boundary.day for boundary in boundaries])
    line = Line(series.time[0], opened, np.zeros(len(opened)))
    piece = line.piece(day)
    centre = np.bincount(piece, day) / np.bincount(piece)
    steps = []
    for at in sorted({days_since(at, series.time[0]) for at, kind in events if kind == 'cleaning'}):
        each = int(line.piece(at))
        inside = day[piece == each]
        if inside[0] < at <= inside[-1]:
            steps.append((each, at))
    return Line(series.time[0], opened, centre, tuple(steps))


def _references(series: Series, line: Line) -> dict[int, int]:
    """{group: the group it is tied to}: those that share a piece are tied, to the one with most rows.

    A group of another scale is a reference only among its like: the scale of the reference is that of the model.
    """
    piece = line.piece(series.day)
    codes, counts = np.unique(series.group, return_counts=True)
    tied = {code: {code} for code in codes.tolist()}
    for each in np.unique(piece):
        together = set().union(*(tied[code] for code in np.unique(series.group[piece == each]).tolist()))
        for code in together:
            tied[code] = together
    rows = dict(zip(codes.tolist(), counts.tolist(), strict=True))

    def fitness(code: int) -> tuple[bool, int]:
        return code not in series.other_scale, rows[code]

    return {code: max(sorted(tied[code]), key=fitness) for code in tied}


def fit_pieces(series: Series, boundaries: list[Boundary],
               events: Sequence[TimedEvent]) -> tuple[Line, ClearSkyFit, list[int], list[Boundary], dict[int, int]]:
    """Fit, with boundaries at jumps and kinks in the lines where needed.

    Returns the Line with parameters, ClearSkyFit, groups with an offset, the boundaries, and what groups are tied to.
    """
    for found in range(MAX_JUMPS + 1):
        line = _lay_out(series, boundaries, events)
        reference = _references(series, line)
        fitted, data, sky, groups = _fit_shape(series, line, reference, None)
        jump = _jump(series, line, data, sky)
        if jump is None or found == MAX_JUMPS:
            break
        boundaries = sorted([*boundaries, Boundary(jump, 'break', recorded=False)], key=lambda each: each.day)
    for _ in range(MAX_KINKS):
        kink = _worst_kink(series, line, data, sky)
        if kink is None:
            break
        at = 2 * len(line.opened) + len(line.steps) + len(line.kinks)
        line = replace(line, kinks=(*line.kinks, kink))
        fitted, data, sky, groups = _fit_shape(series, line, reference, np.insert(sky.parameters, at, 0.0))
    return fitted, sky, groups, boundaries, reference


def _jump(series: Series, line: Line, data: Data, sky: ClearSkyFit) -> float | None:
    """Day of the largest jump within a piece, None where there is none."""
    order = np.lexsort((sky.residual, data.night))
    counts = np.diff(np.append(data.first, len(order)))
    values = sky.residual[order][data.first + counts // 2]
    piece = line.piece(series.day[data.first])
    best, found = JUMP_MAG, None
    for each in np.unique(piece):
        first, nights = int(np.argmax(piece == each)), values[piece == each].tolist()
        for split in range(FEW_NIGHTS, len(nights) - FEW_NIGHTS + 1):
            size = _jump_size(nights[max(split - JUMP_NIGHTS, 0):split], nights[split:split + JUMP_NIGHTS])
            if abs(size) > best:
                best, found = abs(size), (first, nights, split)
    if found is None:
        return None
    first, nights, split = found
    row = data.first[first + _sharpest(np.array(nights), split)]
    return float(series.day[row - 1] + series.day[row]) / 2


def _jump_size(before: Sequence[float], after: Sequence[float]) -> float:
    """Difference of the upper envelopes of nights, 0 where weather may be the cause."""
    size = _upper(after) - _upper(before)
    return size if len(before if size > 0 else after) == JUMP_NIGHTS else 0.0


def _upper(nights: Sequence[float]) -> float:
    return sorted(nights)[-BRIGHTEST]


def _sharpest(nights: np.ndarray, split: int) -> int:
    """The split near the given one that parts nights best into those near the upper envelopes before and after."""
    start, end = max(split - JUMP_NIGHTS, 0), min(split + JUMP_NIGHTS, len(nights))
    levels = _upper(nights[start:split].tolist()), _upper(nights[split:end].tolist())
    cost = [np.minimum(np.abs(nights[start:end] - level), JUMP_MAG) for level in levels]
    total = np.append(0, np.cumsum(cost[0])) + np.append(np.cumsum(cost[1][::-1])[::-1], 0)
    return start + FEW_NIGHTS + int(np.argmin(total[FEW_NIGHTS:len(total) - FEW_NIGHTS]))


def _worst_kink(series: Series, line: Line, data: Data, sky: ClearSkyFit) -> tuple[int, float] | None:
    """(piece, day) where a kink would raise the likelihood most, None where none is needed.

    Score test: U = sum g (c - its projection on the design), over its standard deviation by the scores of nights.
    """
    candidates = _kink_candidates(series, line)
    if not candidates:
        return None
    day = np.add.reduceat(series.day, data.first) / np.diff(np.append(data.first, len(series.day)))
    piece = line.piece(day)
    columns = np.stack([(piece == at) * np.maximum(day - where, 0) for at, where in candidates], axis=1)
    weighted = data.design * sky.curvature[:, None]
    normal = weighted.T @ data.design + np.diag(1 / data.prior[:, 1] ** 2 + RIDGE)
    shadow = np.linalg.solve(normal, np.add.reduceat(weighted, data.first, axis=0).T @ columns)
    score = columns * np.add.reduceat(sky.gradient, data.first)[:, None]
    score -= np.add.reduceat(data.design * sky.gradient[:, None], data.first, axis=0) @ shadow
    chi2 = score.sum(axis=0) ** 2 / np.maximum((score**2).sum(axis=0), 1e-12) / sky.confusion
    best = int(np.argmax(chi2))
    return candidates[best] if chi2[best] > KINK_CHI2 else None


def _kink_candidates(series: Series, line: Line) -> list[tuple[int, float]]:
    """(piece, day) where a kink may be and is not yet."""
    piece = line.piece(series.day)
    candidates = []
    for each in range(len(line.opened)):
        days = series.day[piece == each]
        grid = np.arange(days[0] + KINK_MARGIN_DAYS, days[-1] - KINK_MARGIN_DAYS, KINK_DAYS)
        candidates += [(each, float(day)) for day in grid]
    return [candidate for candidate in candidates if candidate not in line.kinks]


def _fit_shape(series: Series, line: Line, reference: dict[int, int],
               start: np.ndarray | None) -> tuple[Line, Data, ClearSkyFit, list[int]]:
    """Fit a given shape: (the Line with parameters, Data, ClearSkyFit, groups with an offset)."""
    groups = [code for code, tied_to in reference.items() if code != tied_to]
    others = [(series.group == code).astype(float) for code in groups]
    others += [] if series.excess is None else [-series.excess]
    design = np.column_stack([line.design(series.day), *others])
    pieces = len(line.opened)
    prior = np.array([FREE] * pieces + [SLOPE_PRIOR] * pieces + [CLEANING_PRIOR] * len(line.steps)
                     + [KINK_PRIOR] * len(line.kinks) + [OFFSET_PRIOR] * len(groups)
                     + [EXTINCTION_PRIOR] * (series.excess is not None))
    zero = np.median(series.zp)
    data = make_data(series.zp - zero, series.zperr, design, series.night.astype(int), prior)
    sky = fit_clear_sky(data, start)
    size = design.shape[1] - len(others)
    parameters = sky.parameters[:size].copy()
    parameters[:pieces] += zero
    levels, steps = _doubts(series, line, data, sky)
    covariance = sky.covariance[:size, :size].copy()
    covariance[np.arange(size), np.arange(size)] += np.concatenate([np.zeros(2 * pieces), steps,
                                                                    np.zeros(len(line.kinks))])
    fitted = replace(line, parameters=parameters, covariance=covariance, doubt=levels)
    return fitted, data, sky, groups


def _doubts(series: Series, line: Line, data: Data, sky: ClearSkyFit) -> tuple[np.ndarray, np.ndarray]:
    """Variances of the level of each piece (m,), and of each step (k,), for lack of clear nights."""
    day = series.day[data.first]
    piece, depth = line.piece(day), mean_depth(sky.state)
    levels = [_doubt(sky.state.season[piece == each], depth) for each in range(len(line.opened))]
    steps = []
    for each, at in line.steps:
        edges = np.array([-np.inf, *(other for same, other in line.steps if same == each), np.inf])
        here = int(np.searchsorted(edges, at))
        stretches = ((edges[here - 1], at), (at, edges[here + 1]))
        inside = [(piece == each) & (day >= first) & (day < last) for first, last in stretches]
        steps.append(sum(_doubt(sky.state.season[nights], depth) for nights in inside))
    return np.array(levels), np.array(steps)


def _doubt(season: np.ndarray, depth: float) -> float:
    """Variance of a level for the chance that none of its nights was clear; season (n,) : chance of each to be.

    The best of n cloudy nights is dimmed by about their mean depth / n.
    """
    return float(np.prod(1 - season) * 2 * (depth / max(len(season), 1)) ** 2)


def nights_in(series: Series, line: Line) -> np.ndarray:
    """Number of nights in each piece."""
    piece = line.piece(series.day)
    new = np.append(True, (series.night[1:] != series.night[:-1]) | (piece[1:] != piece[:-1]))
    return np.bincount(piece[new], minlength=len(line.opened))
