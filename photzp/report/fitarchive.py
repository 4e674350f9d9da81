"""The throughput fits of all series in one file beside the report, so that answers need not fit what did not change.

Of a `ThroughputFit` is kept what holds for nights: all but its arrays of rows, which are as large as the database.
Beside them is what each telescope says of the air over its site, with which the others there are fitted
(`sharednights`): arrays for its nights, and in the index its coefficients of extinction.
The file is an .npz archive: one array per field, that of all series one after the other, and as JSON (`index`) how long
each is and all that is no array.  Nothing in it is pickled, and the same fits give the same bytes.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from photzp.names import SeriesKey
from photzp.throughput.curve import Curve
from photzp.throughput.model import SkyEvidence, ThroughputFit
from photzp.throughput.nightsky import DEPTH_MAG
from photzp.throughput.summary import GroupOffset, Interval, Step
from photzp.typedtree import plain, typed, without_schema

SCHEMA = 4
NIGHTLY: dict[str, Any] = {  # arrays of a fit, (m,) each
    'night': 'datetime64[D]', 'time': 'datetime64[ms]', 'model_mag': float, 'model_error_mag': float,
    'night_rows': int, 'clear_probability': float, 'photometric': bool, 'night_residual_mag': float,
    'night_residual_error_mag': float, 'night_log_odds': float}
EVIDENCE: dict[str, Any] = {  # arrays of what a telescope says, (m, ...) each
    'night': 'datetime64[D]', 'clouds': float, 'haze_weight': float, 'haze_value': float}
CURVE = ('opened', 'knot', 'level', 'slope', 'variance')  # arrays of its curve
CURVE_VALUES: dict[str, Any] = {'origin': np.datetime64, 'stiffness': float, 'mean_slope': float}  # the rest of it
VALUES = {  # what else there is of it
    'intervals': tuple[Interval, ...], 'steps': tuple[Step, ...], 'offsets': tuple[GroupOffset, ...],
    'scatter_mag': float, 'clear_share': float, 'cloud_mag': float, 'wild_share': float,
    'extinction_offset_mag': float, 'extinction_offset_error_mag': float, 'night_noise_mag': float}
_DOUBLE = np.dtype(float)
_Read = TypeVar('_Read')
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first time that a zip file knows: the clock must not be in it


def without_rows(fit: ThroughputFit) -> ThroughputFit:
    """A fit as the archive keeps it.

    Parameters
    ----------
    fit : ThroughputFit

    Returns
    -------
    ThroughputFit
        Its arrays of rows are empty.
    """
    return replace(fit, row_clear_probability=np.empty(0), row_residual_mag=np.empty(0))


def pack(fits: Mapping[SeriesKey, ThroughputFit], nights: Mapping[str, SkyEvidence]) -> bytes:
    """Write fits, and what telescopes say of their site, to the content of a file.

    Parameters
    ----------
    fits : mapping of SeriesKey to ThroughputFit
    nights : mapping of str to SkyEvidence
        What each telescope says, by telescope.

    Returns
    -------
    bytes
        The same for the same fits and evidence.
    """
    ordered, said = sorted(fits.items()), sorted(nights.items())
    said_of = [[telescope, len(own.night), own.coefficients] for telescope, own in said]
    index = {'schema': SCHEMA, 'nights': said_of, 'series': [
        [list(key), len(fit.night), {name: plain(getattr(fit, name)) for name in VALUES}, _curve_values(fit.curve)]
        for key, fit in ordered]}
    arrays = {'index': np.frombuffer(json.dumps(index, sort_keys=True, separators=(',', ':')).encode(), np.uint8)}
    for name, kind in NIGHTLY.items():
        arrays[name] = _joined([getattr(fit, name) for _, fit in ordered], np.dtype(kind))
    curves = [fit.curve for _, fit in ordered if fit.curve is not None]
    for name in CURVE:
        arrays[f'curve_{name}'] = _joined([getattr(curve, name).ravel() for curve in curves], _DOUBLE)
    for name, kind in EVIDENCE.items():
        arrays[f'telescope_{name}'] = _joined([getattr(own, name).ravel() for _, own in said], np.dtype(kind))
    return _archive(arrays)


def _archive(arrays: Mapping[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array, allow_pickle=False)
            entry = zipfile.ZipInfo(f'{name}.npy', _LONG_AGO)
            archive.writestr(entry, member.getvalue(), zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _joined(arrays: list[np.ndarray], kind: np.dtype) -> np.ndarray:
    return np.concatenate([np.empty(0, kind), *arrays]).astype(kind)


def _curve_values(curve: Curve | None) -> dict[str, Any] | None:
    if curve is None:
        return None
    return {name: plain(getattr(curve, name)) for name in CURVE_VALUES} | {
        'sizes': [getattr(curve, name).size for name in CURVE]}


def unpack(content: bytes) -> dict[SeriesKey, ThroughputFit]:
    """Read fits, as `pack` wrote them.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    dict of SeriesKey to ThroughputFit

    Raises
    ------
    ValueError
        The content is damaged or of another schema.
    """
    return _unpacked(content, lambda index, arrays: dict(_fits(index['series'], arrays)))


def unpack_nights(content: bytes) -> dict[str, SkyEvidence]:
    """Read what telescopes say of the air, as `pack` wrote it.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    dict of str to SkyEvidence
        By telescope.

    Raises
    ------
    ValueError
        The content is damaged or of another schema.
    """
    return _unpacked(content, lambda index, arrays: dict(_nights(index['nights'], arrays)))


def _unpacked(content: bytes, read: Callable[[Any, Mapping[str, np.ndarray]], _Read]) -> _Read:
    """What a function reads from the index and the arrays of an archive, with one exception for all that is damaged."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return read(without_schema(json.loads(arrays['index'].tobytes()), SCHEMA), arrays)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OSError, EOFError, RecursionError,
            NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f'not an archive of fits: {error!s:.200}') from None


