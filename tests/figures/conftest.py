"""What several tests of figures only read."""

import pytest

from tests.support.figures import draw_trend, made_trend


@pytest.fixture(scope='session')
def decade():
    """Ten years of a telescope: (data, fit, its trend)."""
    data, fit = made_trend()
    return data, fit, draw_trend(data, fit)
