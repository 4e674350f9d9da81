"""The throughput of a telescope as a function of time, from the zeropoints of its frames: arrays in, frozen values out.

Throughput is the zeropoint at airmass 1 under a clear sky [mag].  Between events that bound (wash, recoating, break,
instrument) it is a straight line in time, with a step at each cleaning; where a line is clearly not enough, a line with
a few kinks.  Cameras and native filters that overlap in time are tied by additive offsets to the one with most rows.
Clouds only dim: `clearsky` tells them from noise by likelihood, night by night.

The way through it:

    correct_gain -> at_unit_airmass -> usable_rows -> fit_throughput -> ThroughputFit
"""

from dataclasses import dataclass, field, replace

import numpy as np

from clearsky import fit_clear_sky, make_data, mean_depth

DAYS_PER_MONTH = 30.4375  # Julian year / 12
BOUNDING = ('wash', 'recoating', 'break', 'instrument')
ZPSIG_MAX_MAG = {'0m4': 0.5}  # by telescope class: frames whose stars scatter more are not used
ZPSIG_MAX_OTHERS_MAG = 0.2

# Priors (value, width), so wide that they only matter where data are few.
SLOPE_PRIOR = (-0.010, 0.015)  # mag/month: LCO's mirrors lose 2 to 20 mmag a month
CLEANING_PRIOR = (0.03, 0.08)  # mag: CO2 snow gives back a few per cent; a larger loss is a cloud
OFFSET_PRIOR = (0.0, 0.5)      # mag: between cameras of one telescope
EXTINCTION_PRIOR = (0.0, 0.03)  # mag/airmass: between sites and seasons
KINK_PRIOR = (0.0, 0.03)       # mag/month: change of slope
FREE = (0.0, np.inf)

# A kink is looked for every KINK_DAYS, at least KINK_MARGIN_DAYS from either end of an interval, so that the newest
# months stay a line; it has to be as unlikely by chance as 4.5 sigma, since many are tried.
KINK_DAYS, KINK_MARGIN_DAYS, KINK_CHI2, MAX_KINKS = 30, 75, 20.0, 12

SLOPE_NIGHTS, SLOPE_DAYS = 5, 14  # a slope is reported from so many nights and days on
INSTRUMENT_DAYS = 30  # an instrument event is the change of cameras it is so near to


@dataclass(frozen=True)
class Interval:
    """Throughput between two bounding events.

    start, end : datetime64[ms]; the bounding events, or the first and last night with usable rows.
    opened_by : kind of the event it begins with, 'first data' or 'camera change' where no event was recorded.
    nights, rows : usable nights and rows in it.
    start_mag, mid_mag, end_mag (and _error_mag) : model at start, middle and end, with 1-sigma error.
    slope_mag_per_month, slope_error_mag_per_month : mean slope without the steps of cleanings; negative is a loss.
        NaN where there are too few nights for one.
    end_slope_mag_per_month, end_slope_error_mag_per_month : slope at the end; another one only where there are kinks.
    kinks : number of kinks in the line.
    reference_group : code of the camera (and native filter) whose zeropoint scale the model is on.
    """

    start: np.datetime64
    end: np.datetime64
    opened_by: str
    nights: int
    rows: int
    start_mag: float
    start_error_mag: float
    mid_mag: float
    mid_error_mag: float
    end_mag: float
    end_error_mag: float
    slope_mag_per_month: float
    slope_error_mag_per_month: float
    end_slope_mag_per_month: float
    end_slope_error_mag_per_month: float
    kinks: int
    reference_group: int


@dataclass(frozen=True)
class Step:
    """Change of throughput at one event: gains are positive.

    time : datetime64[ms], local noon of the event's date; for a change of camera that no event records, between the
        last frame of one and the first of the other.
    kind : of the event; 'instrument' for a change of camera that no event records.
    size_mag, error_mag : cleanings: the fitted step; bounding events: difference of the adjoining lines at that time.
    instrumental : the step holds the difference of two cameras, so that it is no gain of a mirror, whatever its kind.
    """

    time: np.datetime64
    kind: str
    size_mag: float
    error_mag: float
    instrumental: bool


