"""When each camera was in use at a telescope."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from photzp.answers.cameras import camera_spans, joined_spans
from photzp.records import CameraSpan


@given(st.lists(st.tuples(st.integers(0, 800), st.sampled_from('ab'), st.integers(0, 3)), max_size=40))
def test_the_times_of_cameras_in_several_filters_are_those_of_all_frames(rows):
    day, camera, filters = (np.array(column) for column in zip(*rows, strict=True)) if rows else np.empty((3, 0))
    time = np.datetime64('2019-01-01') + np.asarray(day, int)
    apart = [span for number in range(4)
             for span in camera_spans('t', time[filters == number], camera[filters == number])]
    assert joined_spans(apart) == camera_spans('t', time, camera)


def days(*texts):
    return np.array(texts, 'datetime64[ms]')


def test_a_camera_that_was_away_for_more_than_60_days_was_taken_off():
    time = days('2019-01-05T03:00', 'NaT', '2019-03-06T23:00', '2019-05-06T00:00')  # 60 and 61 days apart
    spans = camera_spans('lsc-doma-1m0a', time, np.array(['fl03'] * 4))
    assert spans == (CameraSpan('lsc-doma-1m0a', 'fl03', '2019-01-05', '2019-03-06', 2),
                     CameraSpan('lsc-doma-1m0a', 'fl03', '2019-05-06', '2019-05-06', 1))
    assert camera_spans('lsc-doma-1m0a', days('NaT'), np.array(['fl03'])) == ()


def test_spans_are_joined_by_telescope_and_camera_only():
    one, gap, other, elsewhere = (CameraSpan(*span, 5) for span in (
        ('a', 'fl03', '2019-01-01', '2019-03-01'), ('a', 'fl03', '2019-06-01', '2019-07-01'),
        ('a', 'fa15', '2019-02-01', '2019-04-01'), ('b', 'fl03', '2019-02-01', '2019-04-01')))
    later = CameraSpan('a', 'fl03', '2019-02-20', '2019-02-25', 7)  # within the first: its end stays
    assert joined_spans([elsewhere, gap, later, other, one]) == (
        other, CameraSpan('a', 'fl03', '2019-01-01', '2019-03-01', 12), gap, elsewhere)
