"""The tests mirror the house: each module has its test file, each test file of a room its module, and tests share
helpers by tests/support only."""

import ast
from pathlib import Path

import pytest

from tests.support.lengths import too_long

ROOT = Path(__file__).resolve().parents[1]
# Test files in the folder of a room that are of no one module of it, and what they are of.
FURTHER = {
    'test_house.py': 'the tests themselves',
    'test_contracts.py': 'what each room may import and use',
    'catalogues/test_ps1catalog.py': 'ps1catalog.py, which is handed to the package',
    'database/test_photdbinterface.py': 'photdbinterface.py, which is handed to the package',
    'database/test_processes.py': 'photdbinterface.py: many processes write at once',
    'report/test_together.py': 'all of the report: telescopes are fitted together',
    'pages/test_static.py': 'the scripts and styles of pages/static',
    'throughput/test_realseries.py': 'the model on a real series',
}


def modules(root):
    """{module: its test file}, both as paths relative to root."""
    found = {}
    for package, folder in (('photzp', Path('tests')), ('simulation', Path('tests', 'simulation'))):
        for path in sorted((root / package).rglob('*.py')):
            inside = path.relative_to(root / package)
            if path.name != '__init__.py':
                found[(package / inside).as_posix()] = (folder / inside.parent / f'test_{path.name}').as_posix()
    return found


def untested(root):
    """Modules without their test file."""
    return [module for module, test in modules(root).items() if not (root / test).is_file()]


def astray(root, further=FURTHER):
    """Test files in the folders of rooms that name no module, and files of `further` that are not there or do."""
    known = set(modules(root).values())
    rooms = {Path(test).parent for test in known}
    files = {path.relative_to(root).as_posix() for room in rooms for path in (root / room).glob('test_*.py')}
    listed = {f'tests/{name}' for name in further}
    return sorted((files - known) ^ listed)


def imported(path):
    """Names of the modules that a file imports anywhere in it, with what it takes from them."""
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: imports are absolute'
            yield from (f'{node.module}.{alias.name}' for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def borrowed(root):
    """(file, module) of tests and fixtures that import from tests other than tests.support."""
    return [(path.relative_to(root).as_posix(), name) for path in sorted((root / 'tests').rglob('*.py'))
            for name in imported(path) if name.partition('.')[0] == 'tests'
            and not name.startswith('tests.support.')]


def bent_paths(root):
    """Test files that change where they import from themselves (programs they start may be told what they need)."""
    return [path.relative_to(root).as_posix() for path in sorted((root / 'tests').rglob('*.py'))
            for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
            if isinstance(node, ast.Attribute) and ast.unparse(node) == 'sys.path']


def longest(root):
    """LONGEST of conftest.py, which nothing imports."""
    tree = ast.parse((root / 'tests' / 'conftest.py').read_text(encoding='utf-8'))
    return next(ast.literal_eval(node.value) for node in tree.body
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == 'LONGEST')


def silent_functions(root):
    """(file, line) of public functions that return something, and whose docstring of one line has no section Returns.

    Numpydoc's rule RT01 passes over such docstrings (pyproject.toml), as it does not know a property by its decorator.
    """
    for package in ('photzp', 'simulation', 'examples'):
        for path in sorted((root / package).rglob('*.py')):
            tree = ast.parse(path.read_text(encoding='utf-8'))
            public = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != '_')]
            for node in (node for place in public for node in place.body):
                if (isinstance(node, ast.FunctionDef) and not node.name.startswith('_')
                        and '\n' not in (ast.get_docstring(node) or '\n')
                        and not any('property' in ast.unparse(each) for each in node.decorator_list)
                        and node.returns is not None and ast.unparse(node.returns) not in ('None', 'NoReturn')):
                    yield path.relative_to(root).as_posix(), node.lineno


def test_every_module_has_its_test_file():
    assert len(modules(ROOT)) > 60
    assert untested(ROOT) == []


def test_every_test_file_of_a_room_names_its_module():
    assert astray(ROOT) == []


def test_what_tests_share_is_in_support():
    assert borrowed(ROOT) == []


def test_nothing_bends_the_path_of_imports():
    assert bent_paths(ROOT) == []
    assert 'pythonpath =' not in (ROOT / 'pyproject.toml').read_text(encoding='utf-8')


def test_the_files_that_take_longest_are_there():
    named = longest(ROOT)
    assert len(named) == len(set(named)) > 10
    assert [name for name in named if not (ROOT / 'tests' / name).is_file()] == []


