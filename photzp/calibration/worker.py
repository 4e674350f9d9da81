"""The Calibrator, which measures frames one after the other; each process has one.

The science is imported where it is used, so that a run with nothing to measure starts at once.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from photzp.errors import INTERNAL_ERROR, ArchiveMissing, FrameRejected, RunStopped
from photzp.frames.archive import size_and_mtime

if TYPE_CHECKING:  # imported where they are used
    from photzp.calibration.calibrate import Calibration
    from photzp.catalogues.reference import ReferenceCatalogue
    from photzp.frames.archive import FrameFile
    from photzp.measurements import Measurement
    from photzp.observatory import Observatory
    from photzp.store.directory import DirectoryStore

log = logging.getLogger('photzp')

UNKNOWN_TELESCOPE = 'unknown'  # of a frame whose header could not be read


@dataclass(frozen=True)
class MeasureSettings:
    """Which frames are measured, and where their plots go.

    Attributes
    ----------
    min_exptime_s : float
        Frames of a shorter exposure are rejected.
    filters : tuple of str or None
        Names of the filters to measure; None for all.
    plots_directory : str or None
        Directory of the diagnostic plots; None for no plots.
    """

    min_exptime_s: float = 0.0
    filters: tuple[str, ...] | None = None
    plots_directory: str | None = None


@dataclass(frozen=True)
class Outcome:
    """The result for one frame: a measurement, a rejection, or neither if it is of a filter that is not selected.

    Attributes
    ----------
    size_and_mtime : tuple of int
        Size [bytes] and time of change [ns] of the file when it was opened.
    telescope : str
        site-enclosure-telescope, or UNKNOWN_TELESCOPE.
    measurement : Measurement or None
    rejection : FrameRejected or None
    """

    size_and_mtime: tuple[int, int]
    telescope: str = UNKNOWN_TELESCOPE
    measurement: 'Measurement | None' = None
    rejection: FrameRejected | None = None


class Calibrator:
    """Measures frames against a catalogue of its own.

    Parameters
    ----------
    open_catalogue : callable
        Returns the ReferenceCatalogue; called in the process that uses it.
    settings : MeasureSettings
    observatory : Observatory

    Raises
    ------
    CatalogMissing
        If there is no catalogue.
    """

    def __init__(self, open_catalogue: 'Callable[[], ReferenceCatalogue]', settings: MeasureSettings,
                 observatory: 'Observatory') -> None:
        self._settings, self._observatory = settings, observatory
        self._catalogue = open_catalogue()

    def outcome(self, frame_file: 'FrameFile') -> Outcome:
        """Measure one frame, and plot its fit if the settings ask for plots.

        Parameters
        ----------
        frame_file : FrameFile

        Returns
        -------
        Outcome
            A rejection for a frame that cannot be measured, also by an error of this program.

        Raises
        ------
        RunStopped
            If the catalogue is lost, or plots cannot be written.
        """
        from photzp.calibration.calibrate import calibrate_in
        from photzp.frames.banzai import NotSelected, read_frame

        name, stamp, telescope, exptime_s = str(frame_file), size_and_mtime(frame_file.path), UNKNOWN_TELESCOPE, None
        log.debug('%s: reading', frame_file.path)
        try:
            frame = read_frame(frame_file.path, self._observatory, min_exptime_s=self._settings.min_exptime_s,
                               filters=self._settings.filters)
            telescope, exptime_s = f'{frame.site}-{frame.enclosure}-{frame.telescope}', frame.exptime_s
            calibration = calibrate_in(self._catalogue, frame, self._observatory)
        except NotSelected as other:
            log.debug('%s: filter %s is not selected', name, other)
            return Outcome(stamp)
        except FrameRejected as rejection:
            return Outcome(stamp, telescope, rejection=rejection)
        except RunStopped:
            raise
        except Exception as error:  # an error of this program in one frame must not end the run
            return Outcome(stamp, telescope, rejection=_internal_error(name, error, exptime_s))
        if self._settings.plots_directory:
            _write_plots(self._plots, calibration)
        return Outcome(stamp, telescope, _measurement(calibration))

    @cached_property
    def _plots(self) -> 'DirectoryStore':
        """Where plots go, each of which appears there whole; StoreFailed where it cannot be written to."""
        from photzp.figures.fontcache import release_font_list
        from photzp.store.directory import DirectoryStore

        assert self._settings.plots_directory is not None, 'used only with a directory'
        release_font_list()  # once, before the first figure
        return DirectoryStore(self._settings.plots_directory)


def remote_calibrator(frames_root: str, open_catalogue: 'Callable[[], ReferenceCatalogue]', settings: MeasureSettings,
                      observatory: 'Observatory') -> Calibrator:
    """A Calibrator on another machine, which must see the frames.

    Parameters
    ----------
    frames_root : str
        Directory that holds the frames.
    open_catalogue : callable
        Returns the ReferenceCatalogue; called on that machine.
    settings : MeasureSettings
    observatory : Observatory

    Returns
    -------
    Calibrator

    Raises
    ------
    ArchiveMissing
        If the directory is missing, empty, or not readable on that machine.
    """
    if not (os.path.isdir(frames_root) and os.access(frames_root, os.R_OK | os.X_OK) and os.listdir(frames_root)):
        raise ArchiveMissing(f'{frames_root}: is not there, empty, or not readable on a machine that is to measure; '
                             'mount it on all machines of the cluster in the same place')
    return Calibrator(open_catalogue, settings, observatory)


def _internal_error(name: str, error: Exception, exptime_s: float | None) -> FrameRejected:
    """Log the error that is being handled with its traceback; the rejection of the frame for it."""
    log.exception('%s: please report this', name, extra={'frame': name})
    return FrameRejected(INTERNAL_ERROR, repr(error)[:200], exptime_s=exptime_s)


def _measurement(calibration: 'Calibration') -> 'Measurement':
    """The row of the database."""
    from photzp.calibration.zeropoint import PIVOT_COLOUR
    from photzp.measurements import Measurement

    frame, fit, quality = calibration.frame, calibration.fit, calibration.quality
    return Measurement(
        name=frame.name, dateobs=frame.dateobs, site=frame.site, dome=frame.enclosure, telescope=frame.telescope,
        camera=frame.camera, filter=frame.filter, airmass=frame.airmass, zp=fit.zp_mag, colorterm=fit.colorterm,
        zpsig=fit.zpsig_mag, zperr=fit.zperr_mag, colortermerr=fit.colortermerr, zpcolor=PIVOT_COLOUR,
        nstars=fit.nstars, exptime=frame.exptime_s, zpcolortermcov=fit.covariance_mag2,
        colortermheld=fit.colorterm_held, refcomplete=calibration.references_complete,
        wcsoffset=calibration.offset_arcsec, nmatched=quality.nmatched, matchsep=quality.matchsep_arcsec,
        matchfrac=quality.matchfrac, magslope=quality.magslope, magslopeerr=quality.magslopeerr,
        redchi2=quality.redchi2, meancolor=quality.meancolour_mag, ra=frame.ra_deg, dec=frame.dec_deg,
        fwhm=frame.fwhm_arcsec)


def _write_plots(plots: 'DirectoryStore', calibration: 'Calibration') -> None:
    from photzp.calibration.plots import colour_plot, residual_map, zeropoint_plot
    from photzp.figures.sheet import png
    from photzp.names import frame_plot

    frame, fit, sample = calibration.frame, calibration.fit, calibration.sample
    title = f'{frame.exposure}   {frame.filter}   {frame.exptime_s:g} s'
    figures = {'zp': zeropoint_plot(title, sample, fit), 'color': colour_plot(title, sample, fit),
               'residuals': residual_map(title, calibration.x, calibration.y, fit)}
    for kind, figure in figures.items():
        plots.put(frame_plot(frame.exposure, frame.filter, kind), png(figure))