@dataclass(frozen=True)
class GroupOffset:
    """Offset of a group of rows (camera, native filter) from the group it is tied to: its zp = model + offset.

    group : code as the caller gave it.  reference : code of the group it is tied to, itself for a reference.
    offset_mag, error_mag : 0 and 0 for a reference.  rows : usable rows of the group.
    """

    group: int
    reference: int
    offset_mag: float
    error_mag: float
    rows: int


@dataclass(frozen=True)
class ThroughputFit:
    """Throughput of one telescope in one filter.  Without usable rows all arrays and tuples are empty.

    night (m,) datetime64[D] : nights with usable rows, ascending, by the date on which each begins.
    time (m,) datetime64[ms] : mean time of the usable rows of each night.
    model_mag, model_error_mag (m,) : zeropoint at airmass 1 under a clear sky, and its error; at(time) for any time.
    night_rows (m,) int : usable rows of each night.
    clear_probability (m,) : that the night was free of cloud.  photometric (m,) bool : it is more likely than not.
    row_clear_probability (n,) : in the caller's order: row of a clear night and no wild value; NaN where not used.
    row_residual_mag (n,) : zp - offset - extinction - model, in the caller's order; NaN where not used.
    intervals : tuple of Interval, in order of time.  steps : tuple of Step, in order of time; an event without usable
        rows on both sides has none.  offsets : tuple of GroupOffset, by group code.
    scatter_mag : s, the scatter that zperr does not explain.  clear_share : of the nights.
    cloud_mag : mean dimming in nights with cloud.  wild_share : of the rows.
    extinction_offset_mag, extinction_offset_error_mag : fitted minus adopted extinction [mag per airmass]; NaN where no
        airmass was given.
    """

    night: np.ndarray
    time: np.ndarray
    model_mag: np.ndarray
    model_error_mag: np.ndarray
    night_rows: np.ndarray
    clear_probability: np.ndarray
    photometric: np.ndarray
    row_clear_probability: np.ndarray = field(repr=False)
    row_residual_mag: np.ndarray = field(repr=False)
    intervals: tuple = ()
    steps: tuple = ()
    offsets: tuple = ()
    scatter_mag: float = np.nan
    clear_share: float = np.nan
    cloud_mag: float = np.nan
    wild_share: float = np.nan
    extinction_offset_mag: float = np.nan
    extinction_offset_error_mag: float = np.nan
    _line: object = field(default=None, repr=False)

    def at(self, time):
        """Model and error at any times: (model_mag, model_error_mag), NaN before the first interval.

        time : datetime64 array (q,).  After the last night the last line goes on and its error grows.
        """
        time = np.asarray(time, 'datetime64[ms]')
        if self._line is None:
            return np.full(time.shape, np.nan), np.full(time.shape, np.nan)
        return self._line.at(self._line.days(time))


# --- rows

def correct_gain(zp, camera, time, repairs):
    """Zeropoints of cameras whose header gain was wrong, corrected by -2.5 log10(a / b): (n,) mag.

    camera (n,) str; time (n,) datetime64; repairs : tuples (camera, from, until, (a, b)), with dates or None for no
    limit; `until` is the first date without the repair.
    """
    zp = np.array(zp, float)
    for name, first, until, (a, b) in repairs:
        rows = np.asarray(camera) == name
        if first is not None:
            rows = rows & (time >= np.datetime64(first))
        if until is not None:
            rows = rows & (time < np.datetime64(until))
        zp[rows] -= 2.5 * np.log10(a / b)
    return zp


def at_unit_airmass(zp, airmass, extinction):
    """zp + k (X - 1): (n,) mag; extinction k in mag per airmass."""
    return zp + extinction * (np.asarray(airmass) - 1)


