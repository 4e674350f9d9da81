"""Injection and recovery: zeropoints of simulated frames against the planted truth, one row per regime.

Each frame has a sky, catalogue, telescope and sky background of its own, is written as a file, and is measured through
the product's own reading, cone and calibration.  The earlier approach (`earlier.py`) is tried on the same frames: zp is
the 3-sigma clipped median over all pairs within 5", the colour term a second fit to the remaining ones.

A usable star, for 'meas.' and for the regimes named after their number: by the truth single, constant, unflagged, below
0.85 of the full well, half a magnitude below the saturation of the catalogue, listed there in the band, g and i, of
0.4 < g-i < 2.7, and of S/N > 20.
"""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from benchmarks.accuracy.earlier import single_zeropoints
from benchmarks.accuracy.throughput import rms
from photzp.calibration.calibrate import CONE_MARGIN_DEG, calibrate_in
from photzp.errors import FrameRejected
from photzp.frames.banzai import read_frame
from photzp.observatory import load_observatory
from photzp.robust import robust_spread
from ps1catalog import PS1Catalog
from simulation.fields import STATIONS
from simulation.files import frame_bytes, write_bytes, write_catalogue
from simulation.frame import observe, simulate_frame
from simulation.plan import PlannedFrame
from simulation.spec import CAMERAS, FieldSpec

USABLE_SNR = 20.0
EXPOSURES_S = (60.0, 120.0, 300.0)
ONE_METRE = ('fl', 'fa')


@dataclass(frozen=True, kw_only=True)
class Regime:
    """A kind of frame.

    fixed : values of FieldSpec.  cameras, filters, exposures [s], density (range of stars per square degree to r = 20)
    and seeing (range [arcsec]) : drawn from.  usable : (least, most) usable stars.  build : of the catalogue.
    limits : the header has SATURATE and MAXLIN.
    """

    name: str
    fixed: dict = field(default_factory=dict)
    cameras: tuple = ('fl', 'fa', 'fs', 'ep', 'kb')
    filters: tuple = ('gp', 'rp', 'ip', 'zs')
    density: tuple = (2000.0, 4000.0)
    usable: tuple = (0, 10**9)
    build: str = 'full'
    limits: bool = True
    seeing: tuple | None = None
    exposures: tuple = EXPOSURES_S


