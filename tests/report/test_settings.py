"""What a report is asked for is what the command line says."""

import longtermphotzp
from photzp.report.settings import ReportSettings


def settings(*arguments):
    return longtermphotzp._report_settings(longtermphotzp.parser().parse_args(arguments))


def test_without_options_it_is_a_report_of_everything():
    assert settings() == ReportSettings()


def test_each_option_arrives_under_its_name():
    assert settings('--site', 'lsc', '--telescope', 'doma-1m0a', '--filter', 'rp', '--no-cameracolorterm',
                    '--fit-extinction', '--no-pertelescopeplots',
                    '--createsummaryplots', 'False', '--no-errorhistogram', '--renderhtml=no', '--check', '--metrics',
                    'photzp.prom') == ReportSettings(
        site='lsc', telescope='doma-1m0a', filter='rp', cameracolorterm=False,
        pertelescopeplots=False, createsummaryplots=False, errorhistogram=False, renderhtml=False,
        check=True, metrics=True)
