"""What tests of the simulation share."""

import numpy as np

from simulation.fleet import YearsSpec
from simulation.years import simulate


def rng(seed=1):
    return np.random.default_rng(seed)


def series_rows(rows, telescope, *filters):
    """The rows of a telescope in some filters."""
    site, dome, name = telescope.split('-')
    return rows[(rows.site == site) & (rows.dome == dome) & (rows.telescope == name) & np.isin(rows.filter, filters)]


def simulated_fleet(**options):
    """{name: (Telescope, {filter: (Series, rows)})}."""
    spec = YearsSpec(seed=9, telescopes=6, years=3.0, filters=('gp', 'rp'), nights='ideal', **options)
    return {telescope.name: (telescope, by_filter) for telescope, by_filter in simulate(spec)}
