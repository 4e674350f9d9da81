"""Numbers out: a table of any length to a file that other programs read, piece by piece.

    .csv      a line of names, then values: read by everything
    .ecsv     the same behind a header of types, units and descriptions (Astropy Proposal for Enhancement 6)
    .parquet  compressed columns; units and descriptions in the metadata of the file, as astropy keeps them

Missing numbers are nan in text and null in Parquet.  What was there under the name stays until the new file is whole.
"""

import csv
import io
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import numpy as np

from photzp.errors import UsageInvalid
from photzp.measurements import UNUSABLE
from photzp.observatory import Observatory
from photzp.plaintext import csv_cell
from photzp.records import Column, Database, Zeropoints
from photzp.throughput.rows import Series, read_rows, why_unusable_rows
from photzp.times import Period
from photzp.wholefile import whole_file

if TYPE_CHECKING:  # imported where it is used
    from astropy.table import Table

Piece = Mapping[str, np.ndarray]  # arrays of one length, by the names of the columns


def check_name(path: Path) -> None:
    """Check that a table can be written to a file of this name.

    Parameters
    ----------
    path : pathlib.Path
        Its extension is the format.

    Raises
    ------
    UsageInvalid
        The format is not known, or needs a package that is not installed.
    """
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise UsageInvalid(f'{path}: is no name of a table; it ends in {", ".join(FORMATS)}')
    if form.needs and find_spec(form.needs) is None:
        raise UsageInvalid(f'{path}: {form.needs} is not installed; install it by requirements-parquet.txt of the '
                           "checkout or by pip install 'photzp[parquet]', or export to .csv or .ecsv")


def write_table(path: Path, columns: Sequence[Column], pieces: Iterable[Piece]) -> int:
    """Write pieces of a table one below the other, in the format of the path's extension.

    Parameters
    ----------
    path : pathlib.Path
        An older file of that name stays until the new one is complete.
    columns : sequence of Column
    pieces : iterable of mapping of str to ndarray
        Arrays of one length, by name of the column.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    UsageInvalid
        As `check_name` does.
    OSError
        The file cannot be written.
    """
    check_name(path)
    with whole_file(path) as file:
        return _write(FORMATS[path.suffix.lower()], file, columns, pieces)


def write_csv(file: BinaryIO, columns: Sequence[Column], pieces: Iterable[Piece]) -> int:
    """Write pieces of a table as CSV to an open file.

    Parameters
    ----------
    file : binary file
        May be a pipe; it is not closed.
    columns, pieces
        As for `write_table`.

    Returns
    -------
    int
        Number of rows.
    """
    return _write(_CsvTable, file, columns, pieces)


def _write(form: 'type[_TableFormat]', file: BinaryIO, columns: Sequence[Column], pieces: Iterable[Piece]) -> int:
    rows, table = 0, form(file, columns)
    try:
        for piece in pieces:
            table.add(piece)
            rows += len(piece[columns[0].name])
    finally:  # a writer that is not ended would write when the file is closed
        table.end()
    return rows


class _TableFormat(ABC):
    """A table that grows in a file, open for writing bytes."""

    needs: ClassVar[str] = ''  # an optional module

    @abstractmethod
    def __init__(self, file: BinaryIO, columns: Sequence[Column]) -> None: ...

    @abstractmethod
    def add(self, piece: Piece) -> None:
        """Write the rows of a piece."""

    @abstractmethod
    def end(self) -> None:
        """Write what is due after the last row; the file is not closed."""


class _CsvTable(_TableFormat):
    """Names in the first line, then a line per row."""

    def __init__(self, file: BinaryIO, columns: Sequence[Column]) -> None:
        self._text = io.TextIOWrapper(file, 'utf-8', newline='', write_through=True)
        self._columns = columns
        self._writer = csv.writer(self._text, lineterminator='\n')
        self._text.write(self._header())
        self._writer.writerow(column.name for column in columns)

    def _header(self) -> str:
        return ''

    def add(self, piece: Piece) -> None:
        """Write the rows of a piece."""
        values = (piece[column.name] for column in self._columns)
        self._writer.writerows(zip(*(_cells(column) for column in values), strict=True))

    def end(self) -> None:
        """Nothing is due after the last row."""
        self._text.detach()


def _cells(values: np.ndarray) -> list:
    """A column as cells of CSV."""
    if values.dtype.kind == 'M':
        return np.datetime_as_string(values).tolist()
    return [csv_cell(value) if isinstance(value, str) else value for value in values.tolist()]


class _EcsvTable(_CsvTable):
    """CSV behind the header that astropy writes for such a table."""

    def _header(self) -> str:
        text = io.StringIO(newline='')
        _empty_table(self._columns, str).write(text, format='ascii.ecsv', delimiter=',')
        return ''.join(line for line in text.getvalue().splitlines(keepends=True) if line.startswith('#'))


