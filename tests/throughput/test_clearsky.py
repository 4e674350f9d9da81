"""The likelihood of nights under clouds, against integrals, derivatives and planted skies."""

import numpy as np

from photzp.throughput.clearsky import NODES_MAG, _elements


def test_elements_of_cloud_are_their_integral():
    # The sum of all elements at their full height is a density of 1 above 0: its folding with a Gaussian is Phi.
    from scipy.stats import norm
    depth, tau = np.linspace(-0.05, 1.0, 23), np.full(23, 0.01)
    element, _, _ = _elements(depth, tau)
    np.testing.assert_allclose(element.sum(axis=0), norm.cdf(depth / 0.01), atol=1e-9)
    grid = np.linspace(0, NODES_MAG[2], 20001)
    hat = np.interp(grid, NODES_MAG[:3], [0, 1, 0])
    folded = [np.trapezoid(hat * norm.pdf(x - grid, scale=0.01), grid) for x in depth]
    np.testing.assert_allclose(element[1], folded, atol=1e-7)


def test_slopes_of_the_elements_are_their_derivatives():
    depth, step = np.linspace(-0.02, 0.8, 40), 1e-6
    tau = np.full(40, 0.01)
    element, slope, curve = _elements(depth, tau)
    above, below = (np.log(_elements(depth + sign * step, tau)[0]) for sign in (1, -1))
    seen = element > 1e-3
    np.testing.assert_allclose(slope[seen], ((above - below) / (2 * step))[seen], rtol=1e-3, atol=1e-3)
    assert (curve >= 0).all()
