"""What is unchanged since an earlier run, whose results are stored with the report: it is not made again.

Anything new that the fit of a telescope depends on has to be added to `nights_fingerprint`, and to `fingerprint` what
only plots or tables of a series depend on.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from photzp.answers.status import counted_anew
from photzp.records import Database, StoredModel
from photzp.report.context import ReportContext
from photzp.report.results import ShownSeries
from photzp.report.settings import ReportSettings
from photzp.report.sharednights import digest_of_evidence
from photzp.report.state import RememberedNights, RememberedSeries, RowsSeen, SeriesResult, digest
from photzp.reportnames import trend_plot_name
from photzp.rowdigest import RowDigest
from photzp.throughput.model import SkyEvidence
from photzp.throughput.rows import COLUMNS, Series
from photzp.times import instant_of, local_noon

log = logging.getLogger('photzp.report')


class StoredRows:
    """The rows of telescopes as the database has them now; each question is asked of it once.

    Parameters
    ----------
    database : Database
    series : iterable of Series
        All that the database may have, whatever the run reports on.
    """

    def __init__(self, database: Database, series: Iterable[Series]) -> None:
        self._database = database
        self._series: dict[str, list[Series]] = {}
        for one in series:
            self._series.setdefault(str(one.telescope), []).append(one)
        self._counts: dict[str, dict[Series, int]] = {}
        self._digests: dict[str, str] = {}

    def at(self, site: str) -> list[str]:
        """Telescopes of a site that have rows, the one with most of them first.

        Parameters
        ----------
        site : str

        Returns
        -------
        list of str
        """
        telescopes = [name for name, same in self._series.items() if same[0].telescope.site == site]
        return sorted((name for name in telescopes if self.number(name)), key=lambda name: (-self.number(name), name))

    def series(self, telescope: str) -> tuple[Series, ...]:
        """The series of a telescope that have rows.

        Parameters
        ----------
        telescope : str

        Returns
        -------
        tuple of Series
        """
        return tuple(self._counted(telescope))

    def number(self, telescope: str) -> int:
        """Number of the rows of a telescope.

        Parameters
        ----------
        telescope : str

        Returns
        -------
        int
            In all filters.
        """
        return sum(self._counted(telescope).values())

    def digest(self, telescope: str) -> str:
        """Digest of the rows of a telescope, as `digest_of_rows` has it.

        Parameters
        ----------
        telescope : str

        Returns
        -------
        str
            Hexadecimal.
        """
        if telescope not in self._digests:
            self._digests[telescope] = digest_of_rows(
                (one.filter, self._database.digest(COLUMNS, **one.wanted)) for one in self.series(telescope))
        return self._digests[telescope]

    def _counted(self, telescope: str) -> dict[Series, int]:
        """The series that have rows, with the number of these."""
        if telescope not in self._counts:
            counts = {one: self._database.count(**one.wanted) for one in self._series.get(telescope, ())}
            self._counts[telescope] = {one: count for one, count in counts.items() if count}
        return self._counts[telescope]


def digest_of_rows(digests: Iterable[tuple[str, RowDigest]]) -> str:
    """Digest of the rows of a telescope in all its filters.

    Parameters
    ----------
    digests : iterable of tuple
        Each filter that has rows, and the digest of these; in any order.

    Returns
    -------
    str
        Hexadecimal.
    """
    return digest(sorted((name, each.rows, str(each)) for name, each in digests))


def nights_fingerprint(context: ReportContext, series: Sequence[Series], rows: str) -> str:
    """Digest of everything that the fit of a telescope alone depends on.

    Parameters
    ----------
    context : ReportContext
    series : sequence of Series
        All of the telescope that have rows.
    rows : str
        Digest of these rows in the database.

    Returns
    -------
    str
        Hexadecimal.
    """
    observatory, telescope = context.observatory, series[0].telescope
    longitude, events = observatory.longitude_deg(telescope.site), observatory.events_of(str(telescope))
    past = sum(local_noon(date, longitude) <= context.now for date, *_ in events)
    extinction = sorted((one.filter, name, observatory.extinction(name)) for one in series for name in one.native)
    return digest(context.code, rows, extinction, longitude, events, past, observatory.gain_repairs,
                  context.settings.cameracolorterm)


def fingerprint(context: ReportContext, series: Series, nights: str, others: SkyEvidence | None) -> str:
    """Digest of everything that the result, plots and tables of a series depend on.

    Parameters
    ----------
    context : ReportContext
    series : Series
    nights : str
        Fingerprint of the fit of its telescope alone.
    others : SkyEvidence or None
        What the other telescopes of the site say of the air.

    Returns
    -------
    str
        Hexadecimal.
    """
    observatory = context.observatory
    references = [entry for entry in observatory.reference_throughput
                  if (entry.class_, entry.filter) == (series.telescope.class_, series.filter)]
    return digest(nights, digest_of_evidence(others), context.month, references, sorted(observatory.camera_types),
                  observatory.throughput)


def are_nights_unchanged(context: ReportContext, stored: StoredRows, telescope: str,
                         remembered: RememberedNights | None) -> bool:
    """Whether the nights of a telescope would come out as an earlier run found them.

    Parameters
    ----------
    context : ReportContext
    stored : StoredRows
    telescope : str
        Site-enclosure-telescope.
    remembered : RememberedNights or None
        None where no earlier run found them.

    Returns
    -------
    bool
    """
    return (remembered is not None and _may_be_same(remembered.seen, stored, telescope, context.now)
            and remembered.fingerprint == nights_fingerprint(
                context, stored.series(telescope), stored.digest(telescope)))


def find_unchanged(context: ReportContext, stored: StoredRows, series: Series, remembered: RememberedSeries | None,
                   others: SkyEvidence | None) -> ShownSeries | None:
    """A series as an earlier run made it, if it would come out the same and all its files are still there.

    Times such as the days since the last event are brought up to date, and warnings of the earlier run logged again.

    Parameters
    ----------
    context : ReportContext
    stored : StoredRows
    series : Series
        Has rows.
    remembered : RememberedSeries or None
        None where no earlier run made it.
    others : SkyEvidence or None
        What the other telescopes of the site say of the air.

    Returns
    -------
    ShownSeries or None
    """
    telescope = str(series.telescope)
    if remembered is None or not _may_be_same(remembered.seen, stored, telescope, context.now):
        return None
    names = names_of_files(series, context.settings)
    outputs = {name: remembered.outputs[name] for name in names if name in remembered.outputs}
    if len(outputs) < len(names) or not all(context.store.holds(name, file.sha256) for name, file in outputs.items()):
        return None
    model = context.database.model(*series.key)
    nights = nights_fingerprint(context, stored.series(telescope), stored.digest(telescope))  # last: it takes longest
    if (remembered.fingerprint, remembered.model) != (fingerprint(context, series, nights, others),
                                                      model_digest(model)):
        return None
    return ShownSeries(_counted_to_now(context, series, remembered.result), model, outputs)


def _may_be_same(seen: RowsSeen, stored: StoredRows, telescope: str, now: np.datetime64) -> bool:
    """Whether the same rows count: as many are there, and now is between the last that counts and the next to come."""
    return (seen.rows == stored.number(telescope) and (seen.last is None or bool(instant_of(seen.last) <= now))
            and (seen.coming is None or bool(now < instant_of(seen.coming))))


def _counted_to_now(context: ReportContext, series: Series, result: SeriesResult) -> SeriesResult:
    """A result of an earlier run with its numbers of days counted to now; logs its warnings again."""
    about = {'telescope': str(series.telescope), 'filter': series.filter}
    log.debug('%s: unchanged since %s', series, result.status.made, extra=about)
    for warning in result.warnings:
        log.warning('%s', warning, extra=about)
    events = context.observatory.events_of(str(series.telescope))
    return replace(result, status=counted_anew(result.status, result.night, result.photometric, events, context.now))


def model_digest(model: StoredModel) -> str:
    """Digest of a model, the same before it is stored in the database and after it is read from there.

    Parameters
    ----------
    model : StoredModel

    Returns
    -------
    str
        Hexadecimal.
    """
    return digest(model.dateobs.astype('datetime64[ms]'),
                  *(np.where(np.isfinite(values), values, np.nan) for values in (model.modelzp, model.modelzperr)))


def names_of_files(series: Series, settings: ReportSettings) -> list[str]:
    """Names of the files that the settings ask for, of one series.

    Parameters
    ----------
    series : Series
    settings : ReportSettings

    Returns
    -------
    list of str
    """
    kinds = ['mirrormodel']
    if settings.pertelescopeplots:
        kinds += ['photzptrend', 'trenddata', 'airmasstrend', 'colortermtrend']
    if settings.errorhistogram:
        kinds += ['errorhist']
    return [trend_plot_name(kind, *series.key) for kind in kinds]
