"""When each camera was in use at a telescope."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from photzp.answers.cameras import camera_spans, joined_spans


@given(st.lists(st.tuples(st.integers(0, 800), st.sampled_from('ab'), st.integers(0, 3)), max_size=40))
def test_the_times_of_cameras_in_several_filters_are_those_of_all_frames(rows):
    day, camera, filters = (np.array(column) for column in zip(*rows, strict=True)) if rows else np.empty((3, 0))
    time = np.datetime64('2019-01-01') + np.asarray(day, int)
    apart = [span for each in range(4) for span in camera_spans('t', time[filters == each], camera[filters == each])]
    assert joined_spans(apart) == camera_spans('t', time, camera)
