"""The state of the fleet for Prometheus: a file in its text format, for the textfile collector of the node exporter.

Units stand in the names, as https://prometheus.io/docs/practices/naming/ asks; what is not known has no line.  Times
are in seconds since 1970, so that `time() - photzp_last_observation_timestamp_seconds` is an age.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from photzp.answers.alarms import KINDS, Finding
from photzp.answers.status import SeriesStatus
from photzp.errors import StoreFailed
from photzp.wholefile import whole_file

SERIES = {  # field of SeriesStatus: name, help
    'percent': ('throughput_percent', 'Throughput in percent of a clean telescope'),
    'percent_error': ('throughput_error_percent', '1-sigma error of photzp_throughput_percent'),
    'zp_mag': ('zeropoint_mag', 'Zeropoint at airmass 1 under a clear sky'),
    'zp_error_mag': ('zeropoint_error_mag', '1-sigma error of photzp_zeropoint_mag'),
    'slope_mag_per_month': ('slope_mag_per_month', 'Present slope of the zeropoint, a loss is negative'),
    'slope_error_mag_per_month': ('slope_error_mag_per_month', '1-sigma error of photzp_slope_mag_per_month'),
    'nights_observed': ('nights_observed', 'Nights with a usable zeropoint in the last 30 days'),
    'nights_photometric': ('nights_photometric', 'Photometric nights in the last 30 days'),
}


def render_metrics(statuses: Iterable[SeriesStatus], findings: Iterable[Finding],
                   last_good: Mapping[str, datetime | None], now: datetime) -> str:
    """The text of the file.  last_good : when each script last ended well, naive UTC; now : the same."""
    registry = CollectorRegistry()

    def gauge(name: str, words: str, *labels: str) -> Gauge:
        return Gauge(f'photzp_{name}', words, labels, registry=registry)

    where = ('telescope', 'filter')
    gauges = {field: gauge(name, words, *where) for field, (name, words) in SERIES.items()}
    seen = gauge('last_observation_timestamp_seconds', 'Start of the newest exposure with a zeropoint', *where)
    for status in statuses:
        for field, each in gauges.items():
            value = getattr(status, field)
            if value is not None:
                each.labels(status.telescope, status.filter).set(value)
        if status.last_observation is not None:
            seen.labels(status.telescope, status.filter).set(_seconds(datetime.fromisoformat(status.last_observation)))
    count = gauge('findings', 'Findings of longtermphotzp.py --check, by kind', 'kind')
    for kind in KINDS:
        count.labels(kind).set(0)
    beyond = gauge('finding_excess_ratio', 'How far a finding is beyond its limit, as a fraction of the limit',
                   'kind', *where, 'camera')
    for finding in findings:
        count.labels(finding.kind).inc()
        beyond.labels(finding.kind, finding.telescope, finding.filter, finding.camera).set(finding.excess)
    good = gauge('run_success_timestamp_seconds', 'When a script last ended well', 'script')
    for script, ended in last_good.items():
        if ended is not None:
            good.labels(script).set(_seconds(ended))
    gauge('report_timestamp_seconds', 'When these figures were made').set(_seconds(now))
    return generate_latest(registry).decode()


def write_metrics(path: Path, text: str) -> None:
    """Write the file so that a reader sees the old or the new one and never a part; StoreFailed where it cannot be.

    The collector reads *.prom only, and so not the temporary name, which is the same each time: nothing piles up.
    """
    try:
        with whole_file(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise StoreFailed(f'{path}: cannot be written ({error.strerror}); see --metrics') from None


def _seconds(moment: datetime) -> float:
    return moment.replace(tzinfo=UTC).timestamp()