def _regimes():
    wide_and_narrow = (*ONE_METRE, 'fs', 'ep', 'kb', 'sq')
    yield Regime(name='ordinary')
    yield Regime(name='0.4m SBIG', cameras=('kb',))
    yield Regime(name='1m Sinistro', cameras=ONE_METRE)
    yield Regime(name='2m', cameras=('fs', 'ep'))
    yield Regime(name='0.4m QHY600', cameras=('sq',))
    yield Regime(name='exposure 10 s', exposures=(10.0,), density=(3000.0, 6000.0))
    yield Regime(name='exposure 600 s', exposures=(600.0,))
    yield Regime(name='plane 120k', fixed={'counts_slope': 0.30, 'crop': (1500, 1500)}, cameras=ONE_METRE,
                 density=(12e4, 12e4))
    yield Regime(name='plane 400k', fixed={'counts_slope': 0.30, 'crop': (1000, 1000)}, cameras=ONE_METRE,
                 density=(4e5, 4e5))
    for least, most in ((10, 14), (20, 25), (40, 50)):
        yield Regime(name=f'{least} usable stars', cameras=('fs', 'ep', 'kb'), density=(300.0, 3000.0),
                     usable=(least, most))
    yield Regime(name='30% too bright', fixed={'biased_fraction': 0.3})
    yield Regime(name='distortion 5"', fixed={'distortion_arcsec': 5.0})
    yield Regime(name='off by 30"', fixed={'wcs_offset_arcsec': 30.0}, cameras=wide_and_narrow)
    yield Regime(name="off by 3'", fixed={'wcs_offset_arcsec': 180.0}, cameras=wide_and_narrow)
    yield Regime(name='turned 0.3 deg', fixed={'wcs_rotation_deg': 0.3}, cameras=wide_and_narrow)
    yield Regime(name="3' and 0.3 deg", fixed={'wcs_offset_arcsec': 180.0, 'wcs_rotation_deg': 0.3},
                 cameras=wide_and_narrow)
    yield Regime(name="plane, 3', 0.3 deg", fixed={
        'wcs_offset_arcsec': 180.0, 'wcs_rotation_deg': 0.3, 'counts_slope': 0.30, 'crop': (1500, 1500)},
                 cameras=ONE_METRE, density=(12e4, 12e4))
    yield Regime(name='seeing 1 to 6"', seeing=(1.0, 6.0))
    yield Regime(name='unflagged', fixed={'pipeline': '1.9.0'})
    yield Regime(name='same, no limits', fixed={'pipeline': '1.9.0'}, limits=False)
    yield Regime(name='g-i 0.8 to 1.2', fixed={'colours': (0.8, 1.2)})
    yield Regime(name='g-i 1.45 to 1.55', fixed={'colours': (1.45, 1.55)})
    yield Regime(name='no errors listed', build='lean')
    yield Regime(name='20% not listed', fixed={'catalogue_missing': 0.2})
    yield Regime(name='thin cloud', fixed={'cloud_mag': 0.04})
    yield Regime(name='RA 0', fixed={'ra_deg': 0.02})
    yield Regime(name='Dec +89', fixed={'dec_deg': 89.0, 'ra_deg': 211.0})
    for shape in ('none', 'inverse', 'mag'):
        yield Regime(name=f'Kron loss: {shape}', fixed={'kron_shape': shape})


REGIMES = {regime.name: regime for regime in _regimes()}
FEW = {name for name, regime in REGIMES.items() if regime.usable[1] < 20}


# --- one frame

def draw_spec(regime, rng):
    """The FieldSpec of one frame of a regime."""
    camera = str(rng.choice(regime.cameras))
    model = CAMERAS[camera]
    filters = [name for name in regime.filters if name in model.filters]
    low, high = np.log(regime.density)
    spec = FieldSpec(
        camera=camera, filter_name=str(rng.choice(filters)), exptime_s=float(rng.choice(regime.exposures)),
        stars_per_sqdeg=float(np.exp(rng.uniform(low, high))), airmass=rng.uniform(1.0, 1.8),
        colorterm=float(np.clip(rng.normal(0, 0.035), -0.08, 0.08)), sky_brightening_mag=rng.uniform(0, 1.5),
        distortion_arcsec=model.distortion_arcsec * rng.uniform(0.6, 1.0), parity=int(rng.choice([-1, 1])),
        rotation_deg=rng.uniform(-1, 1) + float(rng.choice([0, 90, 180, 270])), usable_snr=USABLE_SNR,
        seeing_arcsec=float(rng.uniform(*regime.seeing)) if regime.seeing else None)
    spec = replace(spec, zp_mag=spec.true_zp_mag - rng.uniform(0.0, 0.38))
    return replace(spec, **regime.fixed)


def draw_frame(regime, rng):
    """(SimulatedFrame, Catalogue) of a regime; where it asks for a number of usable stars, the first that has it."""
    while True:
        frame, catalogue, _ = simulate_frame(draw_spec(regime, rng), rng)
        if regime.usable[0] <= frame.n_usable <= regime.usable[1]:
            return frame, catalogue


def write_field(out, frame, regime, number=0):
    """Write the file of a frame; returns its path."""
    station = next(s for s in STATIONS if s.camera[:2] == frame.spec.camera)
    quirks = {} if regime.limits else {'SATURATE': None, 'MAXLIN': None}
    exposure = f'{station.site}{station.tag}-{station.camera}-20200213-{number:04d}'
    plan = PlannedFrame(station=station, spec=frame.spec, field='field', regime=regime.name, defect=None, occurrence=0,
                        exposure=exposure, dayobs='20200213', dateobs='2020-02-14T00:00:00.000', quirks=quirks,
                        upper=False, twin=False)
    path = out / plan.name(91)
    write_bytes(path, frame_bytes(plan, frame, 91, pixels=False))
    return path


