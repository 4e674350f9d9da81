"""By how much real nights of a telescope differ from its level, without cloud and extinction.

1. Grey: 8 mmag rms in all filters of a telescope, independent from night to night (telescopes: 6 to 10).
2. Of each filter: 5 to 10 mmag, in z 15 to 25.
3. Lasting 5 to 40 days, as an Ornstein-Uhlenbeck process: 4 mmag, half of its variance grey; in z 12 (water vapour).
4. Flat fields: now and then one filter is off by 5 mmag rms for two to nine weeks.

1 and 2 have tails: Student's t with 4.5 degrees of freedom, scaled to the rms above.  The numbers are those of DECam's
clear nights in the DES supernova fields (grey 8 to 11; 1 to 11 of each filter, z 20; lasting 4 to 8, z 25), made a
little smaller, as extinction, fields and seeing come on top here.
"""

from dataclasses import dataclass

import numpy as np

from simulation.fleet import FILTER_FACTOR, YearsSpec
from simulation.weather import remembering

_GREY_MAG = (0.006, 0.010)
_FILTER_MAG, _Z_MAG = (0.005, 0.010), (0.015, 0.025)
_LASTING_MAG, _LASTING_Z_MAG, _LASTING_DAYS = 0.004, 0.012, (5.0, 40.0)
_FREEDOM = 4.5
_FLATS_A_YEAR, _FLAT_DAYS, _FLAT_MAG = 1.5, (14, 60), 0.005


@dataclass(frozen=True, kw_only=True)
class NightNoise:
    """Noise of the nights of a telescope.

    Attributes
    ----------
    of_nights : dict
        Zeropoint - level [mag] by filter, (n_nights,) each.
    rms : dict
        Its expected size [mag] by filter, without flat fields.
    """

    of_nights: dict[str, np.ndarray]
    rms: dict[str, float]


def draw_night_noise(spec: YearsSpec, rng: np.random.Generator) -> NightNoise:
    """Draw the noise of the nights of a telescope.

    Parameters
    ----------
    spec : YearsSpec
        Which years; `night_noise_mag` replaces the grey part where it is not 0.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    NightNoise
        The noise.
    """
    n = spec.n_nights
    grey_rng, *rngs = rng.spawn(1 + len(FILTER_FACTOR))
    drawn = grey_rng.uniform(*_GREY_MAG)
    grey_rms = spec.night_noise_mag or drawn
    common = np.sqrt(0.5) * _LASTING_MAG
    grey = _with_tails(grey_rms, n, grey_rng) + common * _draw_lasting(n, grey_rng)
    of_nights, rms = {}, {}
    for name, own_rng in zip(FILTER_FACTOR, rngs, strict=True):
        of_filter = own_rng.uniform(*(_Z_MAG if name == 'zp' else _FILTER_MAG))
        lasting = _LASTING_Z_MAG if name == 'zp' else _LASTING_MAG
        own_lasting = np.sqrt(lasting**2 - common**2)
        of_nights[name] = (grey + _with_tails(of_filter, n, own_rng) + own_lasting * _draw_lasting(n, own_rng)
                           + _draw_flats(spec, own_rng))
        rms[name] = float(np.sqrt(grey_rms**2 + of_filter**2 + lasting**2))
    return NightNoise(of_nights=of_nights, rms=rms)


def _with_tails(rms: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw independent nights of a given rms (n,), with tails."""
    return rms * np.sqrt((_FREEDOM - 2) / _FREEDOM) * rng.standard_t(_FREEDOM, n)


def _draw_lasting(n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a part of rms 1 that lasts (n,)."""
    return remembering(n, rng.uniform(*_LASTING_DAYS), rng)


def _draw_flats(spec: YearsSpec, rng: np.random.Generator) -> np.ndarray:
    """Draw by how much flat fields are off in each night [mag]."""
    off = np.zeros(spec.n_nights)
    for first in rng.integers(0, spec.n_nights, rng.poisson(_FLATS_A_YEAR * spec.years)):
        off[first:first + int(rng.integers(*_FLAT_DAYS, endpoint=True))] = rng.normal(0, _FLAT_MAG)
    return off
