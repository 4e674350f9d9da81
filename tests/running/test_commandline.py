"""The command line: usage errors as text and JSON, and the width of the help."""

import json
import re

import pytest

import longtermphotzp
import photcalibration
from photzp.running.commandline import Parser


@pytest.mark.parametrize(('arguments', 'said'), [
    (['--databse', 'x'], '--databse: there is no such option (did you mean --database?)'),
    (['--export', 'x.csv', '--testdb'], '--testdb: not allowed with argument --export'),
    (['--threshold', 'low'], "--threshold: 'low' is no percentage between 0 and 200"),
    (['--log-format', 'xml'], "--log-format: invalid choice: 'xml'"),
    (['--renderhtml=maybe'], "'maybe' is neither True nor False"),
])
def test_a_usage_error_is_one_line_in_either_form(capsys, arguments, said):
    for more in ([], ['--log-format=json']):
        with pytest.raises(SystemExit) as ended:
            longtermphotzp.main([*more, *arguments])
        assert ended.value.code == 2
        line, = capsys.readouterr().err.splitlines()
        message = json.loads(line)['message'] if more else line.removeprefix('longtermphotzp.py: error: ')
        assert message.startswith(said) or said in message
        assert message.endswith('; see longtermphotzp.py --help')


@pytest.mark.parametrize('script', [photcalibration, longtermphotzp])
def test_the_help_is_no_wider_than_a_hundred_columns(script):
    text = script.parser().format_help()
    assert max(map(len, text.splitlines())) <= 100
    examples = re.findall(r'^  \S.*?  +((?:AWS_S3_BUCKET=\S+ )?\w+\.py .*|\w+\.py)$', text, re.MULTILINE)
    assert len(examples) >= 5
    for example in examples:
        arguments = example.partition('.py')[2].partition('|')[0].split()
        script.parser().parse_args(arguments)


def test_a_misspelt_option_does_not_show_the_password_of_its_value(capsys):
    with pytest.raises(SystemExit) as caught:
        Parser(prog='x').parse_args(['--photdb', 'postgresql://me:canary@host/db\n'])
    assert caught.value.code == 2
    assert '--photdb: there is no such option' in (said := capsys.readouterr().err)
    assert 'canary' not in said