def usable_rows(zp, airmass, zpsig, telescope):
    """Mask of the rows that a model may rest on (n,); telescope : as in '0m4a', its class decides on zpsig."""
    limit = ZPSIG_MAX_MAG.get(telescope[:3], ZPSIG_MAX_OTHERS_MAG)
    return np.isfinite(zp) & np.isfinite(airmass) & (zpsig <= limit)


def percent_of_reference(model_mag, reference_mag):
    """Throughput in percent of the reference."""
    return 100 * 10 ** (0.4 * (model_mag - reference_mag))


def night_of(time, longitude_deg):
    """Date on which the night of a time begins (from local noon to local noon): datetime64[D]."""
    shift = np.timedelta64(round((longitude_deg / 360 - 0.5) * 86_400_000), 'ms')
    return (np.asarray(time, 'datetime64[ms]') + shift).astype('datetime64[D]')


def local_noon(date, longitude_deg):
    """Noon of a date at a site, UTC: datetime64[ms]."""
    return np.asarray(date, 'datetime64[D]') + np.timedelta64(round((0.5 - longitude_deg / 360) * 86_400_000), 'ms')


# --- the fit

def fit_throughput(time, zp, zperr, *, longitude_deg, group=None, airmass=None, events=(), now=None):
    """Throughput of one telescope in one filter as a function of time: a ThroughputFit.

    time (n,) datetime64[ms], in any order; zp (n,) mag, gain corrected and at unit airmass.
    zperr (n,) : NaN where unknown.  group (n,) int : code of camera, native filter and kind of row.
    airmass (n,) : where given, what the adopted extinction lacks is fitted, too.
    events : pairs (date, kind), kinds as in observatory.toml; the last `start` opens the fit.
    now : datetime64; rows and events after it are not used.
    Rows that are not finite in time, zp or airmass are not used.
    """
    time = np.asarray(time, 'datetime64[ms]')
    now = np.datetime64(now if now is not None else '9999-01-01', 'ms')
    events = [(local_noon(date, longitude_deg), str(kind)) for date, kind in events]
    events = sorted(((at, kind) for at, kind in events if at <= now), key=lambda event: event[0])
    opened = max((at for at, kind in events if kind == 'start'), default=np.datetime64('0001-01-01', 'ms'))
    group = np.zeros(len(time), int) if group is None else np.asarray(group)
    rows = np.isfinite(zp) & (time >= opened) & (time <= now)
    if airmass is not None:
        rows &= np.isfinite(airmass)
    rows = np.flatnonzero(rows)
    if not len(rows):
        return _empty_fit(len(time))
    rows = rows[np.argsort(time[rows], kind='stable')]
    series = _Series(time[rows], np.asarray(zp)[rows], np.nan_to_num(np.asarray(zperr, float)[rows]), group[rows],
                     None if airmass is None else np.asarray(airmass)[rows] - 1, night_of(time[rows], longitude_deg))
    return _fit(series, [event for event in events if event[0] > opened], rows, len(time))


@dataclass(frozen=True)
class _Series:
    """Usable rows in order of time; excess : airmass - 1 or None."""

    time: np.ndarray
    zp: np.ndarray
    zperr: np.ndarray
    group: np.ndarray
    excess: np.ndarray | None
    night: np.ndarray

    @property
    def day(self):
        return _days(self.time, self.time[0])


@dataclass(frozen=True)
class _Boundary:
    """Where a line ends and the next begins; recorded : by an event."""

    day: float
    kind: str
    recorded: bool = True
    instrumental: bool = False


