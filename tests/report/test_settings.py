"""What a report is asked for is what the command line says."""

import longtermphotzp
from photzp.report.settings import ReportSettings


def settings(*arguments):
    return longtermphotzp.report_settings(longtermphotzp.parser().parse_args(arguments))


def test_without_options_it_is_a_report_of_everything():
    assert settings() == ReportSettings()


def test_each_option_arrives_under_its_name():
    assert settings('--site', 'lsc', '--telescope', 'doma-1m0a', '--filter', 'rp', '--start', '2019-08-05', '--end',
                    '20190806', '--no-cameracolorterm', '--fit-extinction', '--no-pertelescopeplots',
                    '--createsummaryplots', 'False', '--no-errorhistogram', '--renderhtml=no', '--check', '--metrics',
                    'photzp.prom') == ReportSettings(
        site='lsc', telescope='doma-1m0a', filter='rp', start='20190805', end='20190806', cameracolorterm=False,
        fit_extinction=True, pertelescopeplots=False, createsummaryplots=False, errorhistogram=False, renderhtml=False,
        check=True, metrics=True)
