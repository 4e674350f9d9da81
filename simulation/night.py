"""A simulated night, made as planned: the archive, the catalogue, and the truth of every frame.

Each field has one sky, which all its frames see.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from photzp.names import exposure_of
from simulation.fields import FIELDS, REGIMES, SkyField
from simulation.files import cell_of, frame_bytes, write_bytes, write_catalogue
from simulation.frame import SimulatedFrame, observe
from simulation.plan import MIN_USABLE, PlannedFrame
from simulation.sky import Catalogue, Sky, draw_catalogue, draw_sky, separation_deg


def _truth_of(plan: PlannedFrame, frame: SimulatedFrame) -> dict[str, Any]:
    """The record of one frame in truth.json."""
    return {
        'name': plan.name(91), 'path': plan.path(91).as_posix(), 'site': plan.station.site,
        'enclosure': plan.station.enclosure, 'telescope': plan.station.telescope, 'camera': plan.station.camera,
        'filter': plan.spec.filter_name, 'dateobs': plan.dateobs, 'exptime_s': plan.spec.exptime_s,
        'airmass': plan.spec.airmass, 'ra_deg': plan.spec.ra_deg, 'dec_deg': plan.spec.dec_deg,
        'fwhm_arcsec': frame.header['L1FWHM'], 'zp': plan.spec.true_zp_mag, 'colorterm': plan.spec.colorterm,
        'kron_amplitude_mag': round(frame.kron_amplitude_mag, 4), 'n_rows': len(frame.star),
        'n_usable': frame.n_usable, 'measurable': plan.defect is None and frame.n_usable >= MIN_USABLE,
        'defect': plan.defect, 'regime': plan.regime, 'field': plan.field, 'twin': plan.twin,
        'pipeline': plan.spec.pipeline, 'quirks': plan.quirks,
    }


def _field_sky(field: SkyField, plans: Sequence[PlannedFrame],
               rng: np.random.Generator) -> tuple[Sky, Catalogue, set[tuple[int, int]]]:
    """Draw sky and catalogue of a field for all its frames, and the cells of the catalogue without a file."""
    radius = max(plan.spec.model.half_diagonal_deg for plan in plans) + 0.1
    sky = draw_sky(plans[0].spec, rng, radius_deg=max(radius, 1.5 * REGIMES[field.regime].hole_deg))
    catalogue = _dig_hole(draw_catalogue(sky, rng), sky, field)
    cells = cell_of(sky.ra_deg, sky.dec_deg)
    listed, missing = cells[:, 0] >= 0, set()
    if field.regime == 'incomplete':
        others = cells[(cells != cell_of([field.ra_deg], [field.dec_deg])).any(axis=1)]
        names, counts = np.unique(others, axis=0, return_counts=True)
        gap = names[np.argmax(counts)]
        listed, missing = listed & (cells != gap).any(axis=1), {tuple(gap.tolist())}
    return sky, replace(catalogue, valid=catalogue.valid & listed[:, None]), missing


def _dig_hole(catalogue: Catalogue, sky: Sky, field: SkyField) -> Catalogue:
    """The catalogue without its rows in the hole of a field."""
    hole_deg = REGIMES[field.regime].hole_deg
    keep = separation_deg(catalogue.ra_deg, catalogue.dec_deg, field.ra_deg, field.dec_deg) >= hole_deg
    outside = separation_deg(sky.ra_deg, sky.dec_deg, field.ra_deg, field.dec_deg) >= hole_deg
    ra_deg, dec_deg, mag, err = (getattr(catalogue, name)[keep] for name in ('ra_deg', 'dec_deg', 'mag', 'err'))
    return Catalogue(ra_deg, dec_deg, mag, err, valid=catalogue.valid & outside[:, None])


def write_night(out: Path | str, plans: Sequence[PlannedFrame], rng: np.random.Generator, *, build: str = 'full',
                pixels: bool = True, noise: bool = False) -> dict[str, dict[str, Any]]:
    """Write the frames of a plan and their catalogue.

    The seed of a frame follows from its place in the plan, so that no frame depends on how another one was made.

    Parameters
    ----------
    out : Path or str
        Directory; frames go to `archive`, the catalogue to `ps1` in it.
    plans : sequence of PlannedFrame
        The night.
    rng : numpy.random.Generator
        Source of all draws.
    build : str, optional
        Of the catalogue: 'full', 'lean' or 'mixed', see `write_catalogue`.
    pixels, noise : bool, optional
        Of the images, see `frame_bytes`.

    Returns
    -------
    dict
        Record of each frame for truth.json, by exposure.
    """
    out = Path(out)
    frame_rngs = dict(zip((plan.exposure for plan in plans), rng.spawn(len(plans)), strict=True))
    fields = [field for field in FIELDS if any(plan.field == field.name for plan in plans)]
    records, catalogues, missing = {}, [], set()
    for field, field_rng in zip(fields, rng.spawn(len(fields)), strict=True):
        of_field = [plan for plan in plans if plan.field == field.name]
        sky, catalogue, without_file = _field_sky(field, of_field, field_rng)
        catalogues.append(catalogue)
        missing |= without_file
        for plan in of_field:
            frame = observe(sky, catalogue.valid, plan.spec, frame_rngs[plan.exposure])
            for level in (91, 11) if plan.twin else (91,):
                write_bytes(out / plan.path(level), frame_bytes(plan, frame, level, pixels=pixels, noise=noise))
            records[exposure_of(plan.name(91))] = _truth_of(plan, frame)
    write_catalogue(out / 'ps1', catalogues, rng.spawn(1)[0], build=build, missing=missing)
    return dict(sorted(records.items()))
