"""Tables of the observatory check themselves: a broken rule is refused with its key."""

from dataclasses import replace
from datetime import date

import pytest

from photzp.observatory import load_observatory
from photzp.observatorytables import (
    CameraType,
    ColourTerm,
    Filter,
    GainRepair,
    ReferenceRules,
    Site,
    SizeClass,
    ThroughputRules,
    colours_of,
)
from photzp.typedtree import TreeInvalid

BUILT_IN = load_observatory()


@pytest.mark.parametrize(('make', 'message'), [
    (lambda: Filter(0.1, ps1_band='q'), 'ps1_band: must be one of g, r, i, z, y'),
    (lambda: Filter(0.1, wavelength_nm=-5), 'wavelength_nm: must be a positive number of nanometres'),
    (lambda: Filter(0.1, colour='#12345'), 'colour: must be red, green and blue in hexadecimal, as "#0072B2", not '
                                           "'#12345'"),
    (lambda: CameraType('new', 'blue'),
     'colour: must be red, green and blue in hexadecimal, as "#0072B2", not \'blue\''),
    (lambda: SizeClass('huge', float('inf')), 'smallest_m: must be a diameter in metres, 0 or more'),
    (lambda: GainRepair('fl01', (1.0,)), 'ratio: must be two positive gains'),
    (lambda: GainRepair('fl01', (1.0, 2.0), date(2024, 1, 2), date(2024, 1, 2)),
     'until: must be after from, 2024-01-02, not 2024-01-02'),
    (lambda: ColourTerm('ep04', 'gp', 0.1, 0.0), 'error: must be positive'),
    (lambda: ReferenceRules({}, 0.5, (2.0, 1.0)), 'colour_range_mag: must be two colours, the bluer first'),
    (lambda: ThroughputRules(2.5, 0.1), 'healthy_mag: must be more than 0 and less than 2.5 mag'),
    (lambda: replace(BUILT_IN.alarms, silent_days=0), 'silent_days: must be more than 0'),
    (lambda: replace(BUILT_IN.alarms, scatter_grew_factor=1.0), 'scatter_grew_factor: must be more than 1'),
    (lambda: replace(BUILT_IN, filters={'gp': Filter(0.1, reported_as='q')}),
     "filters.gp.reported_as: 'q' is not a filter of this file"),
    (lambda: replace(BUILT_IN, size_classes={'a': SizeClass('a', 1.0), 'b': SizeClass('b', 1.0)}),
     'size_classes.a.smallest_m: another class begins at 1 m too'),
])  # fmt: skip
def test_a_broken_rule_is_refused_with_its_key(make, message):
    with pytest.raises(TreeInvalid) as refused:
        make()
    assert str(refused.value) == message


def test_a_site_is_on_earth():
    with pytest.raises(ValueError, match='latitude must be within 90'):
        Site(-91.0, 0.0)


def test_the_healthy_band_in_percent():
    assert ThroughputRules(0.1, 0.1).healthy_percent == pytest.approx(91.20, abs=0.01)


def test_the_bright_limit_is_a_margin_below_saturation():
    rules = ReferenceRules({'g': 13.5}, 0.5, (0.4, 2.7))
    assert rules.bright_limit_mag('g') == 14.0
    assert rules.bright_limit_mag('y') < -90


def test_colours_of_what_has_one():
    assert colours_of({'fa': CameraType('one', '#0072B2'), 'fb': CameraType('two')}) == {'fa': '#0072B2'}
