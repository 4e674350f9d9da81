"""What a run logs."""

import argparse

from photzp.running.script import run_script


def log_of(capsys, run, form='json'):
    """Run something as the scripts do; (status, its lines of the log)."""
    options = argparse.Namespace(log_level='INFO', log_format=form)
    status = run_script(run, options, 'test.py')
    return status, capsys.readouterr().err.splitlines()
