"""The tables of the database as classes; `docs/database.md` says what each column means.

Missing numbers are NULL, times are UTC, 'YYYY-MM-DD HH:MM:SS.sss'.  A measured frame has the exposure (the base name
without level and extension) in the column `frame`, beside the name under which it is stored.
"""

from dataclasses import fields
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedColumn, mapped_column

from photzp.records import Column, Zeropoints


class Base(DeclarativeBase):
    """Base of the tables.  Every column but the key may be NULL: older rows, and those of other programs, lack some."""

    type_annotation_map = {str: sa.Text, float: sa.Double}  # noqa: RUF012 (SQLAlchemy's own idiom)


def _column(unit: str, meaning: str, **settings: Any) -> MappedColumn[Any]:
    """Make a column with its meaning and its unit in astropy's spelling, '' for none."""
    return mapped_column(doc=meaning, info={'unit': unit}, **settings)


class LcoPhot(Base):
    """One measured frame."""

    __tablename__ = 'lcophot'
    name: Mapped[str] = _column('', 'file name of the frame, the key; a full path in older rows', primary_key=True)
    dateobs: Mapped[str | None] = _column('', 'start of the exposure')
    site: Mapped[str | None] = _column('', 'site, such as lsc')
    dome: Mapped[str | None] = _column('', 'enclosure, such as doma')
    telescope: Mapped[str | None] = _column('', 'telescope, such as 1m0a')
    camera: Mapped[str | None] = _column('', 'camera, such as fa15')
    filter: Mapped[str | None] = _column('', 'filter, as the header of the frame names it')
    airmass: Mapped[float | None] = _column('', 'airmass; NULL where the header has none between 0.99 and 40')
    zp: Mapped[float | None] = _column('mag', 'zeropoint at g-i = zpcolor, SDSS system, in the limit of bright stars')
    colorterm: Mapped[float | None] = _column('mag/mag', 'colour term, change of zp per magnitude of SDSS g-i')
    zpsig: Mapped[float | None] = _column('mag', 'robust scatter of single stars about the fit')
    zperr: Mapped[float | None] = _column('mag', 'error of zp, without the error of the PS1 system itself')
    colortermerr: Mapped[float | None] = _column(
        'mag/mag', 'error of colorterm; of the usual value where colortermheld is 1')
    zpcolor: Mapped[float | None] = _column(
        'mag', 'SDSS g-i at which zp holds; NULL in older rows, whose zp is at g-i = 0')
    nstars: Mapped[int | None] = _column('', 'stars used in the fit')
    exptime: Mapped[float | None] = _column('s', 'exposure time')
    zpcolortermcov: Mapped[float | None] = _column('mag^2', 'covariance of zp and colorterm')
    colortermheld: Mapped[bool | None] = _column(
        '', '1 where the colour term was not fitted, but held at the usual value of the camera and filter')
    refcomplete: Mapped[bool | None] = _column(
        '', '0 where files of the reference catalogue for the field were missing')
    wcsoffset: Mapped[float | None] = _column(
        'arcsec', 'offset of the frame from the catalogue, which matching corrected')
    nmatched: Mapped[int | None] = _column('', 'sources of the frame matched one to one to reference stars')
    matchsep: Mapped[float | None] = _column(
        'arcsec', 'median separation of the matches after correction of the offset')
    matchfrac: Mapped[float | None] = _column('', 'nmatched over the number of all sources of the frame')
    magslope: Mapped[float | None] = _column(
        'mag/mag', 'slope with magnitude that the fit leaves in the zeropoints of single stars; 0 is good')
    magslopeerr: Mapped[float | None] = _column('mag/mag', 'error of magslope')
    redchi2: Mapped[float | None] = _column(
        '', 'reduced chi-square of the fit with photon and catalogue errors only, without the intrinsic scatter')
    meancolor: Mapped[float | None] = _column('mag', 'mean SDSS g-i of the stars used, weighted as in the fit')
    ra: Mapped[float | None] = _column(
        'deg', 'right ascension (ICRS, 0 to 360) of the centre of the image, as the header has it, without wcsoffset')
    dec: Mapped[float | None] = _column('deg', 'declination of the same point')
    fwhm: Mapped[float | None] = _column(
        'arcsec', 'FWHM of the stars, as the header has it; NULL where that is not from 0.2 to 30')
    processed: Mapped[str | None] = _column('', 'time at which the frame was measured')
    frame: Mapped[str | None] = _column('', 'exposure: file name without reduction level and extension')
    __table_args__ = (
        sa.Index('ix_lcophot_frame', 'frame'),
        sa.Index('ix_lcophot_series', 'site', 'dome', 'telescope', 'filter', 'dateobs'),
    )


