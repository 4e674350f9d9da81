"""The command line of the simulation."""

import numpy as np
import pytest
from astropy.io import fits

from simulation.__main__ import main as simulate
from simulation.spec import CAMERAS


def files_of(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob('*')) if path.is_file()}


def test_a_seed_repeats_the_files(tmp_path):
    runs = []
    for name in 'ab':
        argv = ['night', str(tmp_path / name), '--frames', '5', '--seed', '8', '--regimes', 'sparse', '--no-pixels']
        assert simulate(argv) == 0
        runs.append(files_of(tmp_path / name))
    assert runs[0] == runs[1]
    assert len(runs[0]) > 8
    frame = next(path for path in runs[0] if path.endswith('-e91.fits.fz'))
    with fits.open(tmp_path / 'a' / frame) as hdus:  # without pixels, the header still has the true shape
        assert hdus['SCI'].shape == CAMERAS[frame.split('/')[2][:2]].shape
        assert hdus['CAT'].data['flux'].dtype == np.dtype('>f8')


def test_output_is_not_mixed_with_what_is_there(tmp_path, capsys):
    (tmp_path / 'x').write_text('')
    assert simulate(['night', str(tmp_path)]) == 2
    assert 'is not an empty directory' in capsys.readouterr().err


@pytest.mark.parametrize('argv', [['--sites', 'xyz'], ['--date', '2019-8'], ['--frames', '0'], ['--defects', '2'], []])
def test_usage_errors_end_with_status_2(argv, tmp_path):
    with pytest.raises(SystemExit) as stop:
        simulate(['night', *([str(tmp_path / 'o')] if argv else []), *argv])
    assert stop.value.code == 2