@dataclass(frozen=True)
class _Line:
    """The functions of time: level and slope of each piece, steps of cleanings, kinks.

    opened (m,) [day] : where each piece begins.  centre (m,) [day] : where its level holds.
    steps, kinks : tuples (piece, day).  parameters (q,), covariance (q, q) : in that order of functions.
    doubt (m,) [mag^2] : variance of each level, for the chance that none of its nights was clear.
    """

    origin: np.datetime64
    opened: np.ndarray
    centre: np.ndarray
    steps: tuple = ()
    kinks: tuple = ()
    parameters: np.ndarray | None = None
    covariance: np.ndarray | None = None
    doubt: np.ndarray | None = None

    def days(self, time):
        return _days(time, self.origin)

    def piece(self, day):
        return np.clip(np.searchsorted(self.opened, day, side='right') - 1, 0, None)

    def design(self, day, piece=None):
        """Functions at days (q,), of the piece each lies in or of a given one: (q, 2 m + steps + kinks)."""
        day = np.atleast_1d(day)
        piece = self.piece(day) if piece is None else np.full(len(day), piece)
        each = piece[:, None] == np.arange(len(self.opened))
        columns = [each, each * (day[:, None] - self.centre) / DAYS_PER_MONTH]
        columns += [((piece == at) & (day >= where))[:, None] for at, where in self.steps]
        columns += [((piece == at) * np.maximum(day - where, 0) / DAYS_PER_MONTH)[:, None] for at, where in self.kinks]
        return np.concatenate(columns, axis=1).astype(float)

    def value(self, functions, doubt=0.0):
        """Value and error of a linear combination of the functions (..., q)."""
        variance = np.einsum('...i,ij,...j->...', functions, self.covariance, functions) + doubt
        return functions @ self.parameters, np.sqrt(np.maximum(variance, 0))

    def at(self, day):
        model, error = self.value(self.design(day), self.doubt[self.piece(day)])
        before = day < self.opened[0]
        return np.where(before, np.nan, model), np.where(before, np.nan, error)


def _days(time, origin):
    return (time - origin) / np.timedelta64(1, 'D')


def _fit(series, events, rows, n):
    """The fit of rows that are all usable; n, rows : how many the caller has, and which these are."""
    boundaries = _boundaries(series, events)
    line = _lay_out(series, boundaries, events)
    reference = _references(series, line)
    line, sky, groups = _fit_line(series, line, reference)
    night = np.flatnonzero(np.append(True, series.night[1:] != series.night[:-1]))
    counts = np.diff(np.append(night, len(series.day)))
    nightly = np.add.reduceat(series.day, night) / counts
    model, error = line.at(nightly)
    extinction = _value_of(sky, -1) if series.excess is not None else (np.nan, np.nan)
    row_clear, row_residual = np.full((2, n), np.nan)
    row_clear[rows], row_residual[rows] = sky.row_clear, sky.residual
    return ThroughputFit(
        night=series.night[night], time=series.time[0] + np.round(nightly * 86_400_000).astype('timedelta64[ms]'),
        model_mag=model, model_error_mag=error, night_rows=counts, clear_probability=sky.night_clear,
        photometric=sky.night_clear > 0.5, row_clear_probability=row_clear, row_residual_mag=row_residual,
        intervals=_intervals(series, line, boundaries, reference), steps=_steps(series, line, boundaries, reference),
        offsets=_offsets(series, sky, line, groups, reference), scatter_mag=sky.state.scatter,
        clear_share=float(sky.state.shares[0]), cloud_mag=mean_depth(sky.state), wild_share=sky.state.wild,
        extinction_offset_mag=extinction[0], extinction_offset_error_mag=extinction[1], _line=line)


def _empty_fit(n):
    none = np.empty(0)
    time = np.empty(0, 'datetime64[ms]')
    return ThroughputFit(time.astype('datetime64[D]'), time, none, none, none.astype(int), none, none.astype(bool),
                         np.full(n, np.nan), np.full(n, np.nan))


def _value_of(sky, column):
    return float(sky.parameters[column]), float(np.sqrt(sky.covariance[column, column]))


# --- intervals

def _boundaries(series, events):
    """The _Boundary list: bounding events, and changes between cameras that never overlap."""
    recorded = [_Boundary(_days(at, series.time[0]), kind) for at, kind in events
                if kind in BOUNDING and kind != 'instrument']
    instruments = [_Boundary(_days(at, series.time[0]), kind) for at, kind in events if kind == 'instrument']
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
    recorded += [_Boundary((last + first) / 2, 'instrument', recorded=False) for last, first in changes]
    return _merged(sorted(recorded, key=lambda boundary: boundary.day), series.day)