def measure_path(path, catalog, observatory):
    """(fit, None) of a file, or (None, reason) where it was rejected."""
    frame = read_frame(path, observatory)
    try:
        return calibrate_in(catalog, frame, observatory).fit, None
    except FrameRejected as rejection:
        return None, rejection.reason.name


def one_frame(name, seed, number):
    """A dict: errors of one frame against its truth, by the product and by the earlier approach."""
    regime, observatory = REGIMES[name], load_observatory()
    rng = np.random.default_rng([seed, number, *name.encode()])
    simulated, catalogue = draw_frame(regime, rng)
    with tempfile.TemporaryDirectory() as out:
        write_catalogue(Path(out) / 'ps1', [catalogue], rng, build=regime.build)
        path = write_field(Path(out), simulated, regime)
        catalog = PS1Catalog(Path(out) / 'ps1')
        fit, reason = measure_path(path, catalog, observatory)
        old_zp, old_colorterm = earlier_fit(read_frame(path, observatory), catalog)
    truth = simulated.spec
    row = {'regime': name, 'usable': simulated.n_usable, 'reason': reason, 'camera': truth.camera,
           'filter': truth.filter_name, 'exptime': truth.exptime_s,
           'old': old_zp - truth.true_zp_mag, 'old ct': old_colorterm - truth.colorterm}
    if fit:
        row |= {'zp': fit.zp_mag - truth.true_zp_mag, 'zperr': fit.zperr_mag, 'ct': fit.colorterm - truth.colorterm,
                'cterr': fit.colortermerr, 'nstars': fit.nstars}
    return row


def one_pair(shape, seed, number):
    """Change of zp [mag] where the same field is exposed ten times as long, and its error; None if not measured."""
    regime, observatory = REGIMES['ordinary'], load_observatory()
    rng = np.random.default_rng([seed, number, *shape.encode()])
    spec = replace(draw_spec(regime, rng), kron_shape=shape, exptime_s=30.0, kron_amplitude_mag=rng.uniform(0.2, 0.5))
    frame, catalogue, sky = simulate_frame(spec, rng)
    with tempfile.TemporaryDirectory() as out:
        write_catalogue(Path(out) / 'ps1', [catalogue], rng)
        catalog = PS1Catalog(Path(out) / 'ps1')
        longer = observe(sky, catalogue.valid, replace(spec, exptime_s=300.0), rng)
        fits = [measure_path(write_field(Path(out), one, regime, n), catalog, observatory)[0]
                for n, one in enumerate((frame, longer))]
    if frame.n_usable < 20 or None in fits:
        return None
    return fits[1].zp_mag - fits[0].zp_mag, float(np.hypot(fits[0].zperr_mag, fits[1].zperr_mag))


def earlier_fit(frame, catalog):
    """(zp at g-i = 1, colour term) by the earlier approach, nan where it has no pairs."""
    references = catalog.cone(frame.ra_deg, frame.dec_deg, frame.radius_deg + CONE_MARGIN_DEG)
    single, colour = single_zeropoints(frame, references)
    kept = np.ones(len(single), bool)
    for _ in range(10):
        if np.count_nonzero(kept) < 3:
            return np.nan, np.nan
        kept = np.abs(single - np.median(single[kept])) <= 3 * single[kept].std()
    zp = np.median(single[kept])
    slope, at_zero = np.polyfit(colour[kept], single[kept] - zp, 1)
    return zp + at_zero + slope, slope


# --- the table

COLUMNS = ('n', 'meas.', 'median', 'mean', 'rms', 'width', 'beyond', 'ct med', 'ct rms', 'ct wid', 'old med', 'old rms',
           'old ct', 'rejected as')


