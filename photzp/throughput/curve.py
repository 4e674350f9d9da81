"""The fitted level of one filter in time, as reports and later runs use it: values and slopes at knots."""

from dataclasses import dataclass

import numpy as np

from photzp.times import DAYS_PER_MONTH, days_since


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Level of one filter.

    Attributes
    ----------
    origin : datetime64[ms]
        Time from which days count.
    opened : ndarray, shape (P,)
        Day on which each piece between steps begins, ascending.
    knot : ndarray, shape (J,)
        Days of the knots, ascending, each in one piece.
    level, slope : ndarray, shape (J,)
        Level [mag] and slope [mag/month] there.
    variance : ndarray, shape (J, 3)
        Of level, of both, and of slope.
    stiffness : float
        q: variance of the change of slope per month [mag^2/month^3].
    """

    origin: np.datetime64
    opened: np.ndarray
    knot: np.ndarray
    level: np.ndarray
    slope: np.ndarray
    variance: np.ndarray
    stiffness: float

    def days(self, time: np.ndarray) -> np.ndarray:
        """Convert times to days.

        Parameters
        ----------
        time : ndarray of datetime64, shape (q,)
            UTC.

        Returns
        -------
        ndarray, shape (q,)
            Days since `origin`.
        """
        return days_since(time, self.origin)

    def at(self, day: np.ndarray, *, before: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Evaluate the level.

        Between two knots of a piece it is the cubic with their values and slopes, beyond them a straight line.

        Parameters
        ----------
        day : ndarray, shape (q,)
            Days since `origin`.
        before : bool
            At a step: the level before it.

        Returns
        -------
        level, error : ndarray, shape (q,)
            Level and its 1-sigma error [mag]; NaN before the first piece.
        """
        day = np.asarray(day, float)
        piece = np.clip(np.searchsorted(self.opened, day, side='left' if before else 'right') - 1, 0, None)
        own = np.searchsorted(self.opened, self.knot, side='right') - 1
        low, high = np.searchsorted(own, piece), np.searchsorted(own, piece, side='right') - 1
        left = np.clip(np.searchsorted(self.knot, day, side='right') - 1, low, high)
        right = np.minimum(left + 1, high)
        level = self._cubic(day, left, right)
        variance = np.minimum(self._variance(day, left), self._variance(day, right))
        early = day < self.opened[0]
        return np.where(early, np.nan, level), np.where(early, np.nan, np.sqrt(variance))

    def _cubic(self, day: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Hermite's cubic between two knots; a line where they are one, or the day is beyond them."""
        dt = (day - self.knot[left]) / DAYS_PER_MONTH
        width = (self.knot[right] - self.knot[left]) / DAYS_PER_MONTH
        inside = (width > 0) & (dt > 0)
        width = np.where(inside, width, 1.0)
        u = np.where(inside, dt / width, 0.0)
        cubic = ((1 + 2 * u) * (1 - u)**2 * self.level[left] + u * (1 - u)**2 * width * self.slope[left]
                 + u**2 * (3 - 2 * u) * self.level[right] - u**2 * (1 - u) * width * self.slope[right])
        return np.where(inside, cubic, self.level[left] + dt * self.slope[left])

    def _variance(self, day: np.ndarray, knot: np.ndarray) -> np.ndarray:
        """Variance of the line through a knot, at a time apart from it."""
        dt = (day - self.knot[knot]) / DAYS_PER_MONTH
        of_level, of_both, of_slope = self.variance[knot].T
        return np.maximum(of_level + 2 * dt * of_both + dt**2 * of_slope + self.stiffness * np.abs(dt)**3 / 3, 0)
