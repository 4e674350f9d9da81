"""The dataclasses follow the tables."""

from dataclasses import fields

from photdbinterface import LcoPhot, Measurement, Zeropoints


def test_the_dataclasses_follow_the_tables():
    stored = {column.name for column in LcoPhot.__table__.columns}
    assert {field.name for field in fields(Measurement)} | {'processed', 'frame'} == stored
    assert {field.name for field in fields(Zeropoints)} | {'frame'} == stored
