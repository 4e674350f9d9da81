"""Fits of simulated telescopes, alone and with what the other telescopes of their site say of the nights."""

import time
from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.trueyears import TrueYears
from photzp.report.sharednights import evidence_of_others, rounded
from photzp.throughput.model import ThroughputFit, fit_telescope, sky_evidence


@dataclass(frozen=True)
class YearFits:
    """Fits of a telescope by filter, and seconds of processor they took."""

    years: TrueYears
    fits: dict[str, ThroughputFit]
    seconds: float

    def level(self, name, when):
        """True level at times, on the scale of the fit."""
        return self.years.series[name].at(self.years.day(when)) + self.scale(name, when)

    def scale(self, name, when):
        """Offset at some times of the camera whose scale the fit has."""
        intervals = self.fits[name].intervals
        opened = np.array([interval.start for interval in intervals])
        scale = np.array([self.years.offset(name, interval.reference_group) for interval in intervals])
        return scale[np.clip(np.searchsorted(opened, when, side='right') - 1, 0, None)]


def fit_years(years, others=None):
    """Fit one telescope."""
    start = time.process_time()
    fits = fit_telescope(years.filter_rows(), longitude_deg=years.telescope.longitude_deg, events=years.events(),
                         others=others)
    return YearFits(years, {name: fit for name, fit in fits.items() if len(fit.night)}, time.process_time() - start)


def what_it_says(years):
    """What a telescope says of its site alone, and the seconds of processor it took."""
    start = time.process_time()
    said = rounded(sky_evidence(years.filter_rows(), longitude_deg=years.telescope.longitude_deg,
                                events=years.events()))
    return said, time.process_time() - start


def fit_fleet(fleet, *, alone=False, seen=lambda fitted: None):
    """Fit all telescopes: `seen` gets each as soon as it is done; the seconds are those of all its fits."""
    if alone:
        for years in fleet:
            seen(fit_years(years))
        return
    sites = {}
    for years in fleet:
        sites.setdefault(years.telescope.site, []).append(years)
    for site in sites.values():
        said = {years.telescope.name: what_it_says(years) for years in site} if len(site) > 1 else {}
        for years in site:
            others = evidence_of_others(years.telescope.name, {name: nights for name, (nights, _) in said.items()})
            fitted = fit_years(years, others)
            seen(YearFits(years, fitted.fits, fitted.seconds + said.get(years.telescope.name, (None, 0.0))[1]))
