"""What the README says is what the scripts do."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from photdbinterface import Base
from photzp.errors import REASONS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / 'README.md').read_text(encoding='utf-8')
BLOCKS = dict(re.findall(r'```text\n\$ python (\S+) --help\n(.*?)```', README, re.DOTALL))


def words(text):
    """The words of a help text, however a version of Python lays them out, without the usage lines."""
    text = re.sub(r'^usage:.*?\n\n', '', text, flags=re.DOTALL)
    # Up to Python 3.12 each alias repeats its value: -x A, --xx A.
    text = re.sub(r'(--?[\w-]+) (\S+), (--[\w-]+) \2', r'\1, \3 \2', text)
    return text.split()


@pytest.mark.parametrize('script', sorted(BLOCKS))
def test_usage_blocks_are_the_help_of_the_scripts(script):
    shown = subprocess.run([sys.executable, str(ROOT / script), '--help'], capture_output=True, text=True, check=True)
    assert words(BLOCKS[script]) == words(shown.stdout)


def test_each_script_has_its_usage_block():
    assert set(BLOCKS) == {'photcalibration.py', 'longtermphotzp.py'}


def test_reasons_are_the_registry():
    rows = re.findall(r'^\| `([\w-]+)` \| (.*?) \| (yes|no) \|$', README, re.MULTILINE)
    assert rows == [(r.name, r.sentence, 'yes' if r.passing else 'no') for r in REASONS.values()]


def test_tables_are_those_of_the_database():
    rows = dict(re.findall(r'^\| `(\w+)` \| [^|]+ \| ([\w, ]+) \|$', README, re.MULTILINE))
    hidden = {'telescopemodel': {'entryid'}}
    for name, table in Base.metadata.tables.items():
        assert rows[name].split(', ') == [c.name for c in table.columns if c.name not in hidden.get(name, {'id'})]


def test_commands_are_targets_of_the_makefile():
    targets = set(re.findall(r'^([\w-]+):', (ROOT / 'Makefile').read_text(encoding='utf-8'), re.MULTILINE))
    assert set(re.findall(r'make (demo|test|accuracy|bench|lint)\b', README)) <= targets


def test_the_example_of_an_overlay_works(tmp_path):
    from photzp.observatory import load_observatory

    overlay = tmp_path / 'site.toml'
    overlay.write_text(re.search(r'```toml\n(.*?)```', README, re.DOTALL)[1], encoding='utf-8')
    added = set(load_observatory(overlay).events) - set(load_observatory().events)
    assert [(event.telescope, event.kind) for event in added] == [('lsc-doma-1m0a', 'wash')]
