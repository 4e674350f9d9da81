"""The rows of a telescope in all its filters, as `fit_telescope` takes them: comparable, and only what it needs."""

from dataclasses import replace

import numpy as np

from photzp.throughput.fields import field_cells
from photzp.throughput.model import FilterRows
from photzp.throughput.rows import Rows


class FitRows:
    """Collects the rows of a telescope, one filter after the other, so that no more than one need be held whole."""

    def __init__(self) -> None:
        self._filters: dict[str, FilterRows] = {}
        self._positions: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, rows: Rows) -> None:
        """Add the rows of a filter.

        Parameters
        ----------
        rows : Rows
            Of the same telescope; may be forgotten afterwards.
        """
        z = rows.zeropoints
        self._filters[rows.filter] = FilterRows(
            time=z.dateobs, zp=np.where(rows.usable, rows.zp_unit, np.nan), zperr=rows.zperr, airmass=z.airmass,
            group=rows.group, fwhm=z.fwhm, other_scale=rows.old_groups)
        self._positions.append((z.ra, z.dec))

    def by_filter(self) -> dict[str, FilterRows]:
        """The rows so far.

        Returns
        -------
        dict of str to FilterRows
            In the order in which they were added.  Rows that are not usable have zp NaN, so that all of a filter have
            their place; codes of fields are the same in all filters.
        """
        if not self._filters:
            return {}
        field = field_cells(*(np.concatenate(values) for values in zip(*self._positions, strict=True)))
        ends = np.cumsum([len(ra) for ra, _ in self._positions])[:-1]
        return {name: replace(rows, field=codes)
                for (name, rows), codes in zip(self._filters.items(), np.split(field, ends), strict=True)}
