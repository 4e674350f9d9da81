"""The file for Prometheus, read back by the parser of its own library."""

from dataclasses import replace
from datetime import datetime

from prometheus_client.parser import text_string_to_metric_families

from photzp.answers.alarms import KINDS, Finding
from photzp.answers.metrics import render_metrics
from photzp.answers.shares import RestoredShare
from tests.support.samples import STATUS

NOW = datetime(2024, 5, 2, 0, 0, 0)  # noqa: DTZ001  naive UTC, as the report has it


def samples(text):
    """{(name, labels): value} of a file."""
    return {(sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text) for sample in family.samples}


def test_every_known_figure_is_there_and_nothing_else():
    unknown = replace(STATUS, filter='ip', percent=None, percent_error=None, last_observation=None)
    values = samples(render_metrics([STATUS, unknown], [], {'photcalibration.py': NOW, 'longtermphotzp.py': None}, NOW))
    rp, ip = (('filter', 'rp'), ('telescope', 'lsc-doma-1m0a')), (('filter', 'ip'), ('telescope', 'lsc-doma-1m0a'))
    assert values['photzp_throughput_percent', *rp] == 83.2
    assert ('photzp_throughput_percent', *ip) not in values
    assert values['photzp_zeropoint_mag', *ip] == 23.6
    assert values['photzp_reference_error_mag', *rp] == 0.1
    assert values['photzp_last_observation_timestamp_seconds', *rp] == 1714532400  # date -u -d '2024-05-01 03:00' +%s
    assert ('photzp_last_observation_timestamp_seconds', *ip) not in values
    assert values['photzp_run_success_timestamp_seconds', ('script', 'photcalibration.py')] == 1714608000
    assert ('photzp_run_success_timestamp_seconds', ('script', 'longtermphotzp.py')) not in values
    assert values['photzp_report_timestamp_seconds',] == 1714608000


def test_what_events_restore_is_told_or_that_it_is_not_estimated():
    shares = (RestoredShare(kind='wash', number=3, share=0.6, share_error=0.1, share_scatter=0.2),
              RestoredShare(kind='recoating', number=0))
    text = render_metrics([], [], {}, NOW, shares=shares)
    values = samples(text)
    assert values['photzp_restored_share_events', ('kind', 'wash')] == 3
    assert values['photzp_restored_share_ratio', ('kind', 'wash')] == 0.6
    assert values['photzp_restored_share_events', ('kind', 'recoating')] == 0
    assert ('photzp_restored_share_ratio', ('kind', 'recoating')) not in values
    assert '0: not estimated' in text


def test_findings_are_counted_by_kind_also_where_there_are_none():
    low = Finding(kind='below-threshold', telescope='a"b\\n', filter='rp', camera='', text='text', value=60.0,
                  error=1.0, limit=80.0, unit='%', setting='throughput_below_percent', excess=0.25)
    values = samples(render_metrics([], [low, replace(low, filter='gp')], {}, NOW))
    assert {kind: values['photzp_findings', ('kind', kind)] for kind in KINDS} == dict.fromkeys(KINDS, 0) | {
        'below-threshold': 2}
    excess = [value for (name, *_), value in values.items() if name == 'photzp_finding_excess_ratio']
    assert excess == [0.25, 0.25]
