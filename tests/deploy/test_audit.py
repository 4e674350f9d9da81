"""The audit of packages: a vulnerability fails, an index without advisories does not, and both say so."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_SPEC = importlib.util.spec_from_file_location('audit', ROOT / 'deploy' / 'audit.py')
audit = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(audit)

SOUND = {'name': 'numpy', 'version': '2.1.0', 'vulns': []}
OPEN = {'name': 'jinja2', 'version': '3.1.0', 'vulns': [{'id': 'PYSEC-2024-1', 'fix_versions': ['3.1.4']}]}
SKIPPED = {'name': 'urllib3', 'skip_reason': 'not found'}


@pytest.mark.parametrize(('packages', 'strict', 'status', 'line'), [
    ([SOUND], False, 0, 'audit: 1 packages, no known vulnerability'),
    ([SOUND, OPEN, SKIPPED], False, 1, 'audit: jinja2 3.1.0: PYSEC-2024-1, mended in 3.1.4'),
    ([SOUND, SKIPPED], False, 0, 'audit: no advisories to be had here for 1 of 2 packages'),
    ([SOUND, SKIPPED], True, 2, 'audit: no advisories to be had here for 1 of 2 packages'),
])
def test_the_verdict(packages, strict, status, line):
    assert audit.verdict(json.dumps({'dependencies': packages}), '', strict=strict)[0] == status
    assert audit.verdict(json.dumps({'dependencies': packages}), '', strict=strict)[1][0] == line


@pytest.mark.parametrize(('said', 'status'), [("Could not connect to PyPI's vulnerability feed", 0),
                                              ('Traceback: ZeroDivisionError', 2)])
def test_without_an_answer(said, status):
    assert audit.verdict('', said)[0] == status


def test_every_package_of_the_image_is_pinned_by_hash():
    text = (ROOT / 'requirements.lock').read_text(encoding='utf-8').replace('\\\n', ' ')
    pins = [line for line in text.splitlines() if line.strip() and not line.startswith('#')]
    assert len(pins) > 15
    assert [pin for pin in pins if not re.match(r'[\w.\[\]-]+==\S+ .*--hash=sha256:[0-9a-f]{64}', pin)] == []
    assert '--require-hashes' in (ROOT / 'Dockerfile').read_text(encoding='utf-8')
