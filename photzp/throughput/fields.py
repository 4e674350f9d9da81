"""Which rows are of the same field: pointings that differ by a dither share a code, those of other targets do not.

Positions that are linked by steps of at most 0.1 deg are one field, unless all of it is wider than 0.4 deg: that is a
survey of contiguous pointings, which is cut into cells of a fixed grid, 0.2 deg or less on a side.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

_STEPS_PER_DEG = 50  # positions are rounded to 0.02 deg: finer than usual dithers, and few enough to be linked fast
_STEPS_PER_CELL = _STEPS_PER_DEG // 5  # of the grid, 0.2 deg: the size of the fields whose offsets are fitted
_LINK_DEG = 0.1  # chosen because positions within a usual dither, 0.05 deg, are linked however they are rounded
_LARGEST_RADIUS_DEG = 0.2  # of a field about its mean position
_TURN, _POLE = 360 * _STEPS_PER_DEG, 90 * _STEPS_PER_DEG


def field_cells(ra_deg: ArrayLike, dec_deg: ArrayLike) -> np.ndarray:
    """Code of the field of each position.

    Two positions within 0.05 deg have the same code, except at a border of the grid within contiguous pointings; two
    that are 0.45 deg or more apart have different ones.  A code depends on all positions given: it is good for
    comparing them, and not for storing.

    Parameters
    ----------
    ra_deg, dec_deg : array_like of float, shape (n,)
        Right ascension, of any turn, and declination [deg].

    Returns
    -------
    ndarray of int, shape (n,)
        From 0 to the number of fields less 1; -1 where a coordinate is missing, or no declination.
    """
    ra_deg, dec_deg = np.asarray(ra_deg, float), np.asarray(dec_deg, float)
    known = np.isfinite(ra_deg) & (np.abs(dec_deg) <= 90)
    north = np.round(dec_deg[known] * _STEPS_PER_DEG).astype(int)
    turn = _pieces_of_turn(north, _TURN)
    east = np.round(ra_deg[known] % 360 / 360 * turn).astype(int) % turn
    positions, row = np.unique(north * _TURN + east, return_inverse=True)
    codes = np.full(ra_deg.shape, -1)
    if len(positions):
        codes[known] = _fields(positions % _TURN, positions // _TURN)[row]
    return codes


def _pieces_of_turn(north: np.ndarray, at_equator: int) -> np.ndarray:
    """Number of pieces of a circle of declination [steps] (n,) that are as long as a piece of the equator, or less."""
    return np.ceil(at_equator * np.cos(np.radians(north / _STEPS_PER_DEG))).astype(int)


def _fields(east: np.ndarray, north: np.ndarray) -> np.ndarray:
    """Code of the field of each of some different positions [steps] (n,)."""
    turns = east / _pieces_of_turn(north, _TURN)
    group, wide = _linked(2 * np.pi * turns, np.radians(north / _STEPS_PER_DEG))
    return np.unique(np.where(wide, _grid_cells(turns, north), -1 - group), return_inverse=True)[1]


def _linked(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Code of the group that each position [radian] is linked to (n,), and whether that group is too wide (n,)."""
    directions = np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    pairs = cKDTree(directions).query_pairs(_chord(_LINK_DEG), output_type='ndarray')
    links = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(len(ra), len(ra)))
    count, group = connected_components(links, directed=False)
    total = np.column_stack([np.bincount(group, weights=along) for along in directions.T])
    centre = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)  # 0 of a group all about the sky
    radius = np.zeros(count)
    np.maximum.at(radius, group, np.linalg.norm(directions - centre[group], axis=1))
    return group, radius[group] > _chord(_LARGEST_RADIUS_DEG)


def _chord(angle_deg: float) -> float:
    """Distance of two points of the unit sphere that are this far apart on it."""
    return 2 * float(np.sin(np.radians(angle_deg) / 2))


def _grid_cells(turns: np.ndarray, north: np.ndarray) -> np.ndarray:
    """Number of the cell of the grid of each position (n,), from right ascension [turns] and declination [steps].

    Each band of declination is cut into as many cells as make the longer edge of each 0.2 deg or less: 6 about a pole.
    """
    band = np.minimum((north + _POLE) // _STEPS_PER_CELL, 2 * _POLE // _STEPS_PER_CELL - 1)
    low = band * _STEPS_PER_CELL - _POLE
    cells = _pieces_of_turn(np.where(low >= 0, low, low + _STEPS_PER_CELL), _TURN // _STEPS_PER_CELL)
    return band * _TURN + np.floor(turns * cells).astype(int)