def _camera_changes(series, piece):
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


def _merged(boundaries, day):
    """One boundary per gap between rows, the last of them; none before the first row or after the last."""
    merged = {}
    for boundary in boundaries:
        row = int(np.searchsorted(day, boundary.day))
        earlier = merged.get(row)
        instrumental = boundary.kind == 'instrument' or (earlier is not None and earlier.instrumental)
        merged[row] = _Boundary(boundary.day, boundary.kind, boundary.recorded, instrumental)
    return [boundary for row, boundary in sorted(merged.items()) if 0 < row < len(day)]


def _lay_out(series, boundaries, events):
    """The _Line without parameters."""
    day = series.day
    opened = np.append(0.0, [boundary.day for boundary in boundaries])
    line = _Line(series.time[0], opened, np.zeros(len(opened)))
    piece = line.piece(day)
    centre = np.bincount(piece, day) / np.bincount(piece)
    steps = []
    for at in sorted({_days(at, series.time[0]) for at, kind in events if kind == 'cleaning'}):
        each = int(line.piece(at))
        inside = day[piece == each]
        if inside[0] < at <= inside[-1]:
            steps.append((each, at))
    return _Line(series.time[0], opened, centre, tuple(steps))


def _references(series, line):
    """{group: the group it is tied to}: those that share a piece are tied, to the one with most rows."""
    piece = line.piece(series.day)
    codes, counts = np.unique(series.group, return_counts=True)
    tied = {code: {code} for code in codes.tolist()}
    for each in np.unique(piece):
        together = set().union(*(tied[code] for code in np.unique(series.group[piece == each]).tolist()))
        for code in together:
            tied[code] = together
    rows = dict(zip(codes.tolist(), counts.tolist(), strict=True))
    return {code: max(sorted(tied[code]), key=rows.get) for code in tied}


def _fit_line(series, line, reference):
    """Fit the line, and kinks where it needs them: (the _Line with parameters, ClearSkyFit, groups with an offset)."""
    fitted, data, sky, groups = _fit_shape(series, line, reference, None)
    for _ in range(MAX_KINKS):
        kink = _worst_kink(series, line, data, sky)
        if kink is None:
            break
        at = 2 * len(line.opened) + len(line.steps) + len(line.kinks)
        line = replace(line, kinks=(*line.kinks, kink))
        fitted, data, sky, groups = _fit_shape(series, line, reference, np.insert(sky.parameters, at, 0.0))
    return fitted, sky, groups


def _worst_kink(series, line, data, sky):
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
    normal = weighted.T @ data.design + np.diag(1 / data.prior[:, 1] ** 2)
    shadow = np.linalg.solve(normal, np.add.reduceat(weighted, data.first, axis=0).T @ columns)
    score = columns * np.add.reduceat(sky.gradient, data.first)[:, None]
    score -= np.add.reduceat(data.design * sky.gradient[:, None], data.first, axis=0) @ shadow
    chi2 = score.sum(axis=0) ** 2 / np.maximum((score**2).sum(axis=0), 1e-12) / sky.confusion
    best = int(np.argmax(chi2))
    return candidates[best] if chi2[best] > KINK_CHI2 else None


def _kink_candidates(series, line):
    """(piece, day) where a kink may be and is not yet."""
    piece = line.piece(series.day)
    candidates = []
    for each in range(len(line.opened)):
        days = series.day[piece == each]
        grid = np.arange(days[0] + KINK_MARGIN_DAYS, days[-1] - KINK_MARGIN_DAYS, KINK_DAYS)
        candidates += [(each, float(day)) for day in grid]
    return [candidate for candidate in candidates if candidate not in line.kinks]


def _fit_shape(series, line, reference, start):
    """Fit a given shape: (the _Line with parameters, Data, ClearSkyFit, groups with an offset)."""
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
    fitted = replace(line, parameters=parameters, covariance=sky.covariance[:size, :size],
                     doubt=_doubt(series, line, sky))
    return fitted, data, sky, groups


