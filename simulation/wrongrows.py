"""Rows of real nights whose clock or airmass is wrong: one in a thousand, of five kinds that are equally frequent.

The clock was reset, to the epoch of Unix (1970) or of the modified Julian date (1858), or is years ahead; the airmass
is a number that stands for 'not known', 0 or 999.  The zeropoints of such rows are as right as others.
"""

import numpy as np

from simulation.fleet import YearsSpec
from simulation.rows import Rows

_SHARE = 0.001
_AIRMASSES = (0.0, 999.0)
_EPOCHS = ('1970-01-01', '1858-11-17')
_FUTURE = (np.datetime64('2050-01-01'), 3650)  # from then on [days]; chosen to stay in the future for long
_RUNNING_DAYS = 0.5  # a clock that was reset has run for less than this


def spoil_rows(rows: Rows, spec: YearsSpec, rng: np.random.Generator) -> Rows:
    """Give a few rows wrong clocks or airmasses.

    Parameters
    ----------
    rows : dict of ndarray (n,)
        As of `draw_rows`.
    spec : YearsSpec
        Which years.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    dict of ndarray (n,)
        Rows in the same order, with another day or airmass here and there; these are not clear.
    """
    n = len(rows['day'])
    number = np.where(rng.random(n) < _SHARE, rng.integers(0, len(_AIRMASSES) + len(_EPOCHS) + 1, n), -1)
    start = np.datetime64(spec.start, 'D')
    day, airmass = rows['day'].copy(), rows['airmass'].copy()
    for kind, value in enumerate(_AIRMASSES):
        airmass[number == kind] = value
    running = rng.uniform(0, _RUNNING_DAYS, n)
    for kind, epoch in enumerate(_EPOCHS, len(_AIRMASSES)):
        here = number == kind
        day[here] = (np.datetime64(epoch, 'D') - start).astype(float) + running[here]
    ahead = number == len(_AIRMASSES) + len(_EPOCHS)
    day[ahead] = (_FUTURE[0] - start).astype(float) + rng.uniform(0, _FUTURE[1], n)[ahead]
    return rows | {'day': day, 'airmass': airmass, 'clear': rows['clear'] & (number < 0)}
