"""Where a straight line is clearly not enough: the search for kinks, by a score test.

A candidate column c adds a change of slope to the design.  Its score at the fit without it is U = sum g c', with g the
gradient of the log likelihood by the level of each row and c' = c less its projection on the design, weighted by the
curvature.  U^2 over the sum of squares of the scores of nights has a chi^2 distribution of one degree of freedom, if
there is no kink (Rao 1948, Proc. Camb. Phil. Soc. 44, 50; the variance is that of the sandwich, as for errors).
"""

import numpy as np

from photzp.throughput.clearsky import RIDGE, ClearSkyFit
from photzp.throughput.cloudmixture import Data
from photzp.throughput.lines import Line, SeriesRows

# Candidates lie every _DAYS, at least _MARGIN_DAYS from either end of a piece, so that the newest months stay a line.
# As many are tried, a kink must be as unlikely by chance as 4.5 sigma.
_DAYS, _MARGIN_DAYS, _CHI2 = 30, 75, 20.0


def find_kink(rows: SeriesRows, line: Line, data: Data, sky: ClearSkyFit) -> tuple[int, float] | None:
    """Find the kink that would raise the likelihood most.

    Parameters
    ----------
    rows : SeriesRows
        The rows.
    line : Line
        With the kinks that it already has.
    data : Data
        The same rows by night, with the design.
    sky : ClearSkyFit
        The fit of that design.

    Returns
    -------
    tuple of (int, float), or None
        Piece and day; None where no kink is needed.
    """
    candidates = _candidates(rows, line)
    if not candidates:
        return None
    day = np.add.reduceat(rows.day, data.first) / np.diff(np.append(data.first, len(rows.day)))
    piece = line.piece(day)
    columns = np.stack([(piece == at) * np.maximum(day - start, 0) for at, start in candidates], axis=1)
    weighted = data.design * sky.curvature[:, None]
    normal = weighted.T @ data.design + np.diag(1 / data.prior[:, 1] ** 2 + RIDGE)
    projection = np.linalg.solve(normal, np.add.reduceat(weighted, data.first, axis=0).T @ columns)
    score = columns * np.add.reduceat(sky.gradient, data.first)[:, None]
    score -= np.add.reduceat(data.design * sky.gradient[:, None], data.first, axis=0) @ projection
    chi2 = score.sum(axis=0) ** 2 / np.maximum((score**2).sum(axis=0), 1e-12) / sky.confusion
    best = int(np.argmax(chi2))
    return candidates[best] if chi2[best] > _CHI2 else None


def _candidates(rows: SeriesRows, line: Line) -> list[tuple[int, float]]:
    """(piece, day) where a kink may be and is not yet."""
    piece = line.piece(rows.day)
    candidates = []
    for number in range(len(line.opened)):
        days = rows.day[piece == number]
        grid = np.arange(days[0] + _MARGIN_DAYS, days[-1] - _MARGIN_DAYS, _DAYS)
        candidates += [(number, float(day)) for day in grid]
    return [candidate for candidate in candidates if candidate not in line.kinks]