def _doubt(series, line, sky):
    """Variance of the level of each piece for the chance that none of its nights was clear.

    The best of n cloudy nights is dimmed by about their mean depth / n; all n are cloudy with probability (1 - w)^n.
    """
    nights = _nights_in(series, line)
    return (1 - sky.state.shares[0]) ** nights * 2 * (mean_depth(sky.state) / nights) ** 2


def _nights_in(series, line):
    """Number of nights in each piece."""
    piece = line.piece(series.day)
    new = np.append(True, (series.night[1:] != series.night[:-1]) | (piece[1:] != piece[:-1]))
    return np.bincount(piece[new], minlength=len(line.opened))


# --- results

def _intervals(series, line, boundaries, reference):
    piece, nights = line.piece(series.day), _nights_in(series, line)
    ends = np.append(line.opened[1:], series.day[-1])
    kinds = ['first data'] + [b.kind if b.recorded else 'camera change' for b in boundaries]
    return tuple(_interval(series, line, each, ends[each], kinds[each], int(nights[each]), piece == each, reference)
                 for each in range(len(ends)))


def _interval(series, line, each, end, kind, nights, rows, reference):
    start = line.opened[each]
    functions = line.design(np.array([start, (start + end) / 2, end]), each)
    (first, mid, last), errors = line.value(functions, line.doubt[each])
    slope = end_slope = (np.nan, np.nan)
    days = series.day[rows]
    if nights >= SLOPE_NIGHTS and days[-1] - days[0] >= SLOPE_DAYS:
        smooth = (functions[2] - functions[0]) / (end - start) * DAYS_PER_MONTH
        smooth[2 * len(line.opened):][:len(line.steps)] = 0
        slope = line.value(smooth)
        end_slope = line.value(np.where(functions[2] != 0, _slopes(line, each), 0.0))
    time = [line.origin + np.timedelta64(round(day * 86_400_000), 'ms') for day in (start, end)]
    return Interval(*time, kind, nights, int(np.count_nonzero(rows)), float(first), float(errors[0]), float(mid),
                    float(errors[1]), float(last), float(errors[2]), *map(float, (*slope, *end_slope)),
                    sum(at == each for at, _ in line.kinks), reference[int(series.group[rows][0])])


def _slopes(line, each):
    """Derivative of the functions at the end of a piece [per month]."""
    pieces = np.arange(len(line.opened)) == each
    kinks = [at == each for at, _ in line.kinks]
    return np.concatenate([np.zeros(len(pieces)), pieces, np.zeros(len(line.steps)), kinks])


def _steps(series, line, boundaries, reference):
    steps = []
    for number, (_, day) in enumerate(line.steps):
        functions = np.zeros(len(line.parameters))
        functions[2 * len(line.opened) + number] = 1
        steps.append((day, 'cleaning', *line.value(functions), False))
    first = np.searchsorted(series.day, line.opened)
    scale = [reference[int(code)] for code in series.group[first]]
    for each, boundary in enumerate(boundaries, start=1):
        functions = (line.design(boundary.day, each) - line.design(boundary.day, each - 1))[0]
        instrumental = boundary.instrumental or scale[each] != scale[each - 1]
        steps.append((boundary.day, boundary.kind, *line.value(functions, line.doubt[each] + line.doubt[each - 1]),
                      instrumental))
    return tuple(Step(line.origin + np.timedelta64(round(day * 86_400_000), 'ms'), kind, float(size), float(error),
                      instrumental) for day, kind, size, error, instrumental in sorted(steps, key=lambda s: s[0]))


def _offsets(series, sky, line, groups, reference):
    offsets = []
    for code in sorted(reference):
        value = _value_of(sky, len(line.parameters) + groups.index(code)) if code in groups else (0.0, 0.0)
        offsets.append(GroupOffset(code, reference[code], *value, int(np.count_nonzero(series.group == code))))
    return tuple(offsets)
