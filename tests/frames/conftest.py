"""Frames and FITS files, written and opened."""

import pytest
from astropy.io import fits

from photzp.frames.banzai import read_frame
from photzp.frames.fitsfile import FitsFile
from photzp.observatory import load_observatory
from tests.support.helpers import FRAME, write_frame


@pytest.fixture
def frame(tmp_path):
    """Write a frame and read it: frame(cards, ..., min_exptime_s=...)."""

    def write_and_read(cards=None, *, min_exptime_s=0.0, filters=None, **how):
        path = write_frame(tmp_path / FRAME, cards, **how)
        return read_frame(path, load_observatory(), min_exptime_s=min_exptime_s, filters=filters)

    return write_and_read


@pytest.fixture
def opened(tmp_path):
    """Write HDUs behind a primary one, or bytes, and open the file: opened(hdu, ...) -> FitsFile."""
    files = []

    def write(*hdus, content=None, **how):
        path = tmp_path / f'{len(files)}.fits'
        if content is None:
            fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path, **how)
        else:
            path.write_bytes(content)
        files.append(open(path, 'rb', buffering=0))  # noqa: SIM115
        return FitsFile(files[-1])

    yield write
    for file in files:
        file.close()
