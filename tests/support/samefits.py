"""Whether fits, and what telescopes say of their site, are the same to the last bit."""

from dataclasses import fields

import numpy as np

from photzp.throughput.curve import Curve
from photzp.throughput.model import SkyEvidence, ThroughputFit
from photzp.throughput.summary import GroupOffset, Interval, Step


def same(one, other):
    """Whether two values are the same to the bit, type and all: dataclasses, tuples, dicts, arrays and numbers."""
    if isinstance(one, (ThroughputFit, SkyEvidence, Curve, Interval, Step, GroupOffset)):
        return type(one) is type(other) and all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return all_same(one, other)
    if isinstance(one, (np.ndarray, np.datetime64)):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    return one == other or (one != one and other != other)


def all_same(one, other):
    return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
