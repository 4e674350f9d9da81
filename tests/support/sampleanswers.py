"""Answers with one entry of each kind, made by hand."""

import math

import numpy as np

from photzp.answers.alarms import Finding, worst_first
from photzp.answers.extinction import SiteExtinction, Swing
from photzp.answers.gains import FleetGain, Gain
from photzp.answers.gather import Answers
from photzp.answers.nights import Month
from photzp.answers.ranking import Advice, MirrorState
from photzp.answers.shares import RestoredShare
from photzp.answers.steps import UnrecordedStep

ONE, TWO, THREE = 'lsc-doma-1m0a', 'coj-clma-2m0a', 'tfn-aqwa-0m4a'
TELESCOPE = ONE
JUNE = np.datetime64('2025-06-01T16:42:00.000')
NEVER = np.datetime64('NaT', 'ms')
GAIN = Gain(telescope=TELESCOPE, filter='rp', time=JUNE, kind='cleaning', recorded=True, instrumental=False,
            gain_mag=0.05, gain_error_mag=0.004, gain_percent=4.7, gain_percent_error=0.4, lasted_days=np.nan,
            lasted_error_days=np.nan, outcome='unknown', observed_days=80.0, loss_before_mag=0.1,
            written=JUNE + np.timedelta64(8, 'D'))
ANSWERS = Answers(
    findings=(Finding(kind='below-threshold', telescope=TELESCOPE, filter='rp', camera='',
                      text='throughput 71.0 +- 0.6 % of reference', value=71.0, error=0.6, limit=80.0, unit='%',
                      setting='throughput_below_percent', excess=0.1125),),
    steps=((TELESCOPE, UnrecordedStep(time=JUNE, early=JUNE, late=JUNE + np.timedelta64(2, 'D'), error_days=1.0,
                                      filters=('gp', 'rp'), size_mag=np.array([-0.1, np.nan]),
                                      error_mag=np.array([0.01, np.nan]), joint_mag=-0.1, joint_error_mag=0.01,
                                      colour='unknown', filter='', chi2=0.0, dof=0, llr=80.5, nights=(30.0, 25.5))),),
    gains=(GAIN,), events=(GAIN,),
    fleet=(FleetGain(kind='cleaning', filter='rp', number=4, mean_mag=0.05, mean_error_mag=0.01, scatter_mag=0.02,
                     lasted_days=120.0, lost=3, share=0.4, share_error=0.1, share_scatter=0.2),),
    shares=(RestoredShare(kind='cleaning', number=4, share=0.38, share_error=0.09, share_scatter=0.2),
            RestoredShare(kind='wash', number=0), RestoredShare(kind='recoating', number=0)),
    mirrors=(MirrorState(telescope=TELESCOPE, filters=('gp', 'rp'), loss_mag=0.3, loss_error_mag=0.01, percent=75.9,
                         percent_error=0.7, recoated=NEVER, since_recoating_mag=np.nan,
                         since_recoating_error_mag=np.nan, best_mag=0.2, rate_mag_per_month=0.01,
                         rate_error_mag_per_month=0.001, threshold_percent=80.0, is_below=True, below=JUNE,
                         below_early=JUNE, below_late=NEVER),),
    advice=(Advice(telescope=TELESCOPE, kind='cleaning', rank=1, gain_mag=0.1, gain_error_mag=0.02, light_percent=8.0,
                   light_error_percent=2.0),),
    extinction=(SiteExtinction(site='lsc', filter='rp', k=0.09, k_error=0.004, adopted=0.08, telescopes=3, chi2=1.5,
                               swing=None),
                SiteExtinction(
                    site='lsc', filter='gp', k=0.15, k_error=0.004, adopted=0.14, telescopes=3, chi2=1.5,
                    swing=Swing(amplitude=0.02, amplitude_error=0.004, peak_day=30.0, peak_error_days=12.0, mean=0.001,
                                mean_error=0.002, cosine=0.015, sine=0.01,
                                covariance=np.array([[1e-5, 0.0], [0.0, 1e-5]]), significant=True))),
    months=(('lsc', (Month(month=np.datetime64('2025-06'), photometric=20, cloudy=8, unknown=2, fraction=20 / 28,
                           fraction_error=0.08),
                     Month(month=np.datetime64('2025-07'), photometric=0, cloudy=0, unknown=31, fraction=np.nan,
                           fraction_error=np.nan))),))


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
