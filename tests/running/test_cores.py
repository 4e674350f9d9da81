"""Number of cores, by files as Linux shows them."""

import os

import pytest

from photzp.running.cores import usable_cores


@pytest.mark.parametrize(('quotas', 'cores'), [
    ({}, 8), ({'': 'max 100000'}, 8), ({'': '200000 100000'}, 2), ({'a/b': '150000 100000'}, 2),
    ({'a': '300000 100000', 'a/b': 'max 100000'}, 3), ({'a/b': '1000 100000'}, 1), ({'': '6400000 100000'}, 8)])
def test_cores_are_those_that_the_container_may_use(tmp_path, monkeypatch, quotas, cores):
    monkeypatch.setattr(os, 'process_cpu_count', lambda: 8, raising=False)
    (tmp_path / 'membership').write_text('0::/a/b\n')
    for group, quota in quotas.items():
        (tmp_path / group).mkdir(parents=True, exist_ok=True)
        (tmp_path / group / 'cpu.max').write_text(quota + '\n')
    assert usable_cores(tmp_path, tmp_path / 'membership') == cores
