"""What tests of the simulation share."""

import numpy as np


def rng(seed=1):
    return np.random.default_rng(seed)
