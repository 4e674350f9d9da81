"""The driver of `make torture`: it counts what is lost, and says so by its exit status."""

import pytest

from benchmarks.torture import __main__ as torture
from benchmarks.torture.tally import Tally


@pytest.mark.parametrize(('lost', 'status'), [((), 0), (('case 7: a traceback',), 1)])
def test_the_exit_status_says_whether_anything_was_lost(monkeypatch, capsys, lost, status):
    monkeypatch.setattr(torture, 'registered', lambda: [
        ('frames', lambda place: Tally(3, lost, ('AIRMASS: undetectable',))), ('pages', lambda place: Tally(4))])
    assert torture.main([]) == status
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ['frames', '3', str(3 - status), str(status)] in lines
    assert ['all', '7', str(7 - status), str(status)] in lines
    assert ['note:', 'frames:', 'AIRMASS:', 'undetectable'] in lines


def test_a_class_that_fails_is_lost_and_the_others_are_tried(monkeypatch, capsys):
    def fails(place):
        raise ZeroDivisionError(place)

    monkeypatch.setattr(torture, 'registered', lambda: [('one', fails), ('two', lambda place: Tally(2))])
    assert torture.main([]) == 1
    out = capsys.readouterr().out
    assert 'ZeroDivisionError' in out
    assert ['two', '2', '2', '0'] in [line.split() for line in out.splitlines()]


def test_every_class_has_a_name_of_its_own():
    names = [name for name, _ in torture.registered()]
    assert len(set(names)) == len(names)
