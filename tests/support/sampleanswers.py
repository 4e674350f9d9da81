"""Answers with one entry of each kind, made by hand."""

import numpy as np

from photzp.answers.alarms import Finding
from photzp.answers.extinction import SiteExtinction, Swing
from photzp.answers.gains import FleetGain, Gain
from photzp.answers.gather import Answers
from photzp.answers.nights import Month
from photzp.answers.ranking import Advice, MirrorState
from photzp.answers.steps import UnrecordedStep

TELESCOPE = 'lsc-doma-1m0a'
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
