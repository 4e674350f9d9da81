"""Rows become arrays and arrays rows: what is no number is missing, what is no time is NaT."""

from dataclasses import fields

import photdbinterface
from photdbinterface import Measurement


def test_the_dataclasses_follow_the_tables():
    stored = {column.name for column in photdbinterface.LcoPhot.__table__.columns}
    assert {field.name for field in fields(Measurement)} | {'processed', 'frame'} == stored
    assert {field.name for field in fields(photdbinterface.Zeropoints)} | {'frame'} == stored