def test_a_docstring_of_one_line_is_that_of_a_property_or_of_what_returns_nothing():
    assert list(silent_functions(ROOT)) == []


# -- each of them shown to fail ----------------------------------------------------------------------------------------


@pytest.fixture
def house(tmp_path):
    """A small house that is as it should be."""
    for name in ('photzp/__init__.py', 'photzp/names.py', 'photzp/store/__init__.py', 'photzp/store/base.py',
                 'simulation/__main__.py', 'tests/test_names.py', 'tests/store/test_base.py',
                 'tests/simulation/test___main__.py', 'tests/deploy/test_anything.py', 'tests/support/shared.py'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('')
    return tmp_path


def test_a_house_that_is_in_order_passes(house):
    assert untested(house) == astray(house, {}) == borrowed(house) == bent_paths(house) == []


@pytest.mark.parametrize('module', [
    'photzp/times.py', 'photzp/store/open.py', 'photzp/new/one.py', 'simulation/sky.py'])
def test_a_module_without_its_test_file_is_seen(house, module):
    (house / module).parent.mkdir(exist_ok=True)
    (house / module).write_text('')
    assert untested(house) == [module]


@pytest.mark.parametrize('file', ['tests/test_times.py', 'tests/store/test_open.py', 'tests/simulation/test_all.py'])
def test_a_test_file_without_a_module_is_seen(house, file):
    (house / file).write_text('')
    assert astray(house, {}) == [file]
    assert astray(house, {file.removeprefix('tests/'): 'a reason'}) == []


def test_a_file_on_the_list_that_is_not_there_is_seen(house):
    assert astray(house, {'store/test_gone.py': 'once'}) == ['tests/store/test_gone.py']


@pytest.mark.parametrize(('line', 'name'), [
    ('from tests.test_names import x', 'tests.test_names.x'), ('import tests.store.test_base', 'tests.store.test_base'),
    ('from tests import conftest', 'tests.conftest'), ('from tests.conftest import unavailable',
                                                       'tests.conftest.unavailable'),
    ('def f():\n    from tests.store import test_base', 'tests.store.test_base')])
def test_a_helper_from_another_test_file_is_seen(house, line, name):
    (house / 'tests/deploy/test_anything.py').write_text(f'from tests.support import shared\n{line}\n')
    assert borrowed(house) == [('tests/deploy/test_anything.py', name)]


def test_a_bent_path_is_seen(house):
    (house / 'tests/deploy/test_anything.py').write_text('import sys\nsys.path.insert(0, "deploy")\n')
    assert bent_paths(house) == ['tests/deploy/test_anything.py']
    (house / 'tests/deploy/test_anything.py').write_text('PROGRAM = "import sys; sys.path.insert(0, sys.argv[1])"\n')
    assert bent_paths(house) == []


@pytest.mark.parametrize(('code', 'count'), [
    ('def f() -> int:\n    """One."""\n', 1), ('def f() -> None:\n    """Nothing."""\n', 0),
    ('def _f() -> int:\n    """One."""\n', 0),
    ('class A:\n    @property\n    def f(self) -> int:\n        """One."""\n', 0),
    ('class A:\n    def f(self) -> int:\n        """One."""\n', 1),
    ('def f() -> int:\n    """One.\n\n    Returns\n    -------\n    int\n    """\n', 0)])
def test_a_function_that_does_not_say_what_it_returns_is_seen(house, code, count):
    (house / 'photzp' / 'names.py').write_text(code)
    (house / 'examples').mkdir()
    assert len(list(silent_functions(house))) == count


def lines(number):
    return ''.join(f'    x{n} = {n}\n' for n in range(number))


@pytest.mark.parametrize(('source', 'named'), [
    ('def f():\n' + lines(39), []), ('def f():\n' + lines(40), ['function f of 41 lines, 40 at most']),
    ('class A:\n' + lines(199), []), ('class A:\n' + lines(200), ['class A of 201 lines, 200 at most']),
    ('x = 1\n' * 400, []), ('x = 1\n' * 401, ['module of 401 lines, 400 at most']),
    ('@dataclass\nclass A:\n' + '    x: int\n' * 5, []),
    ('@dataclass\nclass A:\n' + '    x: int\n' * 6, ['dataclass A of over 5 fields without kw_only=True']),
    ('@dataclass(frozen=True, kw_only=True)\nclass A:\n' + '    x: int\n' * 6, []),
    ('class A:\n' + '    x: int\n' * 6, [])])
def test_what_is_too_long_is_named(source, named):
    assert [line.partition(': ')[2] for line in too_long('x.py', source)] == named
