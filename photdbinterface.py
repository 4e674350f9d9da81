"""The database of zeropoints: its tables behind one class, values in and out as dataclasses and arrays.

`lcophot` has one row per measured frame and `telescopemodel` the throughput model per telescope and filter; both are
older than this module, and their names and columns are an interface.  `throughputinterval` and `throughputstep` say how
that model is made up.  `photreject` has one row per frame that was looked at and not measured, so that the next run
need not open it again, and `photrun` one row per run of a script.

A database is named by a file, a directory or an SQLAlchemy URL (SQLite and PostgreSQL).  What an older database lacks
is added when it is opened, after a copy was put beside the file, and nothing is taken away.  A database opened
read-only is taken as it is; a column that it lacks reads as missing.

Each method is a function of `photzp/database/`, one module per purpose, which takes the open database first.
"""

from photzp.database import check, copying, measuredframes, models, places, reading, rejectedframes, runlog
from photzp.database.session import Session
from photzp.database.tables import Base, LcoPhot, described_columns
from photzp.measurements import Measurement, RejectedFrame
from photzp.records import Run, StoredModel, Zeropoints

__all__ = [
    'Base',
    'LcoPhot',
    'Measurement',
    'PhotDatabase',
    'RejectedFrame',
    'Run',
    'StoredModel',
    'Zeropoints',
]


class PhotDatabase(Session):
    """The database at one place, opened as `photzp.database.session.Session` describes.

    Use it in a `with` block, or call `close`.  Every method raises DatabaseUnusable where the database cannot be read
    or written.
    """

    exists = staticmethod(places.exists)

    # measured frames
    add = measuredframes.add
    add_many = measuredframes.add_many
    zeropoints = reading.zeropoints
    times = reading.times
    span = reading.span
    digest = reading.digest
    count = reading.count
    telescopes = reading.telescopes
    filters = reading.filters
    columns = staticmethod(described_columns)

    # frames that were looked at and not measured
    reject = rejectedframes.reject
    reject_many = rejectedframes.reject_many
    rejections = rejectedframes.rejections
    rejected_for = rejectedframes.rejected_for
    known = rejectedframes.known

    # throughput models
    store_model = models.store_model
    model = models.model
    intervals_and_steps = models.intervals_and_steps

    # runs of the scripts
    start_run = runlog.start_run
    finish_run = runlog.finish_run
    runs = runlog.runs
    last_run = runlog.last_run
    last_good = runlog.last_good

    # the database as a whole
    backup = copying.backup
    copy_from = copying.copy_from
    integrity = check.integrity
    raw_rows = reading.raw_rows
