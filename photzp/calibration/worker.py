"""The Calibrator, which measures frames one after the other; each process has one."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from photzp.calibration.calibrate import Calibration, Field, calibrate_in
from photzp.errors import INTERNAL_ERROR, ArchiveMissing, FrameRejected, RunStopped
from photzp.frames.archive import size_and_mtime

if TYPE_CHECKING:  # imported where they are used
    from photzp.catalogues.reference import ReferenceCatalogue
    from photzp.frames.archive import FrameFile
    from photzp.observatory import Observatory
    from photzp.records import Measurement
    from photzp.store.directory import DirectoryStore

log = logging.getLogger('photzp')


@dataclass(frozen=True)
class MeasureSettings:
    """Which frames are measured, and what is made of them besides.

    filters : None for all.  plots_directory : where diagnostic plots go, None for no plots.
    """

    min_exptime_s: float = 0.0
    filters: tuple[str, ...] | None = None
    plots_directory: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of one frame: a measurement, a rejection, or neither where it is of another filter.

    seen : (size [bytes], time of change [ns]) of the file when it was opened.
    """

    seen: tuple[int, int]
    field: Field = field(default_factory=Field)
    measurement: 'Measurement | None' = None
    rejection: FrameRejected | None = None


class Calibrator:
    """Measures frames, with the observatory and a catalogue of its own at hand.

    open_catalogue : makes the ReferenceCatalogue; it is called in the process that the catalogue is for.
    Raises CatalogMissing where there is no catalogue.
    """

    def __init__(self, open_catalogue: 'Callable[[], ReferenceCatalogue]', settings: MeasureSettings,
                 observatory: 'Observatory') -> None:
        self.settings, self.observatory = settings, observatory
        self.catalogue = open_catalogue()

    @cached_property
    def plots(self) -> 'DirectoryStore':
        """Where plots go: in it they appear whole.  Raises StoreFailed where they cannot."""
        from photzp.figures.fontcache import release_font_list
        from photzp.store.directory import DirectoryStore

        assert self.settings.plots_directory is not None, 'asked for where there are plots'
        release_font_list()  # once, before the first figure
        return DirectoryStore(self.settings.plots_directory)

    def outcome(self, frame_file: 'FrameFile') -> Outcome:
        """Measure one frame, and plot it where asked for; one that cannot be measured never ends the run."""
        from photzp.frames.banzai import NotSelected

        name, seen, field = frame_file.name.name, size_and_mtime(frame_file.path), Field()
        log.debug('%s: is looked at', frame_file.path)
        try:
            calibration = self._measure(frame_file.path, field)
        except NotSelected as other:
            log.debug('%s: filter %s is not asked for', name, other)
            return Outcome(seen, field)
        except FrameRejected as rejection:
            return Outcome(seen, field, rejection=rejection)
        except RunStopped:
            raise
        except Exception as error:  # a mistake of ours in one frame must not cost the others theirs
            log.exception('%s: please report this', name, extra={'frame': name})
            return Outcome(seen, field, rejection=FrameRejected(INTERNAL_ERROR, repr(error)[:200]))
        if self.settings.plots_directory:
            _write_plots(self.plots, calibration)
        return Outcome(seen, field, _measurement(calibration, field.complete))

    def _measure(self, path: str, field: Field) -> Calibration:
        """The Calibration of the frame in a file; `field` is filled in as far as it comes."""
        from photzp.frames.banzai import read_frame

        frame = read_frame(path, self.observatory, min_exptime_s=self.settings.min_exptime_s,
                           filters=self.settings.filters)
        field.telescope = f'{frame.site}-{frame.enclosure}-{frame.telescope}'
        field.exptime_s = frame.exptime_s
        return calibrate_in(self.catalogue, frame, self.observatory, field)


def calibrator_there(frames_root: str, open_catalogue: 'Callable[[], ReferenceCatalogue]', settings: MeasureSettings,
                     observatory: 'Observatory') -> Calibrator:
    """A Calibrator on another machine; raises ArchiveMissing where that does not see the frames below frames_root."""
    if not (os.path.isdir(frames_root) and os.access(frames_root, os.R_OK | os.X_OK) and os.listdir(frames_root)):
        raise ArchiveMissing(f'{frames_root}: is not there, empty, or not readable on a machine that is to measure; '
                             'mount it on all machines of the cluster in the same place')
    return Calibrator(open_catalogue, settings, observatory)


def _measurement(calibration: Calibration, complete: bool | None) -> 'Measurement':
    from photzp.calibration.zeropoint import PIVOT_COLOUR
    from photzp.records import Measurement

    frame, fit, quality = calibration.frame, calibration.fit, calibration.quality
    return Measurement(
        name=frame.name, dateobs=frame.dateobs, site=frame.site, dome=frame.enclosure, telescope=frame.telescope,
        camera=frame.camera, filter=frame.filter, airmass=frame.airmass, zp=fit.zp_mag, colorterm=fit.colorterm,
        zpsig=fit.zpsig_mag, zperr=fit.zperr_mag, colortermerr=fit.colortermerr, zpcolor=PIVOT_COLOUR,
        nstars=fit.nstars, exptime=frame.exptime_s, zpcolortermcov=fit.covariance_mag2,
        colortermheld=fit.colorterm_held, refcomplete=complete, wcsoffset=calibration.offset_arcsec,
        nmatched=quality.nmatched, matchsep=quality.matchsep_arcsec, matchfrac=quality.matchfrac,
        magslope=quality.magslope, magslopeerr=quality.magslopeerr, redchi2=quality.redchi2,
        meancolor=quality.meancolour_mag)


def _write_plots(plots: 'DirectoryStore', calibration: Calibration) -> None:
    from photzp.calibration.plots import colour_plot, residual_map, zeropoint_plot
    from photzp.figures.sheet import png
    from photzp.names import frame_plot

    frame, fit, sample = calibration.frame, calibration.fit, calibration.sample
    title = f'{frame.exposure}   {frame.filter}   {frame.exptime_s:g} s'
    figures = {'zp': zeropoint_plot(title, sample, fit), 'color': colour_plot(title, sample, fit),
               'residuals': residual_map(title, calibration.x, calibration.y, fit)}
    for kind, figure in figures.items():
        plots.put(frame_plot(frame.exposure, frame.filter, kind), png(figure))
