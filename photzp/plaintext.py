"""Text from outside (headers, rows, paths, drivers) made fit for a line of a log or a cell of a table."""

import re
from collections.abc import Iterable

_FORMULA = ('=', '+', '-', '@')


def printable(text: str) -> str:
    """Escape the characters of a text that do not print, so that it stays in one line and shows what it holds.

    Escaped are line ends, control characters (a terminal would obey them), marks that turn the direction of writing,
    and unpaired surrogates of UTF-16.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The text with escapes as in Python's literals.
    """
    if text.isprintable():
        return text
    return ''.join(character if character.isprintable() else character.encode('unicode_escape').decode()
                   for character in text)


def without_passwords(text: str) -> str:
    """Hide the passwords of all URLs in a text.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The text with *** in place of each password.
    """
    text = re.sub(r'(://[^\s:/@"]*:)(?:[^\s"\\]|\\.)*@', r'\1***@', text)
    return re.sub(r'(?i)((?:password|passwd|passfile|pwd)=)[^\s&"]*', r'\1***', text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest the known word that is most like a given one.

    Parameters
    ----------
    word : str
        As it was typed.
    known : iterable of str
        The words that would have been right.

    Returns
    -------
    str
        ' (did you mean ...?)', to be put behind a message; '' where no known word is like it.
    """
    from difflib import get_close_matches

    folded = {name.casefold(): name for name in known}
    nearest = get_close_matches(word.casefold(), folded, 1)
    return f' (did you mean {folded[nearest[0]]}?)' if nearest else ''


def csv_cell(text: str) -> str:
    """Protect a cell of CSV that a spreadsheet would take for a formula (OWASP, CSV Injection).

    No name of ours is changed: frames, cameras and filters begin with a letter or digit.

    Parameters
    ----------
    text : str
        Text of the cell.

    Returns
    -------
    str
        The text, after an apostrophe where it would be a formula.
    """
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
