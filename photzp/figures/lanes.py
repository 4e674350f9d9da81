"""Labels in lanes above axes: each in the lowest lane that is free where it goes."""

from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation, Transform

from photzp.figures.sheet import DPI, LINE_PX, SMALL


def choose_lanes(spans: Iterable[tuple[float, float]], most: int) -> list[int | None]:
    """Choose a lane for each label, in the order of their starts.

    Parameters
    ----------
    spans : iterable of (float, float)
        Start and end of each label [pixel].
    most : int
        Number of lanes.

    Returns
    -------
    list of int or None
        Lane of each label, 0 the lowest; None where none is free.
    """
    lanes: list[int | None] = []
    ends: list[float] = []  # of the last label in each lane
    for start, end in spans:
        lane = next((number for number, taken in enumerate(ends) if taken < start), len(ends))
        if lane < most:
            ends[lane:lane + 1] = [end]
        lanes.append(lane if lane < most else None)
    return lanes


def lanes_px(lanes: Iterable[int | None]) -> int:
    """Measure the lanes that are in use.

    Parameters
    ----------
    lanes : iterable of int or None
        As from `choose_lanes`.

    Returns
    -------
    int
        Their height [pixel].
    """
    return LINE_PX * (1 + max((lane for lane in lanes if lane is not None), default=-1))


def lane_transform(axes: Axes, lane: int, gap_px: float) -> Transform:
    """Place things in a lane.

    Parameters
    ----------
    axes : Axes
        Axes below the lanes.
    lane : int
        0 is the lowest.
    gap_px : float
        Between the axes and the lowest lane.

    Returns
    -------
    Transform
        From shares of the axes, where a height of 1 becomes the bottom of the lane.
    """
    return axes.transAxes + ScaledTranslation(0, (gap_px + lane * LINE_PX) / DPI, axes.figure.dpi_scale_trans)


def write_in_lane(axes: Axes, place: float, text: str, transform: Transform, colour: str = 'black') -> None:
    """Write a label in a lane.

    Parameters
    ----------
    axes : Axes
        Axes below the lanes.
    place : float
        Its middle, as a share of the width of the axes.
    text : str
        The label, never read as mathematical notation.
    transform : Transform
        As from `lane_transform`.
    colour : str
        Of the text.
    """
    axes.text(place, 1, text, ha='center', va='bottom', fontsize=SMALL, color=colour, parse_math=False,
              transform=transform)
