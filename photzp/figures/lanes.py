"""Labels in lanes above axes: each in the lowest lane that is free where it goes."""

from collections.abc import Iterable
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from photzp.figures.sheet import DARK_GREY, DPI, LINE_PX, SMALL


@dataclass(frozen=True)
class Label:
    """A text above axes; places are pixels from their left.

    Attributes
    ----------
    text : str
        Never read as mathematical notation.
    middle : float
        Of the text.
    span : (float, float)
        From where to where the lane is taken.
    colour : str
        Of the text.
    bar : (float, float) or None
        Ends of a line below the text, if there is one.
    """

    text: str
    middle: float
    span: tuple[float, float]
    colour: str = 'black'
    bar: tuple[float, float] | None = None


def write_labels(axes: Axes, labels: Iterable[Label], *, width_px: float, most: int, gap_px: float) -> int:
    """Write labels in the order of their starts; those for which no lane is free are left out.

    Parameters
    ----------
    axes : Axes
        Axes below the labels.
    labels : iterable of Label
        In the order of their starts.
    width_px : float
        Final width of the axes.
    most : int
        Number of lanes.
    gap_px : float
        Between the axes and the lowest lane.

    Returns
    -------
    int
        Height of the lanes in use [pixel].
    """
    ends: list[float] = []  # of the last label in each lane
    for label in labels:
        lane = next((number for number, end in enumerate(ends) if end < label.span[0]), len(ends))
        if lane < most:
            ends[lane:lane + 1] = [label.span[1]]
            lift = ScaledTranslation(0, (gap_px + lane * LINE_PX) / DPI, axes.figure.dpi_scale_trans)
            if label.bar:
                axes.add_artist(Line2D([place / width_px for place in label.bar], [1, 1], color=DARK_GREY, lw=0.8,
                                       clip_on=False, transform=axes.transAxes + lift))
            axes.text(label.middle / width_px, 1, label.text, ha='center', va='bottom', fontsize=SMALL,
                      color=label.colour, parse_math=False, transform=axes.transAxes + lift)
    return LINE_PX * len(ends)
