"""Text from outside (headers, rows, paths, drivers) made fit for a line of a log or a cell of a table."""

import re

_FORMULA = ('=', '+', '-', '@')


def printable(text: str) -> str:
    """The text in one line that shows what it holds: what does not print is written as its escape.

    So are line ends, control characters (a terminal would obey them), marks that turn the direction of writing, and
    halves of UTF-16 signs.
    """
    if text.isprintable():
        return text
    return ''.join(sign if sign.isprintable() else sign.encode('unicode_escape').decode() for sign in text)


def without_passwords(text: str) -> str:
    """The text with the passwords of all URLs in it replaced by ***."""
    text = re.sub(r'(://[^\s:/@"]*:)(?:[^\s"\\]|\\.)*@', r'\1***@', text)
    return re.sub(r'(?i)((?:password|passwd|passfile|pwd)=)[^\s&"]*', r'\1***', text)


def csv_cell(text: str) -> str:
    """A text for a cell of CSV: an apostrophe goes before one that a spreadsheet would take for a formula.

    None of our own begins so (OWASP, CSV Injection): frames, cameras and filters begin with a letter or digit.
    """
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
