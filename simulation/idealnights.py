"""Ideal nights: a night of a site is clear or cloudy, and clear ones differ by the errors of their frames only.

It is described in `years`, point 3.
"""

from dataclasses import dataclass

import numpy as np

from simulation.fleet import TrueSeries, TrueTelescope, YearsSpec
from simulation.rows import Air, draw_midnights

_CLOUD_MAG = 0.3  # mean depth
_CLOUD_SHAPE = 4.0  # of the Gamma distribution of frames in a cloudy night about its depth: spread 50%
_WEATHER_MEMORY, _SEASON = 0.6, 0.35  # correlation from night to night; relative swing of the share of cloudy nights
_SINGLE_NIGHTS = 0.12
_ROWS_PER_NIGHT = 5.65  # in nights with more than one: 550,000 rows for 22 telescopes, 4 years, 4 filters


@dataclass(frozen=True, kw_only=True)
class IdealSky:
    """What the frames of a telescope in one filter are taken through.

    Attributes
    ----------
    telescope : TrueTelescope
        The telescope.
    series : TrueSeries
        Its truth in the filter.
    weather : ndarray (n_nights,)
        Clouds of its site [mag].
    spec : YearsSpec
        Which years.
    """

    telescope: TrueTelescope
    series: TrueSeries
    weather: np.ndarray
    spec: YearsSpec

    def draw_times(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw night and time of each row.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of all draws.

        Returns
        -------
        night, day : ndarray (n,)
            Number of the night, and time from the first noon, in order of time.
        """
        nights = np.flatnonzero(self.telescope.open_nights)
        counts = np.where(rng.random(len(nights)) < _SINGLE_NIGHTS, 1,
                          2 + rng.poisson(_ROWS_PER_NIGHT - 2, len(nights)))
        return draw_midnights(np.repeat(nights, 1 if self.spec.one_per_night else counts), rng)

    def draw_air(self, frames: dict[str, np.ndarray], rng: np.random.Generator) -> Air:
        """Draw what the air does to frames.

        Parameters
        ----------
        frames : dict of ndarray (n,)
            Their night and day.
        rng : numpy.random.Generator
            Source of all draws but the noise of nights.

        Returns
        -------
        Air
            Airmass, extinction and cloud; pointing and seeing are not known.
        """
        night, day = frames['night'], frames['day']
        airmass = np.minimum(1 + rng.exponential(0.28, len(night)), 2.4)
        cloud = self.weather[night] * rng.gamma(_CLOUD_SHAPE, 1 / _CLOUD_SHAPE, len(night))
        k = self.series.extinction * (1 + self.spec.extinction_swing * np.cos(2 * np.pi * day / 365.25))
        unknown = np.full(len(night), np.nan)
        return Air(airmass=airmass, extinction=k * (airmass - 1), dimming=cloud, noise=self._noise_of_nights()[night],
                   ra_deg=unknown, dec_deg=unknown, fwhm_arcsec=unknown)

    def _noise_of_nights(self) -> np.ndarray:
        """Grey scatter of the nights of the telescope [mag], the same in all filters."""
        rng = np.random.default_rng([self.spec.seed, 3, *self.telescope.tag.encode()])
        return rng.normal(0, self.spec.night_noise_mag, self.spec.n_nights)


def draw_weather(spec: YearsSpec, rng: np.random.Generator) -> np.ndarray:
    """Draw the clouds of a site: a Gaussian process with memory, cut at a level that swings with the season.

    Parameters
    ----------
    spec : YearsSpec
        Which years.
    rng : numpy.random.Generator
        Source of all draws.

    Returns
    -------
    ndarray (n_nights,)
        Dimming of each night [mag], 0 in clear ones.
    """
    n = spec.n_nights
    latent = np.empty(n)
    kicks = rng.normal(size=n)
    latent[0] = kicks[0]
    for night in range(1, n):
        latent[night] = _WEATHER_MEMORY * latent[night - 1] + np.sqrt(1 - _WEATHER_MEMORY**2) * kicks[night]
    season = 1 + _SEASON * np.cos(2 * np.pi * (np.arange(n) / 365.25 - rng.random()))
    quantile = np.argsort(np.argsort(latent)) / n
    cloudy = quantile < np.clip((1 - spec.photometric) * season, 0, 1)
    return np.where(cloudy, rng.exponential(_CLOUD_MAG, n), 0.0)
