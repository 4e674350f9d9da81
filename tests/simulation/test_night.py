"""A night on disk: one sky for the frames of a field, twins with the same photons, files that are missing."""

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from simulation.night import write_night
from simulation.plan import NightSpec, plan_night
from tests.support.simulated import rng


def test_twins_have_the_same_photons(small_night):
    out, truth = small_night
    twins = [record for record in truth['frames'].values() if record['twin']]
    assert twins
    for record in twins:
        quick = out / record['path'].replace('processed', 'preview').replace('-e91', '-e11')
        assert fits.getdata(quick, 'CAT').tobytes() == fits.getdata(out / record['path'], 'CAT').tobytes()


def test_fields_with_gaps_say_which_files_are_missing(tmp_path):
    plans = plan_night(NightSpec(frames=1, regimes=('incomplete',), defect_share=0.0), rng())
    write_night(tmp_path, plans, rng(), pixels=False)
    index = fits.getdata(tmp_path / 'ps1' / 'SkyTable.fits', 'SKY_REGION')
    there = [(tmp_path / 'ps1' / region['NAME'].strip()).exists() for region in index]
    assert there.count(False) == 1


def test_every_frame_of_a_field_sees_one_sky(tmp_path):
    plans = plan_night(NightSpec(frames=6, sites=('lsc',), regimes=('ordinary',), defect_share=0.0), rng())
    truth = write_night(tmp_path, plans, rng(), pixels=False)
    assert set(truth) == {plan.exposure for plan in plans}
    catalogue = [fits.getdata(path) for path in (tmp_path / 'ps1').rglob('*.fits') if path.name != 'SkyTable.fits']
    stars = SkyCoord(*(np.concatenate([table[name] for table in catalogue]) for name in ('RA', 'DEC')), unit='deg')
    for true in truth.values():
        with fits.open(tmp_path / true['path'], disable_image_compression=True) as hdus:
            columns, header = hdus['CAT'].data, hdus['SCI'].header
        wcs = WCS(fits.Header([card for card in header.cards if card.keyword[:2] in ('CT', 'CR', 'CD')]))
        names = {name.lower(): name for name in columns.names}
        bright = np.argsort(-columns[names['flux']])[:200]
        sky = SkyCoord(*wcs.all_pix2world(columns[names['x']][bright], columns[names['y']][bright], 1), unit='deg')
        assert np.median(sky.match_to_catalog_sky(stars)[1].arcsec) < 5
        assert true['measurable'] == (true['n_usable'] >= 20)
