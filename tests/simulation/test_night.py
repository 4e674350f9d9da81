"""A night on disk."""

from astropy.io import fits

from simulation.night import write_night
from simulation.plan import plan_night
from tests.support.simulated import rng


def test_twins_have_the_same_photons(small_night):
    out, truth = small_night
    twins = [record for record in truth['frames'].values() if record['twin']]
    assert twins
    for record in twins:
        quick = out / record['path'].replace('processed', 'preview').replace('-e91', '-e11')
        assert fits.getdata(quick, 'CAT').tobytes() == fits.getdata(out / record['path'], 'CAT').tobytes()


def test_fields_with_gaps_say_which_files_are_missing(tmp_path):
    plans = plan_night(1, rng(), regimes=('incomplete',), defect_share=0.0)
    write_night(tmp_path, plans, rng(), pixels=False)
    index = fits.getdata(tmp_path / 'ps1' / 'SkyTable.fits', 'SKY_REGION')
    there = [(tmp_path / 'ps1' / region['NAME'].strip()).exists() for region in index]
    assert there.count(False) == 1
