"""Text from outside (headers, rows, paths, drivers) made fit for a line of a log or a cell of a table."""

import re
from collections.abc import Iterable

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


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """' (did you mean ...?)' with what is known that is most like the word, '' where nothing is."""
    from difflib import get_close_matches

    folded = {name.casefold(): name for name in known}
    nearest = get_close_matches(word.casefold(), folded, 1)
    return f' (did you mean {folded[nearest[0]]}?)' if nearest else ''


def csv_cell(text: str) -> str:
    """A text for a cell of CSV: an apostrophe goes before one that a spreadsheet would take for a formula.

    None of our own begins so (OWASP, CSV Injection): frames, cameras and filters begin with a letter or digit.
    """
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
