"""The floor plan holds: a module imports only from a lower floor, and only the scripts touch the outside world."""

import ast
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
FLOORS = (
    {'observatory', 'names', 'rejections', 'fitsfile', 'plaintext', 'typedjson', 'webtext'},
    {'loglines', 'framearchive', 'banzaiframe', 'ps1catalog', 'oldzeropoints'},
    {'starmatch', 'fieldvote', 'zeropoint', 'kronloss', 'clearsky', 'sharednight'},
    {'throughputmodel', 'throughputline', 'quality', 'colourterm', 'status', 'alarms', 'steps', 'gains', 'ranking',
     'extinction', 'nights', 'photdbtables', 'photdbplaces'},
    {'photdbinterface', 'frameplots', 'plotsheet', 'trendplots', 'trenddata', 'calendarplots', 'telescopeplots',
     'webpage', 'reportstore', 'reportstate', 'exporttable', 'metrics', 'answers', 'fitarchive', 'webviews',
     'webanswers', 'weboverview', 'webrender'},
    {'commandline', 'framepool', 'daskpool', 'report', 'reportseries', 'reportrows', 'reportjobs', 'databasecheck',
     'realframes', 'fontcache'},
    {'photcalibration', 'longtermphotzp', 'simulation', 'demo'},
)
# Exceptions are defined as low as anything; the line through a series is the back room of its model, the search for a
# field that of the matching, the forms of the Kron loss that of the fit; status and answers sum the model up, alarms
# sum those up; what templates show has rooms behind that of the page; figures share a sheet; a series of the report,
# and its rows, are rooms behind the report, which may do them in processes; a cluster does what
# processes do.
SAME_FLOOR = {('observatory', 'rejections'), ('starmatch', 'fieldvote'), ('zeropoint', 'kronloss'),
              ('throughputmodel', 'throughputline'), ('alarms', 'status'), ('calendarplots', 'plotsheet'),
              ('report', 'reportseries'), ('report', 'reportrows'), ('reportseries', 'reportrows'),
              ('report', 'reportjobs'), ('reportseries', 'reportjobs'),
              ('report', 'framepool'), ('report', 'fontcache'), ('daskpool', 'framepool'), ('webpage', 'answers'),
              ('telescopeplots', 'trendplots'), ('trendplots', 'plotsheet'), ('telescopeplots', 'plotsheet'),
              ('reportstate', 'webpage'), ('webviews', 'webpage'), ('webanswers', 'webpage'), ('webanswers', 'answers'),
              ('webanswers', 'webviews'), ('webrender', 'webpage'), ('webrender', 'webviews'),
              ('webrender', 'webanswers'), ('weboverview', 'webpage'), ('weboverview', 'webviews'),
              ('webrender', 'weboverview')} | {
    (answer, 'throughputmodel') for answer in ('status', 'steps', 'gains', 'ranking', 'extinction', 'nights')}
SCIENCE = {'starmatch', 'fieldvote', 'zeropoint', 'kronloss', 'clearsky', 'throughputmodel', 'throughputline',
           'quality', 'colourterm', 'status', 'sharednight', 'steps', 'gains', 'ranking', 'extinction', 'nights',
           'alarms'}
ARRAYS_ONLY = ('sqlalchemy', 'matplotlib', 'boto3', 'astropy.io')  # not in the science
OUTSIDE_WORLD = {'sys.exit', 'os.environ', 'os.environb', 'os.getenv', 'os.getenvb', 'datetime.now',
                 'datetime.utcnow', 'datetime.today', 'date.today'}
STAMPED = {('photdbinterface', 'datetime.now')}  # the default clock that stamps rows; callers may pass another
SCRIPTS = (5, 6)
# A simulation shares names and formats with the product, but none of this.
NOT_SHARED = {'banzaiframe', 'ps1catalog', 'fitsfile'} | SCIENCE

MODULES = sorted(path.stem for path in TOP.glob('*.py'))
OURS = set(MODULES).union(*FLOORS)


def is_simulation(module):
    return module.startswith('simul')


def floor_of(module):
    """Number of the floor that a module is on, None where it has none."""
    if is_simulation(module):
        return 6
    return next((number for number, floor in enumerate(FLOORS) if module in floor), None)


def may_import(one, other):
    if None in (floor_of(one), floor_of(other)):
        return True  # the test of the plan itself names the module that is not on it
    return (floor_of(other) < floor_of(one) or (one, other) in SAME_FLOOR
            or (is_simulation(one) and is_simulation(other)))


