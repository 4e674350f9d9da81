"""Answers with one entry of each kind, made by hand."""

import math

import numpy as np

from photzp.answers.alarms import Finding, worst_first
from photzp.answers.extinction import SiteExtinction, Swing
from photzp.answers.gains import FleetGain, Gain
from photzp.answers.gather import Answers
from photzp.answers.nights import Month
from photzp.answers.ranking import Advice, MirrorState
from photzp.answers.steps import UnrecordedStep

ONE, TWO, THREE = 'lsc-doma-1m0a', 'coj-clma-2m0a', 'tfn-aqwa-0m4a'
TELESCOPE = ONE
JUNE = np.datetime64('2025-06-01T16:42:00.000')
NEVER = np.datetime64('NaT', 'ms')
GAIN = Gain(TELESCOPE, 'rp', JUNE, 'cleaning', True, False, 0.05, 0.004, 4.7, 0.4, np.nan, np.nan, 'unknown', 80.0, 0.1)
ANSWERS = Answers(
    findings=(Finding('below-threshold', TELESCOPE, 'rp', '', 'throughput 71.0 +- 0.6 % of reference', 71.0, 0.6, 80.0,
                      '%', 'throughput_below_percent', 0.1125),),
    steps=((TELESCOPE, UnrecordedStep(
        JUNE, JUNE, JUNE + np.timedelta64(2, 'D'), 1.0, ('gp', 'rp'), np.array([-0.1, np.nan]),
        np.array([0.01, np.nan]), -0.1, 0.01, 'unknown', '', 0.0, 0, 80.5, (30.0, 25.5))),),
    gains=(GAIN,), events=(GAIN,),
    fleet=(FleetGain('cleaning', 'rp', 4, 0.05, 0.01, 0.02, 120.0, 3, 0.4, 0.1, 0.2),),
    mirrors=(MirrorState(TELESCOPE, ('gp', 'rp'), 0.3, 0.01, 75.9, 0.7, NEVER, np.nan, np.nan, 0.2, 0.01, 0.001, 80.0,
                         True, JUNE, JUNE, NEVER),),
    advice=(Advice(TELESCOPE, 'cleaning', 1, 0.1, 0.02, 8.0, 2.0),),
    extinction=(SiteExtinction('lsc', 'rp', 0.09, 0.004, 0.08, 3, 1.5, None),
                SiteExtinction('lsc', 'gp', 0.15, 0.004, 0.14, 3, 1.5, Swing(
                    0.02, 0.004, 30.0, 12.0, 0.001, 0.002, 0.015, 0.01, np.array([[1e-5, 0.0], [0.0, 1e-5]]), True))),
    months=(('lsc', (Month(np.datetime64('2025-06'), 20, 8, 2, 20 / 28, 0.08),
                     Month(np.datetime64('2025-07'), 0, 0, 31, np.nan, np.nan))),))


def low(telescope, name, percent):
    """A finding of a telescope whose throughput is this percentage of the reference."""
    return Finding(kind='below-threshold', telescope=telescope, filter=name, camera='',
                   text=f'throughput {percent:.1f} +- 0.3 % of reference', value=percent, error=0.3, limit=80.0,
                   unit='%', setting='throughput_below_percent', excess=(80 - percent) / 80)


FINDINGS = worst_first((
    low(ONE, 'gp', 76.0), low(TWO, 'rp', 60.0), low(ONE, 'rp', 71.26),
    Finding(kind='silent', telescope=THREE, filter='', camera='', text='no zeropoint for 9 days', value=9.0, error=None,
            limit=7.0, unit='days', setting='silent_days', excess=2 / 7),
    Finding(kind='run-overdue', telescope='', filter='', camera='', text='photcalibration.py has never ended well',
            value=math.inf, error=None, limit=26.0, unit='hours', setting='run_overdue_hours', excess=math.inf),
    Finding(kind='fell-in-week', telescope=ONE, filter='ip', camera='', text='63 +- 5 mmag below', value=0.063,
            error=0.005, limit=0.05, unit='mag', setting='fell_in_week_mag', excess=0.26),
    Finding(kind='cameras-disagree', telescope=ONE, filter='rp', camera='fa15', text='moved +41 +- 6 mmag against fa03',
            value=0.041, error=0.006, limit=0.03, unit='mag', setting='cameras_apart_mag', excess=0.37)))
