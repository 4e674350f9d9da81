"""The reference on an axis of zeropoints: the band of good throughput below it, and percent of it at the right."""

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from photzp.figures.scales import zeropoint_percent_scale
from photzp.figures.sheet import GREEN


@dataclass(frozen=True)
class HealthyBand:
    """Zeropoints of good throughput.

    Attributes
    ----------
    reference_mag : float
        Zeropoint of a clean telescope, the upper end.
    healthy_mag : float
        Depth of the band.
    """

    reference_mag: float
    healthy_mag: float

    @property
    def low_mag(self) -> float:
        """The lower end.

        Returns
        -------
        float
            Zeropoint [mag].
        """
        return self.reference_mag - self.healthy_mag


def draw_healthy_band(axes: Axes, band: HealthyBand) -> Patch:
    """Draw the band in green, and percent of the reference at the right.

    Parameters
    ----------
    axes : Axes
        Axes of zeropoints [mag] with their final limits.
    band : HealthyBand
        On the scale of the axes.

    Returns
    -------
    Patch
        Handle for the legend.
    """
    axes.axhspan(band.low_mag, band.reference_mag, color=GREEN, alpha=0.13, lw=0, zorder=0.5, label='good throughput')
    zeropoint_percent_scale(axes, band.reference_mag)
    return Patch(color=GREEN, alpha=0.13, lw=0, label=f'good: {band.low_mag:g} to {band.reference_mag:g} mag')
