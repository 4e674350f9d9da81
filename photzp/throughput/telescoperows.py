"""The rows of a telescope in all its filters, as `fit_telescope` takes them: comparable, and only what it needs."""

from dataclasses import dataclass, field

import numpy as np

from photzp.throughput.model import FilterRows
from photzp.throughput.rows import Rows


@dataclass(frozen=True)
class TelescopeRows:
    """Collects the rows of a telescope, one filter after the other, so that no more than one need be held whole.

    Attributes
    ----------
    filters : dict of str to FilterRows
        Rows so far, in order of reading; those that are not usable are NaN, so that all of a filter have their place.
    """

    filters: dict[str, FilterRows] = field(default_factory=dict)

    def add(self, rows: Rows) -> None:
        """Add the rows of a filter.

        Parameters
        ----------
        rows : Rows
            Of the same telescope; may be forgotten afterwards.
        """
        z = rows.zeropoints
        self.filters[rows.filter] = FilterRows(
            time=z.dateobs, zp=np.where(rows.usable, rows.zp_unit, np.nan), zperr=rows.zperr, airmass=z.airmass,
            group=rows.group, fwhm=getattr(z, 'fwhm', None), other_scale=rows.old_groups)
