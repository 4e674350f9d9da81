"""One telescope and filter in the report: all that comes of it."""

import csv
from dataclasses import replace
from types import SimpleNamespace

from photzp.report.series import _model_csv, _steps
from tests.support.madefits import at_day, made_fit, step


def test_the_table_of_a_model_by_hand():
    fit = made_fit([0, 1, 40], [23.5, 23.5, 23.2], level=23.5)
    # 23.5 mag against a reference of 23.6 is 10 ** -0.04 = 91.20 %
    first, *rows = csv.reader(_model_csv(SimpleNamespace(reference_mag=23.6), fit).splitlines())
    assert first == ['night', 'time_utc', 'modelzp_mag', 'modelzperr_mag', 'percent_of_reference', 'zeropoints',
                     'photometric']
    assert rows[0] == ['2020-01-01', '2020-01-01T05:00:00.000', '23.5000', '0.0010', '91.20', '4', '1']
    assert rows[2] == ['2020-02-10', '2020-02-10T05:00:00.000', '23.5000', '0.0010', '91.20', '4', '0']
    assert next(csv.reader(_model_csv(SimpleNamespace(reference_mag=None), fit).splitlines()[1:]))[4] == ''


def test_steps_as_the_database_has_them():
    found = replace(step(60, 'break', -0.05, 0.01, recorded=False), origin='found', early=at_day(58), late=at_day(61))
    assert _steps(made_fit([0, 100], [23.5, 23.5], steps=(found,))) == ({
        'dateobs': at_day(60), 'kind': 'break', 'step': -0.05, 'steperr': 0.01, 'instrumental': False,
        'origin': 'found', 'early': at_day(58), 'late': at_day(61)},)