def _nights(telescopes: list[Any], arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[str, SkyEvidence]]:
    """Cut the arrays into those of each telescope, in the order of the index."""
    cut = _Cutter(arrays)
    depths = len(DEPTH_MAG)
    for telescope, nights, coefficients in telescopes:
        arrays_of = {name: cut.next(f'telescope_{name}', nights * (depths if name == 'clouds' else 1), np.dtype(kind))
                     for name, kind in EVIDENCE.items()}
        arrays_of['clouds'] = arrays_of['clouds'].reshape(nights, depths)
        yield str(telescope), SkyEvidence(**arrays_of, coefficients=typed(dict[str, tuple[float, float]], coefficients))
    cut.end(f'telescope_{name}' for name in EVIDENCE)


def _fits(series: list[Any], arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[SeriesKey, ThroughputFit]]:
    """Cut the arrays into those of each fit, in the order of the index."""
    cut = _Cutter(arrays)
    for (telescope, name), nights, values, curve in series:
        nightly: dict[str, Any] = {each: cut.next(each, nights, np.dtype(kind)) for each, kind in NIGHTLY.items()}
        others: dict[str, Any] = {each: typed(hint, values[each]) for each, hint in VALUES.items()}
        yield (str(telescope), str(name)), ThroughputFit(
            **nightly, row_clear_probability=np.empty(0), row_residual_mag=np.empty(0), **others,
            curve=_curve(curve, cut))
    cut.end((*NIGHTLY, *(f'curve_{name}' for name in CURVE)))


def _curve(values: dict[str, Any] | None, cut: '_Cutter') -> Curve | None:
    if values is None:
        return None
    parts: dict[str, Any] = {name: cut.next(f'curve_{name}', size, _DOUBLE)
                             for name, size in zip(CURVE, values['sizes'], strict=True)}
    parts['variance'] = parts['variance'].reshape(-1, 3)
    return Curve(**{name: typed(hint, values[name]) for name, hint in CURVE_VALUES.items()}, **parts)


class _Cutter:
    """Takes arrays apart from the front."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays, self._at = arrays, dict.fromkeys(arrays, 0)

    def next(self, name: str, size: int, kind: np.dtype) -> np.ndarray:
        """The next values of an array.  ValueError if there are too few, or they are of another kind."""
        first = self._at[name]
        part = self._arrays[name][first:first + size]
        if len(part) != size or part.dtype != kind:
            raise ValueError(f'{name} has not the {size} values of {kind} that the index says')
        self._at[name] = first + size
        return part

    def end(self, names: Iterable[str]) -> None:
        """Check that nothing is left of arrays.  ValueError if there is: it was not cut where it should be."""
        for name in names:
            if self._at[name] != len(self._arrays[name]):
                raise ValueError(f'{name} has more than the {self._at[name]} values that the index says')