def imports(tree):
    """Dotted names of all that is imported, wherever in the module; `from a import b` counts as a and as a.b."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, 'modules are flat: no relative imports'
            found |= {node.module} | {f'{node.module}.{alias.name}' for alias in node.names}
    return found


def touches(tree):
    """What of OUTSIDE_WORLD is used, as an attribute (also of an alias or deeper name) or imported by name."""
    used = {name for name in imports(tree) if name in OUTSIDE_WORLD}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            above = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, 'id', None)
            used |= {f'{above}.{node.attr}'} & OUTSIDE_WORLD
    return used


def public(body, prefix=''):
    """(Name, node) of the public functions, classes and methods of a module; what is inside functions is not public."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not node.name.startswith('_'):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f'{prefix}{node.name}.')


def without_docstring(tree):
    return [name for name, node in public(tree.body) if not ast.get_docstring(node)]


def without_type(tree):
    """Parameters and returns of public functions that say nothing of their type; *args and **kwargs need not."""
    found = []
    for name, node in public(tree.body):
        if not isinstance(node, ast.ClassDef):
            parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            found += [f'{name}({each.arg})' for each in parameters
                      if each.annotation is None and each.arg not in ('self', 'cls')]
            found += [f'{name}() ->'] if node.returns is None else []
    return found


def is_below(name, package):
    return name == package or name.startswith(package + '.')


@pytest.fixture(scope='module', params=MODULES)
def module(request):
    return request.param, ast.parse((TOP / f'{request.param}.py').read_text(encoding='utf-8'))


def test_every_module_is_on_the_plan(module):
    assert floor_of(module[0]) is not None, f'{module[0]}.py is not in the table FLOORS'


def test_imports_come_from_lower_floors(module):
    name, tree = module
    ours = {found.split('.')[0] for found in imports(tree)} & OURS
    assert [other for other in ours if not may_import(name, other)] == []


def test_the_science_knows_arrays_only(module):
    name, tree = module
    banned = [found for found in imports(tree) for package in ARRAYS_ONLY if is_below(found, package)]
    assert name not in SCIENCE or banned == []


def test_only_scripts_touch_the_outside_world(module):
    name, tree = module
    argparse = {found for found in imports(tree) if is_below(found, 'argparse')}
    assert floor_of(name) in (*SCRIPTS, None) or argparse | touches(tree) <= {
        what for module_name, what in STAMPED if module_name == name}


def test_figures_are_drawn_without_pyplot(module):
    assert [found for found in imports(module[1]) if is_below(found, 'matplotlib.pyplot')] == []


def test_a_simulation_shares_no_science_with_the_product(module):
    name, tree = module
    assert not is_simulation(name) or {found.split('.')[0] for found in imports(tree)} & NOT_SHARED == set()


def test_whatever_is_public_has_types_and_a_docstring(module):
    assert without_type(module[1]) == []
    assert without_docstring(module[1]) == []


@pytest.mark.parametrize(('text', 'found'), [
    ('import sys\nsys.exit(1)', {'sys.exit'}),
    ('import os\nprint(os.environ["HOME"])', {'os.environ'}),
    ('from os import getenv', {'os.getenv'}),
    ('import datetime\ndatetime.datetime.now()', {'datetime.now'}),
    ('from datetime import datetime\ndef f():\n    return datetime.now', {'datetime.now'}),
    ('import sys\nsys.stderr.write("")', set()),
])  # fmt: skip
def test_the_outside_world_is_recognised(text, found):
    """The search itself works: a check that finds nothing must not pass because it looks for nothing."""
    assert touches(ast.parse(text)) == found


def test_imports_inside_functions_are_recognised():
    tree = ast.parse('def f():\n    from matplotlib import pyplot\n    import astropy.io.fits as f')
    assert imports(tree) == {'matplotlib', 'matplotlib.pyplot', 'astropy.io.fits'}
    assert may_import('photcalibration', 'zeropoint')
    assert not may_import('frameplots', 'photdbinterface')
    assert not may_import('names', 'rejections')


def test_missing_types_and_docstrings_are_recognised():
    bare = ast.parse('class A:\n    def f(self, x, *, y: int, **z):\n        def g(a): pass\n    def _h(self): pass')
    assert without_type(bare) == ['A.f(x)', 'A.f() ->']
    assert without_docstring(bare) == ['A', 'A.f']
    told = ast.parse('class A:\n    """It."""\n    def f(self, x: int) -> str:\n        """Its text."""')
    assert without_type(told) == without_docstring(told) == []