class _ParquetTable(_TableFormat):
    """One row group per piece."""

    needs = 'pyarrow'

    def __init__(self, file: BinaryIO, columns: Sequence[Column]) -> None:
        import pyarrow as pa
        from astropy.table.meta import get_yaml_from_table
        from pyarrow.parquet import ParquetWriter

        arrow = {str: pa.string(), float: pa.float64(), bool: pa.bool_(), np.datetime64: pa.timestamp('ms')}
        self._schema = pa.schema([(each.name, arrow[each.kind]) for each in columns])
        self._metadata = {'table_meta_yaml': '\n'.join(get_yaml_from_table(_empty_table(columns, 'datetime64[ms]')))}
        self._longest = {each.name: 1 for each in columns if each.kind is str}
        # With Arrow's own copy of the schema in the file, readers would not look at what is added at its end.
        self._writer = ParquetWriter(file, self._schema, store_schema=False)

    def add(self, piece: Piece) -> None:
        """Write the rows of a piece."""
        import pyarrow as pa

        arrays = [pa.array(piece[field.name], field.type, from_pandas=True) for field in self._schema]
        for name in self._longest:
            self._longest[name] = max([self._longest[name], *map(len, set(piece[name].tolist()))])
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

    def end(self) -> None:
        """Write the index of the file, and how long texts are, which astropy wants to know."""
        lengths = {f'table::len::{name}': str(longest) for name, longest in self._longest.items()}
        self._writer.add_key_value_metadata(self._metadata | lengths)
        self._writer.close()


FORMATS: dict[str, type[_TableFormat]] = {'.csv': _CsvTable, '.ecsv': _EcsvTable, '.parquet': _ParquetTable}


def _empty_table(columns: Sequence[Column], times: Any) -> 'Table':
    """The columns as astropy's Table without rows."""
    from astropy.table import Column as TableColumn
    from astropy.table import Table

    return Table([TableColumn(np.empty(0, times if each.kind is np.datetime64 else each.kind), each.name,
                              unit=each.unit or None, description=each.description) for each in columns])


# -- zeropoints --------------------------------------------------------------------------------------------------------

DERIVED = (  # columns that the report adds to those of the database
    Column('zp_repaired', 'mag', 'zp with the gain repairs of observatory.toml'),
    Column('zp_cameracolor', 'mag', 'zp_repaired with the colour term of the camera'),
    Column('zperr_cameracolor', 'mag', 'error of zp_cameracolor'))
_LARGEST_MAG = 1e9
JUDGED = (  # columns by the rule of `photzp.measurements`
    Column('usable', '', 'whether the report fits its model to the row', bool),
    Column('reason', '', 'why it does not, in the words of the log', str))


def exported_columns(database: Database) -> tuple[Column, ...]:
    """Columns of exported zeropoints: those of the database as measured, DERIVED and JUDGED.

    Parameters
    ----------
    database : Database

    Returns
    -------
    tuple of Column
    """
    return (*database.columns(), *DERIVED, *JUDGED)


def exported_zeropoints(database: Database, selected: Iterable[Series], period: Period, observatory: Observatory, *,
                        cameracolorterm: bool, now: np.datetime64) -> Iterator[dict[str, np.ndarray]]:
    """Zeropoints of some series within a period.

    Parameters
    ----------
    database : Database
    selected : iterable of Series
    period : Period
        Rows dated later than its `now` would be left out.
    observatory : Observatory
    cameracolorterm : bool
        Give each zeropoint the colour term of its camera.
    now : numpy.datetime64
        The present, by which rows are judged, datetime64[ms].

    Yields
    ------
    dict of str to ndarray
        Columns of a series that has rows.
    """
    for series in selected:
        rows = read_rows(database, series, observatory, period, cameracolorterm=cameracolorterm)
        if rows is not None:
            derived = (rows.zp_repaired, rows.zp_cameracolour, rows.zperr)
            yield {**vars(rows.stored), **_judged(rows.stored, series, observatory, now),
                   **{column.name: _rounded(values) for column, values in zip(DERIVED, derived, strict=True)}}


def _rounded(values: np.ndarray) -> np.ndarray:
    """Magnitudes (n,) to 6 digits; a damaged value, too large to be rounded, stays."""
    return np.where(np.abs(values) < _LARGEST_MAG, np.round(np.clip(values, -_LARGEST_MAG, _LARGEST_MAG), 6), values)


def _judged(stored: Zeropoints, series: Series, observatory: Observatory, now: np.datetime64) -> dict[str, np.ndarray]:
    """The columns JUDGED of rows as they are stored."""
    why = why_unusable_rows(stored, series, observatory, now)
    return {'usable': why == 0, 'reason': np.array(['', *(reason.words for reason in UNUSABLE)])[why]}
