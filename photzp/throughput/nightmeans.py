"""Rows of a telescope to the means of nights: one value per night and filter, with what it is a mean over.

A row i of filter f has zp_i = level + c_i . beta + noise, with covariates c_i: the offset of its group (camera, native
filter, kind of row), extinction beyond the adopted one, -(X - 1), that of the season, -X cos and -X sin of the time of
year, the offset of its field on the sky, and ln of the width of its stars.  The mean of a night has the means of
these.  Contrasts within a night say more of beta (`contrasts`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from photzp.robust import robust_spread
from photzp.throughput.contrasts import Contrasts, InNight, clouds_by_scatter, contrasts_of, joined
from photzp.throughput.nightsky import MISSING
from photzp.times import DAYS_PER_YEAR

EXTINCTION_PRIOR = (0.0, 0.03)   # mag/airmass: fitted minus adopted; width from the spread of sites
_SWING_MAG = 0.012               # mag/airmass in r: width of the prior of the yearly term of extinction
_OWN_SWING = 0.3                 # part of it that does not go as the wavelength
FIELD_MAG = 0.008               # mag: fields of DES-SN differ by 4 to 13 mmag
_FWHM_MAG = 0.010                # mag per e-fold of the width of stars
_OFFSET_MAG = 0.5                # mag: between groups of one telescope
_FIELDS_MAX, _FIELD_NIGHTS = 12, 8  # fields of a filter that have an offset: the commonest, of so many nights at least
_SCATTER_MAG = (0.002, 0.1)      # range of the scatter of rows in a night, beyond their errors
_START_SCATTER_MAG, _SCATTER_ROWS = 0.015, 4.0  # assumed, with the weight of so many rows
WILD_SIGMA = 4.0                # rows so far from the middle of their night do not count

# Central wavelength [nm], for extinction beyond the mean, which goes as wavelength^-1.3 (aerosols: Angstrom 1929,
# Geogr. Ann. 11, 156).
_WAVELENGTH_NM = {'up': 354, 'U': 361, 'B': 441, 'gp': 477, 'V': 551, 'rp': 623, 'R': 647, 'ip': 762, 'I': 806,
                  'zp': 913, 'zs': 870, 'Y': 1004}
_ANGSTROM = 1.3


@dataclass(frozen=True, kw_only=True)
class TelescopeRows:
    """Usable rows of a telescope in one filter, in order of time; shape (n,) each.

    Attributes
    ----------
    day, night : ndarray
        Days since the first row of the telescope, and number of the night among those of the telescope.
    zp, zperr : ndarray
        Zeropoints at airmass 1 and their errors [mag].
    airmass : ndarray
        1 where it was not given.
    group, field : ndarray of int
        Codes; field -1 where unknown.
    ln_fwhm : ndarray
        Logarithm of the width over its median; 0 where unknown.
    """

    day: np.ndarray
    night: np.ndarray
    zp: np.ndarray
    zperr: np.ndarray
    airmass: np.ndarray
    group: np.ndarray
    field: np.ndarray
    ln_fwhm: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Covariates:
    """Which coefficients there are, and their priors.

    Attributes
    ----------
    columns : tuple of tuple
        Of each coefficient: ('offset', filter, group), ('extinction', filter), ('cos',), ('sin',),
        ('field', filter, field) or ('fwhm', filter, group).
    mean, width : ndarray, shape (p,)
        Mean of its prior, and 1-sigma width.
    """

    columns: tuple[tuple, ...]
    mean: np.ndarray
    width: np.ndarray


@dataclass(frozen=True, kw_only=True)
class NightMeans:
    """Means of nights.

    Attributes
    ----------
    value : ndarray, shape (N, F)
        Mean zeropoint [mag], 0 where missing.
    variance : ndarray, shape (N, F)
        Of its error [mag^2], MISSING where there is none.
    covariates : ndarray, shape (N, F, p)
        Means of c.
    airmass : ndarray, shape (N, F)
        Mean airmass.
    contrasts : Contrasts
        Within nights.
    clouds : ndarray, shape (N, k)
        What else is known of clouds: log likelihood with those of each depth over that without.
    scatter : ndarray, shape (F,)
        Scatter of rows in a night beyond their errors [mag].
    rows : ndarray of int, shape (N, F)
        Number of rows.
    """

    value: np.ndarray
    variance: np.ndarray
    covariates: np.ndarray
    airmass: np.ndarray
    contrasts: Contrasts
    clouds: np.ndarray
    scatter: np.ndarray
    rows: np.ndarray


def choose_covariates(rows: Mapping[str, TelescopeRows], tied: Mapping[str, Sequence[int]], *,
                      with_airmass: bool) -> Covariates:
    """Choose the coefficients that the rows of a telescope need.

    Parameters
    ----------
    rows : mapping of str to TelescopeRows
        By filter.
    tied : mapping of str to sequence of int
        Groups of each filter that have an offset from another one.
    with_airmass : bool
        Airmasses were given.

    Returns
    -------
    Covariates
        In order of filters.
    """
    columns: list[tuple] = []
    width: list[float] = []
    for name, one in rows.items():
        columns += [('offset', name, group) for group in tied[name]]
        width += [_OFFSET_MAG] * len(tied[name])
        if with_airmass:
            columns.append(('extinction', name))
            width.append(EXTINCTION_PRIOR[1])
        fields = _common_fields(one)
        columns += [('field', name, field) for field in fields]
        width += [FIELD_MAG] * len(fields)
        if np.any(one.ln_fwhm):
            groups = np.unique(one.group).tolist()
            columns += [('fwhm', name, group) for group in groups]
            width += [_FWHM_MAG] * len(groups)
    if with_airmass:
        columns += [('cos',), ('sin',)]
        width += [_SWING_MAG] * 2
        for name in rows if len(rows) > 1 else ():
            columns += [('cos', name), ('sin', name)]
            width += [_OWN_SWING * _SWING_MAG] * 2
    return Covariates(columns=tuple(columns), mean=np.zeros(len(width)), width=np.array(width))


def _common_fields(rows: TelescopeRows) -> list[int]:
    """Fields of many nights, the commonest first."""
    known = rows.field >= 0
    pairs = np.unique(np.stack([rows.field[known], rows.night[known]]), axis=1)
    fields, nights = np.unique(pairs[0], return_counts=True)
    order = np.argsort(-nights, kind='stable')[:_FIELDS_MAX]
    return fields[order][nights[order] >= _FIELD_NIGHTS].tolist() if len(fields) > 1 else []


def swing_colour(filter_name: str) -> float:
    """Extinction beyond the mean in a filter, relative to that in r.

    Parameters
    ----------
    filter_name : str
        As reported.

    Returns
    -------
    float
        1 for a filter that is not known.
    """
    return float((_WAVELENGTH_NM.get(filter_name, 623) / 623) ** -_ANGSTROM)


def row_design(rows: TelescopeRows, name: str, covariates: Covariates, origin_day: float) -> np.ndarray:
    """Covariates of rows.

    Parameters
    ----------
    rows : TelescopeRows
        Of one filter, n of them.
    name : str
        The filter.
    covariates : Covariates
        Of the telescope.
    origin_day : float
        Day of the year of the first row of the telescope.

    Returns
    -------
    ndarray, shape (n, p)
        c of each row.
    """
    design = np.zeros((len(rows.zp), len(covariates.columns)))
    phase = 2 * np.pi * (rows.day + origin_day) / DAYS_PER_YEAR
    for number, column in enumerate(covariates.columns):
        if len(column) > 1 and column[1] != name:
            continue
        if column[0] == 'offset':
            design[:, number] = rows.group == column[2]
        elif column[0] == 'field':
            design[:, number] = rows.field == column[2]
        elif column[0] == 'fwhm':
            design[:, number] = (rows.group == column[2]) * rows.ln_fwhm
        elif column[0] == 'extinction':
            design[:, number] = 1 - rows.airmass
        else:
            wave = np.cos(phase) if column[0] == 'cos' else np.sin(phase)
            design[:, number] = -swing_colour(name) * rows.airmass * wave
    return design


def night_means(rows: Mapping[str, TelescopeRows], designs: Mapping[str, np.ndarray], beta: np.ndarray,
                clear: np.ndarray, known_fields: Mapping[str, np.ndarray]) -> NightMeans:
    """Means of nights, with rows that are far from the middle of their night left out.

    Parameters
    ----------
    rows : mapping of str to TelescopeRows
        By filter.
    designs : mapping of str to ndarray, shape (n, p)
        Covariates of the rows.
    beta : ndarray, shape (p,)
        Coefficients, for the middles.
    clear : ndarray, shape (N,)
        Probability of each night to be clear.
    known_fields : mapping of str to ndarray of bool, shape (n,)
        Rows whose field has an offset, or is unknown.

    Returns
    -------
    NightMeans
        Of N nights.
    """
    parts = [_means_of(one, designs[name], beta, clear, known_fields[name]) for name, one in rows.items()]
    stacked = {name: np.stack([getattr(part, name) for part in parts], axis=1)
               for name in ('value', 'variance', 'covariates', 'airmass', 'rows')}
    contrasts = joined([contrasts_of(part.inside, beta, clear, swing_colour(name)) if part.inside else
                        Contrasts.none(len(clear), len(beta)) for name, part in zip(rows, parts, strict=True)])
    return NightMeans(**stacked, contrasts=contrasts, scatter=np.array([part.scatter for part in parts]),
                      clouds=clouds_by_scatter(contrasts, stacked['rows'].sum(axis=1)))


@dataclass(kw_only=True)
class _OfFilter:
    """Means of nights in one filter: as in NightMeans, whose arrays have one more axis."""

    value: np.ndarray
    variance: np.ndarray
    covariates: np.ndarray
    airmass: np.ndarray
    rows: np.ndarray
    scatter: float = 0.0
    inside: InNight | None = None


def _means_of(rows: TelescopeRows, design: np.ndarray, beta: np.ndarray, clear: np.ndarray,
              known_field: np.ndarray) -> _OfFilter:
    """Means of nights in one filter."""
    n_nights, p = len(clear), len(beta)
    means = _OfFilter(value=np.zeros(n_nights), variance=np.full(n_nights, MISSING), airmass=np.ones(n_nights),
                      covariates=np.zeros((n_nights, p)), rows=np.zeros(n_nights, int))
    if not len(rows.zp):
        return means
    zp = rows.zp - design @ beta
    apart, first = from_middle(rows, zp)
    nights, size = rows.night[first], np.diff(np.append(first, len(zp)))
    means.scatter = _scatter(rows, zp, clear)
    variance = rows.zperr**2 + means.scatter**2
    near = is_near(apart, first, np.sqrt(variance))
    weight = np.where(near, 1.0, 1e-6) / variance
    total = np.add.reduceat(weight, first)
    share = weight / np.repeat(total, size)
    means.value[nights], means.rows[nights] = np.add.reduceat(share * rows.zp, first), size
    means.airmass[nights] = np.add.reduceat(share * rows.airmass, first)
    means.covariates[nights] = np.add.reduceat(share[:, None] * design, first, axis=0)
    strange = np.bincount(rows.night, _share_of_fields(rows, share, ~known_field), n_nights)
    means.variance[nights] = 1 / total + FIELD_MAG**2 * strange[nights]
    means.inside = InNight(
        zp=rows.zp - means.value[rows.night], airmass=rows.airmass - means.airmass[rows.night], near=near,
        design=design - means.covariates[rows.night], variance=variance + ~known_field * FIELD_MAG**2, first=first,
        nights=nights)
    return means


def from_middle(rows: TelescopeRows, zp: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Differences of rows from the middle of their night.

    Parameters
    ----------
    rows : TelescopeRows
        Of one filter.
    zp : ndarray, shape (n,)
        Zeropoints less their covariates [mag].

    Returns
    -------
    apart : ndarray, shape (n,)
        zp minus the median of its night [mag].
    first : ndarray of int, shape (nights,)
        First row of each night.
    """
    first = np.flatnonzero(np.append(True, np.diff(rows.night) > 0))
    counts = np.diff(np.append(first, len(zp)))
    order = np.lexsort((zp, rows.night))
    middle = (zp[order][first + (counts - 1) // 2] + zp[order][first + counts // 2]) / 2
    return zp - np.repeat(middle, counts), first


def is_near(apart: np.ndarray, first: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Whether each row is near the middle of its night, by its error and by the scatter of the night.

    Parameters
    ----------
    apart : ndarray, shape (n,)
        From the middle [mag].
    first : ndarray of int, shape (nights,)
        First row of each night.
    sigma : ndarray, shape (n,)
        Of each row in a clear night [mag].

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    counts = np.diff(np.append(first, len(apart)))
    size = np.abs(apart)
    order = np.lexsort((size, np.repeat(np.arange(len(first)), counts)))
    middle = size[order][first + counts // 2]
    return size <= WILD_SIGMA * np.hypot(sigma, np.repeat(middle, counts))


def _scatter(rows: TelescopeRows, zp: np.ndarray, clear: np.ndarray) -> float:
    """Scatter of rows in clear nights beyond their errors, of zeropoints less their covariates [mag]."""
    # By differences of neighbours in a night: deviations from the median of a few rows are too small, as one is 0.
    good = (np.diff(rows.night) == 0) & (clear[rows.night[1:]] > 0.5)
    n = np.count_nonzero(good)
    if n < 2 * _SCATTER_ROWS:
        return _START_SCATTER_MAG
    spread = robust_spread(np.diff(zp)[good] / np.sqrt(2), centre=0.0)
    errors = (rows.zperr[1:] ** 2 + rows.zperr[:-1] ** 2)[good] / 2
    excess = max(spread**2 - np.median(errors), 0.0)
    excess = (n * excess + _SCATTER_ROWS * _START_SCATTER_MAG**2) / (n + _SCATTER_ROWS)
    return float(np.clip(np.sqrt(excess), *_SCATTER_MAG))


def _share_of_fields(rows: TelescopeRows, share: np.ndarray, strange: np.ndarray) -> np.ndarray:
    """Part of each row (n,) in the sum over fields of the squared share of a field in its night."""
    if not strange.any():
        return np.zeros(len(share))
    code = rows.night.astype(np.int64) * (int(rows.field.max()) + 2) + rows.field + 1
    _, inverse = np.unique(code, return_inverse=True)
    of_field = np.bincount(inverse, share)
    return np.where(strange, share * of_field[inverse], 0.0)
