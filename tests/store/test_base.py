"""The interface of a place for the report, over a directory and a bucket."""

import hashlib

import pytest

from photzp.store.base import MANIFEST, cache_control, content_type
from tests.support.stores import FILES, PNG, fill, fill_and_fail


def test_what_is_put_is_there(place):
    assert fill(place, FILES) == (5, 0)
    with place.open() as store:
        assert store.place == place.place
        assert store.names() == set(FILES)
        assert {name: store.get(name) for name in FILES} == FILES
        assert store.get('other.png') is None


def test_a_second_run_sends_only_what_changed(place):
    fill(place, FILES)
    assert fill(place, FILES) == (0, 5)
    assert fill(place, FILES | {'index.html': b'<q>', 'new.png': PNG}) == (2, 4)
    with place.open() as store:
        assert store.get('index.html') == b'<q>'


def test_holds_compares_the_content(place):
    fill(place, {'a.png': PNG, 'b.png': PNG})
    with place.open() as store:
        assert store.holds('a.png', hashlib.sha256(PNG).hexdigest())
        assert not store.holds('a.png', hashlib.sha256(b'other').hexdigest())
        assert not store.holds('c.png', hashlib.sha256(PNG).hexdigest())
        store.put('b.png', b'other')
        assert store.holds('b.png', hashlib.sha256(b'other').hexdigest())
        assert not store.holds('b.png', hashlib.sha256(PNG).hexdigest())


def test_the_last_content_of_a_name_counts(place):
    with place.open() as store:
        for number in range(12):
            store.put('status.json', str(number).encode())
        assert store.get('status.json') == b'11'
        store.put('status.json', b'11')
        store.flush()
        assert (store.sent, store.unchanged) == (12, 1)
        assert store.names() == {'status.json'}


def test_what_was_put_before_a_failure_is_kept_and_the_failure_passes(place):
    with pytest.raises(ZeroDivisionError):
        fill_and_fail(place, {'a.png': PNG})
    assert fill(place, {'a.png': PNG}) == (0, 1)


@pytest.mark.parametrize('name', ['', '..', '../a.png', '/a.png', 'a/b.png', 'a\\b', '.hidden', 'ä.png', 'a\0', None,
                                  'a' * 201, '<b>.png', 'a b.png', MANIFEST])
def test_names_that_are_none_are_refused(place, name):
    with place.open() as store:
        with pytest.raises(ValueError, match=r'is not a file name|is the name of the manifest'):
            store.put(name, b'')
        assert store.names() == set()


def test_many_files_arrive(place):
    files = {f'plot{number}.png': PNG + bytes([number]) for number in range(150)}
    assert fill(place, files) == (150, 0)
    with place.open() as store:
        assert store.names() == set(files)
    assert fill(place, files) == (0, 150)


def test_a_bytearray_may_be_used_again_after_it_was_put(place):
    content = bytearray(b'one')
    with place.open() as store:
        store.put('a.csv', content)
        store.flush()
        content[:] = b'two'
        assert store.get('a.csv') == b'one'


@pytest.mark.parametrize(('name', 'kind', 'kept'), [
    ('a.png', 'image/png', 'public, max-age=300'), ('A.PNG', 'image/png', 'public, max-age=300'),
    ('index.html', 'text/html; charset=utf-8', 'no-cache'), ('a.tar.gz', 'application/octet-stream', 'no-cache'),
    ('none', 'application/octet-stream', 'no-cache')])
def test_what_a_file_is_to_a_browser(name, kind, kept):
    assert (content_type(name), cache_control(name)) == (kind, kept)
