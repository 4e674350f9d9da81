"""Lines of throughput in time, and the rows that they are fitted to.

A series is cut into pieces.  In each piece throughput is a level and a slope, with a step at each cleaning and, where
the line is clearly not enough, a few kinks.  All of it is linear in the parameters.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from photzp.times import DAYS_PER_MONTH, days_since


@dataclass(frozen=True, kw_only=True)
class SeriesRows:
    """Rows of a series in order of time, as they are fitted.

    Attributes
    ----------
    time : ndarray of datetime64[ms], shape (n,)
        UTC.
    zp, zperr : ndarray, shape (n,)
        Zeropoints at airmass 1 and their 1-sigma errors [mag].
    group : ndarray of int, shape (n,)
        Code of camera, native filter and kind of row (`throughput.rows.Rows`).
    night : ndarray of datetime64[D] or int, shape (n,)
        Night of each row.
    extra_airmass : ndarray, shape (n,), or None
        Airmass - 1; None where extinction is not fitted.
    other_scale : frozenset of int
        Codes of groups whose zp is defined otherwise, as those of older rows, which hold at g-i = 0.
    """

    time: np.ndarray
    zp: np.ndarray
    zperr: np.ndarray
    group: np.ndarray
    night: np.ndarray
    extra_airmass: np.ndarray | None = None
    other_scale: frozenset[int] = frozenset()

    def __getitem__(self, index: np.ndarray) -> 'SeriesRows':
        """The rows of a mask or an index array, which keeps their order."""
        return SeriesRows(
            time=self.time[index], zp=self.zp[index], zperr=self.zperr[index], group=self.group[index],
            night=self.night[index], other_scale=self.other_scale,
            extra_airmass=None if self.extra_airmass is None else self.extra_airmass[index])

    @property
    def day(self) -> np.ndarray:
        """Time of each row in days since the first row, shape (n,)."""
        return days_since(self.time, self.time[0])


@dataclass(frozen=True, kw_only=True)
class Line:
    """Throughput in time as a sum of functions: levels and slopes of the m pieces, steps of cleanings, kinks.

    Attributes
    ----------
    origin : datetime64[ms]
        Time from which days count.
    opened : ndarray, shape (m,)
        Day on which each piece begins.
    centre : ndarray, shape (m,)
        Day at which the level of each piece holds.
    steps, kinks : tuple of (int, float)
        Number of the piece and day of each.
    parameters : ndarray, shape (q,)
        In the order levels [mag], slopes [mag/month], steps [mag], kinks [mag/month]; empty until they are fitted.
    covariance : ndarray, shape (q, q)
        Of the parameters.
    doubt : ndarray, shape (m,)
        Variance of each level for the chance that none of its nights was clear [mag^2].
    """

    origin: np.datetime64
    opened: np.ndarray
    centre: np.ndarray
    steps: tuple[tuple[int, float], ...] = ()
    kinks: tuple[tuple[int, float], ...] = ()
    parameters: np.ndarray = field(default_factory=lambda: np.empty(0))
    covariance: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    doubt: np.ndarray = field(default_factory=lambda: np.empty(0))

    @property
    def first_step(self) -> int:
        """Position of the first step among the functions: the number of levels and slopes."""
        return 2 * len(self.opened)

    @property
    def size(self) -> int:
        """Number q of functions: levels, slopes, steps and kinks."""
        return self.first_step + len(self.steps) + len(self.kinks)

    def days(self, time: np.ndarray) -> np.ndarray:
        """Convert times to days.

        Parameters
        ----------
        time : ndarray of datetime64, shape (n,)
            UTC.

        Returns
        -------
        ndarray, shape (n,)
            Days since `origin`.
        """
        return days_since(time, self.origin)

    def piece(self, day: ArrayLike) -> np.ndarray:
        """Find the piece that contains each day.

        Parameters
        ----------
        day : array_like, shape (n,)
            Days since `origin`.

        Returns
        -------
        ndarray of int, shape (n,)
            Number of the piece, from 0; 0 also for days before the first piece.
        """
        return np.clip(np.searchsorted(self.opened, day, side='right') - 1, 0, None)

    def design(self, day: ArrayLike, piece: int | None = None) -> np.ndarray:
        """Design matrix: evaluate the functions of the line.

        Parameters
        ----------
        day : array_like, shape (n,)
            Days since `origin`.
        piece : int, optional
            Number of the piece whose functions are wanted, extrapolated beyond its ends; by default the piece that
            contains each day.

        Returns
        -------
        ndarray, shape (n, q)
            Functions in the order of the parameters.
        """
        day = np.atleast_1d(day)
        number = self.piece(day) if piece is None else np.full(len(day), piece)
        level = number[:, None] == np.arange(len(self.opened))
        columns = [level, level * (day[:, None] - self.centre) / DAYS_PER_MONTH]
        columns += [((number == at) & (day >= start))[:, None] for at, start in self.steps]
        columns += [((number == at) * np.maximum(day - start, 0) / DAYS_PER_MONTH)[:, None] for at, start in self.kinks]
        return np.concatenate(columns, axis=1).astype(float)

    def value(self, functions: np.ndarray, doubt: np.ndarray | float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Evaluate linear combinations of the functions.

        Parameters
        ----------
        functions : ndarray, shape (..., q)
            Coefficients.
        doubt : float or ndarray, shape (...)
            Variance to be added [mag^2].

        Returns
        -------
        value, error : ndarray, shape (...)
            Value and its 1-sigma error.
        """
        variance = np.einsum('...i,ij,...j->...', functions, self.covariance, functions) + doubt
        return functions @ self.parameters, np.sqrt(np.maximum(variance, 0))

    def at(self, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Evaluate the line.

        Parameters
        ----------
        day : ndarray, shape (n,)
            Days since `origin`.

        Returns
        -------
        model, error : ndarray, shape (n,)
            Throughput and its 1-sigma error [mag]; NaN before the first piece.
        """
        model, error = self.value(self.design(day), self.doubt[self.piece(day)])
        before = day < self.opened[0]
        return np.where(before, np.nan, model), np.where(before, np.nan, error)


def nights_in(rows: SeriesRows, line: Line) -> np.ndarray:
    """Count the nights of each piece.

    Parameters
    ----------
    rows : SeriesRows
        The rows.
    line : Line
        The pieces.

    Returns
    -------
    ndarray of int, shape (m,)
        Number of nights with rows.
    """
    piece = line.piece(rows.day)
    new = np.append(True, (rows.night[1:] != rows.night[:-1]) | (piece[1:] != piece[:-1]))
    return np.bincount(piece[new], minlength=len(line.opened))
