"""What a run logs."""

import argparse

from photzp.running import commandline


def log_of(capsys, run, form='json'):
    """Run something as the scripts do; (status, its lines of the log)."""
    options = argparse.Namespace(log_level='INFO', log_format=form)
    status = commandline.run_script(run, options, 'test.py')
    return status, capsys.readouterr().err.splitlines()
