#!/usr/bin/env python3
"""Ask for known vulnerabilities of every package that the container image holds (requirements.lock), by pip-audit.

Exit status: 0 none known, or the advisories cannot be reached, which is said; 1 a package has one; 2 pip-audit failed.
With PHOTZP_AUDIT_STRICT set, advisories that cannot be reached are status 2, too.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parent.parent / 'requirements.lock'
COMMAND = [sys.executable, '-m', 'pip_audit', '--requirement', str(LOCK), '--require-hashes', '--disable-pip',
           '--format', 'json', '--progress-spinner', 'off']
BY_HAND = ('audit: skipped; where https://pypi.org answers, run: make audit, or with the advisories of OSV: '
           '.venv/bin/pip-audit -r requirements.lock --require-hashes --disable-pip -s osv')
UNREACHABLE = ('Could not connect', 'ConnectionError', 'NameResolutionError', 'ReadTimeout', 'Max retries exceeded',
               'ProxyError', 'SSLError')


def main() -> int:
    """Run pip-audit and print what it found."""
    ended = subprocess.run(COMMAND, capture_output=True, text=True, check=False, timeout=600)
    status, lines = verdict(ended.stdout, ended.stderr, strict=bool(os.environ.get('PHOTZP_AUDIT_STRICT')))
    print('\n'.join(lines))
    return status


def verdict(answer: str, said: str, *, strict: bool = False) -> tuple[int, list[str]]:
    """(Exit status, lines to print) from pip-audit's answer in JSON and what it said on standard error."""
    away = 2 if strict else 0
    try:
        packages = json.loads(answer)['dependencies']
    except (ValueError, KeyError):
        if any(word in said for word in UNREACHABLE):
            return away, ['audit: the advisories cannot be reached', BY_HAND]
        return 2, [f'audit: pip-audit failed: {said.strip()[-300:]}']
    known = [f'audit: {package["name"]} {package["version"]}: {found["id"]}, mended in '
             f'{", ".join(found["fix_versions"]) or "no version yet"}'
             for package in packages for found in package.get('vulns', ())]
    skipped = [package['name'] for package in packages if 'skip_reason' in package]
    if known:
        return 1, known
    if skipped:
        return away, [f'audit: no advisories to be had here for {len(skipped)} of {len(packages)} packages', BY_HAND]
    return 0, [f'audit: {len(packages)} packages, no known vulnerability']


if __name__ == '__main__':
    sys.exit(main())
