"""A share of the kills of `make torture`: the script ends itself by SIGKILL at a chosen moment, so that no luck is
needed; and the observer sees what is broken."""

import io
import sqlite3
from contextlib import closing
from functools import partial

import pytest
from PIL import Image

from benchmarks.torture import kill
from benchmarks.torture.ground import (
    Observer,
    Place,
    Seen,
    broken,
    differences,
    half_written,
    look_at_directory,
    rows_of,
)

# The script, ended with all its group at the so many-th event (of Python's audit table) of a kind.
ENDING = """
import os, signal, sys
script, event, number = sys.argv[1:4]
sys.argv = sys.argv[3:]
sys.path.insert(0, script.rpartition('/')[0])
met = 0
def hook(name, arguments):
    global met
    if name == event:
        met += 1
    if name == event and met == int(number):
        os.killpg(0, signal.SIGKILL)
sys.addaudithook(hook)
module = __import__(script.rpartition('/')[2][:-3])
sys.exit(module.main())
"""


def ending_at(command, event, number):  # -B: bytecode is written and renamed, too
    return [command[0], '-B', '-c', ENDING, command[1], event, str(number), *command[2:]]


@pytest.fixture(scope='module')
def report(tmp_path_factory):
    """A report of one telescope to be killed, as made undisturbed: (benchmarks.torture.kill.Killed, Place)."""
    root = tmp_path_factory.mktemp('killed')
    here = Place(root / 'here')
    killed = kill.Killed(here, here.report('--no-errorhistogram', '--no-createsummaryplots'),
                                 kill.years_of(root, telescopes=1, years=0.05),
                                 partial(look_at_directory, here.out))
    killed.rehearse()
    return killed, here


@pytest.mark.parametrize('number', [1, 7])
def test_a_report_killed_just_before_a_file_appears(report, number):
    killed, here = report
    killed._begin_anew()
    status, _ = here.run(ending_at(killed.command, 'os.rename', number))
    assert status == -9
    left = [path.name for path in here.out.iterdir() if '.partial-' in path.name]
    assert len(left) == 1  # it was killed between writing and renaming
    assert len(look_at_directory(here.out)) == number - 1
    assert half_written(rows_of(here.database), killed.before, killed.after) == ''
    assert here.run(killed.command)[0] == 0
    assert differences(rows_of(here.database), killed.after) == ''
    assert killed._piled() == ''


def test_a_calibration_killed_at_random(tmp_path):
    tally = kill.killed_calibration(tmp_path, kills=1, frames=4, shares=(('old', 1),))
    assert (tally.tried, tally.lost) == (1, ())


def image():
    content = io.BytesIO()
    Image.new('L', (40, 30)).save(content, 'PNG')
    return content.getvalue()


@pytest.mark.parametrize(('name', 'content', 'whole'), [
    ('a.png', image(), True), ('a.png', image()[:-20], False), ('a.png', b'', False), ('a.json', b'{}', True),
    ('a.json', b'{', False), ('a.html', b'<p></html>\n', True), ('a.html', b'<p>', False), ('a.csv', b'1,2\n', True),
    ('a.csv', b'1,2\n3', False)])
def test_what_is_broken_is_seen(name, content, whole):
    assert (broken(name, content) == '') is whole


def test_a_page_that_names_a_missing_image_is_seen():
    page = b'<a href="#x"><img src="there.png"><img src="gone.png"></html>'
    observer = Observer(lambda: {'index.html': Seen(1, lambda: page), 'there.png': Seen(1, image)})
    observer.start()
    assert observer.stop() == ['index.html names gone.png, which is missing']
    assert observer.contents == 2


def test_half_a_model_and_a_row_of_another_kind_are_seen(tmp_path):
    before = {'lcophot': {('a', 1)}, 'telescopemodel': set()}
    after = {'lcophot': {('a', 1), ('b', 2)}, 'telescopemodel': {('t', 'gp', 1), ('t', 'gp', 2)}}
    assert half_written(before, before, after) == half_written(after, before, after) == ''
    assert 'model of' in half_written(after | {'telescopemodel': {('t', 'gp', 1)}}, before, after)
    assert 'lcophot' in half_written(after | {'lcophot': {('b', None)}}, before, after)
    assert differences(before, after).startswith('lcophot: 1 rows missing, 0 others')
    with closing(sqlite3.connect(tmp_path / 'x.db')) as connection, connection:
        connection.execute('CREATE TABLE lcophot (name, zp)')
        connection.executemany('INSERT INTO lcophot VALUES (?, ?)', [('a', 1), ('a', 1)])
    with pytest.raises(RuntimeError, match='twice'):
        rows_of(tmp_path / 'x.db')
