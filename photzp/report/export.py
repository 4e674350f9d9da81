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
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import numpy as np

from photzp.errors import UsageInvalid
from photzp.observatory import Observatory
from photzp.plaintext import csv_cell
from photzp.records import Column, Database, Zeropoints
from photzp.report.settings import ReportSettings
from photzp.throughput.rows import Series, read_rows
from photzp.times import moment
from photzp.wholefile import whole_file

if TYPE_CHECKING:  # imported where it is used
    from astropy.table import Table

Piece = Mapping[str, np.ndarray]  # arrays of one length, by the names of the columns


def check_name(path: Path) -> None:
    """Raise UsageInvalid, and say what to do, where a table cannot be written under this name."""
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise UsageInvalid(f'{path}: is no name of a table; it ends in {", ".join(FORMATS)}')
    if form.needs and find_spec(form.needs) is None:
        raise UsageInvalid(f'{path}: {form.needs} is not installed; install it by requirements-parquet.txt of the '
                           "checkout or by pip install 'photzp[parquet]', or export to .csv or .ecsv")


def write_table(path: Path, columns: Sequence[Column], pieces: Iterable[Piece]) -> int:
    """Write the pieces one below the other in the format of the path's extension; returns the number of rows.

    Raises UsageInvalid as check_name does, OSError where it cannot be written.
    """
    check_name(path)
    with whole_file(path) as file:
        return _write(FORMATS[path.suffix.lower()], file, columns, pieces)


def write_csv(file: BinaryIO, columns: Sequence[Column], pieces: Iterable[Piece]) -> int:
    """Write the pieces as CSV to an open file, as a pipe; returns the number of rows."""
    return _write(CsvTable, file, columns, pieces)


def _write(form: 'type[TableFormat]', file: BinaryIO, columns: Sequence[Column], pieces: Iterable[Piece]) -> int:
    rows, table = 0, form(file, columns)
    try:
        for piece in pieces:
            table.add(piece)
            rows += len(piece[columns[0].name])
    finally:  # a writer that is not ended would write when the file is closed
        table.end()
    return rows


class TableFormat(ABC):
    """A table that grows in a file, open for writing bytes."""

    needs: ClassVar[str] = ''  # a module that is installed by wish

    @abstractmethod
    def __init__(self, file: BinaryIO, columns: Sequence[Column]) -> None: ...

    @abstractmethod
    def add(self, piece: Piece) -> None:
        """Write the rows of a piece."""

    @abstractmethod
    def end(self) -> None:
        """Write what is due after the last row; the file is not closed."""


class CsvTable(TableFormat):
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
        self._writer.writerows(zip(*(_cells(each) for each in values), strict=True))

    def end(self) -> None:
        """Nothing is due after the last row."""
        self._text.detach()


def _cells(values: np.ndarray) -> list:
    """A column as cells of CSV."""
    if values.dtype.kind == 'M':
        return np.datetime_as_string(values).tolist()
    return [csv_cell(value) if isinstance(value, str) else value for value in values.tolist()]


class EcsvTable(CsvTable):
    """CSV behind the header that astropy writes for such a table."""

    def _header(self) -> str:
        text = io.StringIO(newline='')
        _empty_table(self._columns, str).write(text, format='ascii.ecsv', delimiter=',')
        return ''.join(line for line in text.getvalue().splitlines(keepends=True) if line.startswith('#'))


class ParquetTable(TableFormat):
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


FORMATS: dict[str, type[TableFormat]] = {'.csv': CsvTable, '.ecsv': EcsvTable, '.parquet': ParquetTable}


def _empty_table(columns: Sequence[Column], times: Any) -> 'Table':
    """The columns as astropy's Table without rows."""
    from astropy.table import Column as TableColumn
    from astropy.table import Table

    return Table([TableColumn(np.empty(0, times if each.kind is np.datetime64 else each.kind), each.name,
                              unit=each.unit or None, description=each.description) for each in columns])


# -- zeropoints --------------------------------------------------------------------------------------------------------

MADE_HERE = (  # of a zeropoint by the report, beside the columns of the database
    Column('zp_repaired', 'mag', 'zp with the gain repairs of observatory.toml'),
    Column('zp_cameracolor', 'mag', 'zp_repaired with the colour term of the camera'),
    Column('zperr_cameracolor', 'mag', 'error of zp_cameracolor'))


def exported_columns(database: Database) -> tuple[Column, ...]:
    """Columns of exported zeropoints: those of the database as measured, and MADE_HERE."""
    return (*database.columns(), *MADE_HERE)


def exported_zeropoints(database: Database, every: Iterable[Series], options: ReportSettings,
                        observatory: Observatory) -> Iterator[dict[str, np.ndarray]]:
    """Zeropoints of some series, within the dates that the options select: a dict of columns for each."""
    start, end = (moment(date) for date in (options.start, options.end))
    for series in every:
        rows = read_rows(database, series, observatory, start, end, cameracolorterm=options.cameracolorterm)
        if rows is not None:
            made = (rows.zp_repaired, rows.zp_cameracolour, rows.zperr)
            yield {**{field.name: getattr(rows.zeropoints, field.name) for field in fields(Zeropoints)},
                   **{column.name: np.round(each, 6) for column, each in zip(MADE_HERE, made, strict=True)}}