class TelescopeModel(Base):
    """One date of the throughput model of a telescope and filter.  Some databases have no `entryid`: never used."""

    __tablename__ = 'telescopemodel'
    entryid: Mapped[int] = mapped_column(primary_key=True)
    telescopeid: Mapped[str | None]
    filter: Mapped[str | None]
    dateobs: Mapped[str | None]
    modelzp: Mapped[float | None]
    modelzperr: Mapped[float | None]
    __table_args__ = (sa.Index('ix_telescopemodel_series', 'telescopeid', 'filter', 'dateobs'),)


class ThroughputInterval(Base):
    """One interval of a throughput model between events: a line with its slope.  Times as in `lcophot`."""

    __tablename__ = 'throughputinterval'
    id: Mapped[int] = mapped_column(primary_key=True)
    telescopeid: Mapped[str | None]
    filter: Mapped[str | None]
    starttime: Mapped[str | None]
    endtime: Mapped[str | None]
    openedby: Mapped[str | None]
    nights: Mapped[int | None]
    measurements: Mapped[int | None]
    startzp: Mapped[float | None]
    startzperr: Mapped[float | None]
    endzp: Mapped[float | None]
    endzperr: Mapped[float | None]
    slope: Mapped[float | None]
    slopeerr: Mapped[float | None]
    __table_args__ = (sa.Index('ix_throughputinterval_series', 'telescopeid', 'filter'),)


class ThroughputStep(Base):
    """One step of a throughput model, gains positive; `instrumental` where two cameras differ in it."""

    __tablename__ = 'throughputstep'
    id: Mapped[int] = mapped_column(primary_key=True)
    telescopeid: Mapped[str | None]
    filter: Mapped[str | None]
    dateobs: Mapped[str | None]
    kind: Mapped[str | None]
    step: Mapped[float | None]
    steperr: Mapped[float | None]
    instrumental: Mapped[bool | None]
    origin: Mapped[str | None]
    early: Mapped[str | None]
    late: Mapped[str | None]
    __table_args__ = (sa.Index('ix_throughputstep_series', 'telescopeid', 'filter'),)


class PhotReject(Base):
    """One frame that was looked at and not measured."""

    __tablename__ = 'photreject'
    name: Mapped[str] = mapped_column(primary_key=True)
    frame: Mapped[str | None]
    reason: Mapped[str | None]
    detail: Mapped[str | None]
    retry: Mapped[bool | None]
    size: Mapped[int | None] = mapped_column(sa.BigInteger)
    mtime: Mapped[int | None] = mapped_column(sa.BigInteger)
    exptime: Mapped[float | None]
    looked: Mapped[str | None]


class PhotRun(Base):
    """One run of a script."""

    __tablename__ = 'photrun'
    id: Mapped[int] = mapped_column(primary_key=True)
    script: Mapped[str | None] = mapped_column(index=True)
    started: Mapped[str | None]
    ended: Mapped[str | None]
    status: Mapped[int | None]
    options: Mapped[str | None]
    counts: Mapped[str | None]
    pertelescope: Mapped[str | None]
    version: Mapped[str | None]
    host: Mapped[str | None]
    pid: Mapped[int | None]


PHOT, MODEL, INTERVAL, STEP, REJECT, RUN = (Base.metadata.tables[model.__tablename__] for model in (
    LcoPhot, TelescopeModel, ThroughputInterval, ThroughputStep, PhotReject, PhotRun))


def described_columns() -> tuple[Column, ...]:
    """Name, unit, meaning and type of each field of `Zeropoints`, from the table `lcophot`.

    Returns
    -------
    tuple of Column
        In the order of the fields.
    """
    type_of = {'dateobs': np.datetime64, 'processed': np.datetime64, 'colortermheld': bool, 'refcomplete': bool}
    columns = [PHOT.c[field.name] for field in fields(Zeropoints)]
    return tuple(Column(column.name, column.info['unit'], column.doc or '',
                        type_of.get(column.name, str if isinstance(column.type, sa.Text) else float))
                 for column in columns)  # whole numbers are read as float, NaN where missing
