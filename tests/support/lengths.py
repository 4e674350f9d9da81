"""Count lines: `python -m tests.support.lengths` names each function, class and module that is longer than its limit,
and each dataclass of many fields that may be built without their names.  Part of `make lint`.
"""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FUNCTION, CLASS, MODULE = 40, 200, 400  # lines, with docstring and comments
FIELDS = 5  # of a dataclass; one of more is built by keywords: `kw_only=True`
PLACES = ('*.py', 'photzp/**/*.py', 'simulation/**/*.py', 'examples/**/*.py', 'benchmarks/**/*.py')


def too_long(name: str, source: str) -> list[str]:
    """One line for each thing in a module that is longer than its limit.

    Parameters
    ----------
    name : str
        Path of the module, for the lines returned.
    source : str
        Its text.

    Returns
    -------
    list of str
        'path:line: what it is, how long, and the limit'; empty where all is within the limits.
    """
    lines = len(source.splitlines())
    found = [f'{name}:1: module of {lines} lines, {MODULE} at most'] if lines > MODULE else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            kind, limit = ('class', CLASS) if isinstance(node, ast.ClassDef) else ('function', FUNCTION)
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > limit:
                found.append(f'{name}:{node.lineno}: {kind} {node.name} of {lines} lines, {limit} at most')
        if isinstance(node, ast.ClassDef) and _built_by_place(node):
            found.append(f'{name}:{node.lineno}: dataclass {node.name} of over {FIELDS} fields without kw_only=True')
    return found


def _built_by_place(node: ast.ClassDef) -> bool:
    """Whether a class is a dataclass of more than FIELDS fields without kw_only=True."""
    decorators = [ast.unparse(each) for each in node.decorator_list if 'dataclass' in ast.unparse(each)]
    fields = sum(isinstance(each, ast.AnnAssign) and 'ClassVar' not in ast.unparse(each.annotation)
                 for each in node.body)
    return bool(decorators) and fields > FIELDS and 'kw_only=True' not in decorators[0]


def main() -> int:
    """Print what is too long.

    Returns
    -------
    int
        1 where anything is, else 0.
    """
    paths = sorted({path for place in PLACES for path in ROOT.glob(place)})
    found = [line for path in paths
             for line in too_long(path.relative_to(ROOT).as_posix(), path.read_text(encoding='utf-8'))]
    print('\n'.join(found) or f'{len(paths)} modules within the limits')
    return bool(found)


if __name__ == '__main__':
    sys.exit(main())
