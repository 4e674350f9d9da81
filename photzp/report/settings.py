"""The settings of a report."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """Which telescopes and filters a report covers, and what it shows; the defaults are a report of everything.

    Attributes
    ----------
    site, telescope, filter : str or None
        None for all there are; a telescope as enclosure-telescope.
    cameracolorterm : bool
        Give each zeropoint the colour term of its camera.
    pertelescopeplots, createsummaryplots, errorhistogram, renderhtml : bool
        Which plots and pages are made.
    check, metrics : bool
        Whether the findings of the whole fleet are wanted.
    """

    site: str | None = None
    telescope: str | None = None
    filter: str | None = None
    cameracolorterm: bool = True
    pertelescopeplots: bool = True
    createsummaryplots: bool = True
    errorhistogram: bool = True
    renderhtml: bool = True
    check: bool = False
    metrics: bool = False
