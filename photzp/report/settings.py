"""The options of a report."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportSettings:
    """What a report is made of and what it shows; the defaults are a report of everything.

    site, telescope, filter : None for all there are; a telescope as enclosure-telescope.
    start, end : YYYYMMDD, the first date and the one after the last; None for no limit.
    cameracolorterm : give each zeropoint the colour term of its camera.
    fit_extinction : bring zeropoints to airmass 1 with the extinction that an earlier run fitted.
    pertelescopeplots, createsummaryplots, errorhistogram, renderhtml : what is drawn and rendered.
    check, metrics : whether the findings of the whole fleet are asked for.
    """

    site: str | None = None
    telescope: str | None = None
    filter: str | None = None
    start: str | None = None
    end: str | None = None
    cameracolorterm: bool = True
    fit_extinction: bool = False
    pertelescopeplots: bool = True
    createsummaryplots: bool = True
    errorhistogram: bool = True
    renderhtml: bool = True
    check: bool = False
    metrics: bool = False
