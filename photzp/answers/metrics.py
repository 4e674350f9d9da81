"""The state of the fleet for Prometheus: a file in its text format, for the textfile collector of the node exporter.

Units stand in the names, as https://prometheus.io/docs/practices/naming/ asks; what is not known has no line.  Times
are in seconds since 1970, so that `time() - photzp_last_observation_timestamp_seconds` is an age.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from photzp.answers.alarms import KINDS, Finding
from photzp.answers.shares import RestoredShare
from photzp.answers.status import SeriesStatus
from photzp.errors import StoreFailed
from photzp.wholefile import whole_file

_SERIES = {  # field of SeriesStatus: name, help
    'percent': ('throughput_percent', 'Throughput in percent of a clean telescope'),
    'percent_error': ('throughput_error_percent', '1-sigma error of photzp_throughput_percent'),
    'reference_error_mag': ('reference_error_mag', '1-sigma error of the reference, not in throughput_error_percent'),
    'zp_mag': ('zeropoint_mag', 'Zeropoint at airmass 1 under a clear sky'),
    'zp_error_mag': ('zeropoint_error_mag', '1-sigma error of photzp_zeropoint_mag'),
    'slope_mag_per_month': ('slope_mag_per_month', 'Present slope of the zeropoint, a loss is negative'),
    'slope_error_mag_per_month': ('slope_error_mag_per_month', '1-sigma error of photzp_slope_mag_per_month'),
    'nights_observed': ('nights_observed', 'Nights with a usable zeropoint in the last 30 days'),
    'nights_photometric': ('nights_photometric', 'Photometric nights in the last 30 days'),
}
_WHERE = ('telescope', 'filter')


def render_metrics(statuses: Iterable[SeriesStatus], findings: Iterable[Finding],
                   last_good: Mapping[str, datetime | None], now: datetime, *,
                   shares: Iterable[RestoredShare] = ()) -> str:
    """The text of the file.

    Parameters
    ----------
    statuses : iterable of SeriesStatus
        Of the whole fleet.
    findings : iterable of Finding
        Of the whole fleet.
    last_good : mapping of str to (datetime or None)
        When each script last ended well, naive UTC; None for never.
    now : datetime
        Naive UTC.
    shares : iterable of RestoredShare
        What events restore, by kind.

    Returns
    -------
    str
        Text exposition format of Prometheus.
    """
    registry = CollectorRegistry()
    gauge = partial(_gauge, registry)
    _set_statuses(gauge, statuses)
    _set_findings(gauge, findings)
    _set_shares(gauge, shares)
    success = gauge('run_success_timestamp_seconds', 'When a script last ended well', 'script')
    for script, ended in last_good.items():
        if ended is not None:
            success.labels(script).set(_seconds(ended))
    gauge('report_timestamp_seconds', 'When these figures were made').set(_seconds(now))
    return generate_latest(registry).decode()


def _gauge(registry: CollectorRegistry, name: str, words: str, *labels: str) -> Gauge:
    return Gauge(f'photzp_{name}', words, labels, registry=registry)


def _set_statuses(gauge: Callable[..., Gauge], statuses: Iterable[SeriesStatus]) -> None:
    gauges = {field: gauge(name, words, *_WHERE) for field, (name, words) in _SERIES.items()}
    newest = gauge('last_observation_timestamp_seconds', 'Start of the newest exposure with a zeropoint', *_WHERE)
    for status in statuses:
        where = status.telescope, status.filter
        for field, gauge_of_field in gauges.items():
            value = getattr(status, field)
            if value is not None:
                gauge_of_field.labels(*where).set(value)
        if status.last_observation is not None:
            newest.labels(*where).set(_seconds(datetime.fromisoformat(status.last_observation)))


def _set_findings(gauge: Callable[..., Gauge], findings: Iterable[Finding]) -> None:
    count = gauge('findings', 'Findings of longtermphotzp.py --check, by kind', 'kind')
    for kind in KINDS:
        count.labels(kind).set(0)
    excess = gauge('finding_excess_ratio', 'How far a finding is beyond its limit, as a fraction of the limit',
                   'kind', *_WHERE, 'camera')
    for finding in findings:
        count.labels(finding.kind).inc()
        excess.labels(finding.kind, finding.telescope, finding.filter, finding.camera).set(finding.excess)


def _set_shares(gauge: Callable[..., Gauge], shares: Iterable[RestoredShare]) -> None:
    number = gauge('restored_share_events', 'Events that photzp_restored_share_ratio rests on; 0: not estimated',
                   'kind')
    ratio = gauge('restored_share_ratio', 'Share of the lost light that an event of a kind restores', 'kind')
    error = gauge('restored_share_error_ratio', '1-sigma error of photzp_restored_share_ratio', 'kind')
    for row in shares:
        number.labels(row.kind).set(row.number)
        if row.number:
            ratio.labels(row.kind).set(row.share)
            error.labels(row.kind).set(row.share_error)


def write_metrics(path: Path, text: str) -> None:
    """Write the file so that a reader sees the old or the new one and never a part.

    The collector reads *.prom only, and so not the temporary name, which is the same each time: nothing piles up.

    Parameters
    ----------
    path : pathlib.Path
        Of the file, in a directory that exists.
    text : str
        Its content.

    Raises
    ------
    StoreFailed
        Where it cannot be written.
    """
    try:
        with whole_file(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise StoreFailed(f'{path}: cannot be written ({error.strerror}); see --metrics') from None


def _seconds(time: datetime) -> float:
    """Seconds since 1970 of a naive time in UTC."""
    return time.replace(tzinfo=UTC).timestamp()