def print_row(name, rows, *, least):
    """One row of the table; 'meas.' counts frames with `least` usable stars or more."""
    measured = [row for row in rows if row['reason'] is None]
    enough = [row for row in rows if row['usable'] >= least]
    share = 100 * np.mean([row['reason'] is None for row in enough]) if enough else np.nan
    good = [row for row in measured if row['usable'] >= least]
    zp, zperr, ct, cterr = (np.array([row[key] for row in good]) for key in ('zp', 'zperr', 'ct', 'cterr'))
    old, old_ct = (np.array([row[key] for row in rows]) for key in ('old', 'old ct'))
    beyond = sum(abs(row['zp']) > 5 * row['zperr'] + 0.010 for row in measured)
    figures = (1000 * np.median(zp), 1000 * zp.mean(), 1000 * rms(zp), robust_spread(zp / zperr), beyond,
               1000 * np.median(ct), 1000 * rms(ct), robust_spread(ct / cterr), 1000 * np.nanmedian(old),
               1000 * rms(old[np.isfinite(old)]), 1000 * rms(old_ct[np.isfinite(old_ct)]))
    formats = ('.1f', '.1f', '.1f', '.2f', 'd', '.1f', '.1f', '.2f', '.0f', '.0f', '.0f')
    reasons = sorted({row['reason'] for row in rows if row['reason']})
    print(f'{name:20}{len(rows):8d}{share:7.0f}%'
          + ''.join(f'{value:8{how}}' for value, how in zip(figures, formats, strict=True))
          + '  ' + ', '.join(f'{sum(row["reason"] == r for row in rows)} {r}' for r in reasons), flush=True)


def main(argv=None):
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seeds', type=int, nargs='+', default=[21])
    parser.add_argument('--frames', type=int, default=60, help='per regime and seed (default: 60)')
    parser.add_argument('--regimes', nargs='+', choices=list(REGIMES), metavar='NAME', default=list(REGIMES),
                        help='default: all, ' + ', '.join(REGIMES))
    parser.add_argument('--processes', type=int, default=2)
    parser.add_argument('--no-pairs', action='store_true', help='leave out the pairs of exposures')
    parser.add_argument('--save', type=Path, help='write every frame to this file, as JSON')
    options = parser.parse_args(argv)
    started = time.monotonic()
    print(__doc__.split('\n', 1)[1].strip(), '\n\nAll in mmag but widths (robust, in units of the error) and counts.  '
          'beyond: off by more than 5 zperr + 10 mmag.\n')
    print(f'{"regime":20}' + ''.join(f'{column:>8}' for column in COLUMNS[:-1]) + '  ' + COLUMNS[-1])
    everything = []
    with ProcessPoolExecutor(options.processes) as pool:
        numbers = [(seed, number) for seed in options.seeds for number in range(options.frames)]
        jobs = {name: pool.map(one_frame, [name] * len(numbers), *zip(*numbers, strict=True), chunksize=4)
                for name in options.regimes}
        pairs = {} if options.no_pairs else {
            shape: pool.map(one_pair, [shape] * len(numbers), *zip(*numbers, strict=True), chunksize=4)
            for shape in ('snr', 'mag')}
        for name, rows in jobs.items():
            rows = list(rows)
            everything += rows
            print_row(name, rows, least=10 if name in FEW else 20)
        print_row('all', everything, least=20)
        for shape, found in pairs.items():
            change = np.array([pair for pair in found if pair is not None])
            print(f'ten times the exposure, Kron loss {shape}: {len(change)} pairs, zp moves by '
                  f'{1000 * np.median(change[:, 0]):+.1f} mmag in the median, {1000 * rms(change[:, 0]):.1f} rms, '
                  f'width {robust_spread(change[:, 0] / change[:, 1]):.2f}', flush=True)
    if options.save:
        import json
        options.save.write_text(json.dumps(everything, default=float), encoding='utf-8')
    print(f'{time.monotonic() - started:.0f} s')
    return 0


if __name__ == '__main__':
    sys.exit(main())
