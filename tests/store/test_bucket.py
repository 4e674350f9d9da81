"""The report in a bucket: what is sent when, and how uploads end."""

import hashlib

import pytest

from photzp.errors import StoreFailed
from photzp.store.base import MANIFEST
from photzp.store.s3client import CONNECTIONS
from tests.support.stores import FILES, PLOTS, PNG, fill, fill_and_fail


def refuse_puts(ending=''):
    """A rule for the gateway: no object with this ending may be sent."""
    return lambda method, path: (403, 'AccessDenied') if method == 'PUT' and path.endswith(ending) else None


def test_an_object_that_somebody_replaced_is_not_held(s3):
    fill(s3, {'a.png': PNG, 'b.png': PNG})
    s3.client.put_object(Bucket=s3.bucket, Key='a.png', Body=b'other')
    with s3.open() as store:
        assert not store.holds('a.png', hashlib.sha256(PNG).hexdigest())
        assert store.holds('b.png', hashlib.sha256(PNG).hexdigest())


def test_objects_have_types_and_say_how_long_they_may_be_kept(s3):
    files = FILES | {'page.js': b'"use strict"', 'page.css': b'p {}'}
    fill(s3, files)
    heads = {name: s3.client.head_object(Bucket=s3.bucket, Key=name) for name in (*files, MANIFEST)}
    assert {name: head['ContentType'] for name, head in heads.items()} == {
        'photzptrend-lsc-doma-1m0a-rp.png': 'image/png', 'mirrormodel-lsc-doma-1m0a-rp.csv': 'text/csv; charset=utf-8',
        'empty.csv': 'text/csv; charset=utf-8', 'index.html': 'text/html; charset=utf-8',
        'status.json': 'application/json', MANIFEST: 'application/json', 'page.js': 'text/javascript; charset=utf-8',
        'page.css': 'text/css; charset=utf-8'}
    images = {name for name, head in heads.items() if head['CacheControl'] == 'public, max-age=300'}
    assert images == {'photzptrend-lsc-doma-1m0a-rp.png'}
    assert {heads[name]['CacheControl'] for name in heads if name not in images} == {'no-cache'}


def test_images_go_out_before_the_page_and_the_manifest_last(s3):
    s3.gateway.delay_s = 0.1
    fill(s3, {f'plot{number}.png': PNG for number in range(6)} | {'index.html': b'<p>', 'status.json': b'{}'})
    sent = s3.gateway.puts()
    assert sorted(sent[:6]) == [f'plot{number}.png' for number in range(6)]
    assert set(sent[6:8]) == {'index.html', 'status.json'}
    assert sent[8:] == [MANIFEST]


def test_several_images_are_sent_at_a_time(s3):
    s3.gateway.delay_s = 0.2
    fill(s3, {f'plot{number}.png': PNG for number in range(16)})
    assert 4 <= s3.gateway.most_at_once <= CONNECTIONS


def test_a_run_without_changes_sends_nothing_at_all(s3):
    fill(s3, FILES)
    s3.gateway.asked.clear()
    fill(s3, FILES)
    assert s3.gateway.puts() == []
    fill(s3, FILES | {'index.html': b'<q>'})
    assert s3.gateway.puts() == ['index.html', MANIFEST]


def test_a_deleted_object_is_sent_again(s3):
    fill(s3, FILES)
    s3.client.delete_object(Bucket=s3.bucket, Key='index.html')
    with s3.open() as store:
        assert store.get('index.html') is None
        assert 'index.html' not in store.names()
    assert fill(s3, FILES) == (1, 4)
    assert fill(s3, FILES) == (0, 5)


@pytest.mark.parametrize('content', [b'other', b'<q>'])
def test_an_object_that_somebody_overwrote_is_sent_again(s3, content):
    fill(s3, FILES)
    s3.client.put_object(Bucket=s3.bucket, Key='index.html', Body=content)
    assert fill(s3, FILES) == (1, 4)


def test_two_runs_at_a_time_keep_each_others_entries(s3):
    with s3.open() as one, s3.open() as other:
        one.put('one.png', PNG)
        other.put('other.png', PNG)
    assert fill(s3, {'one.png': PNG, 'other.png': PNG}) == (0, 2)


def test_a_listing_of_many_pages_is_read_to_its_end(s3):
    s3.gateway.page_size = 2
    fill(s3, FILES)
    s3.gateway.asked.clear()
    assert s3.open().names() == set(FILES)
    assert s3.gateway.asked.count(('GET', f'/{s3.bucket}')) == 3
    assert fill(s3, FILES) == (0, 5)


def test_objects_of_others_are_no_names_of_ours(s3):
    s3.client.put_object(Bucket=s3.bucket, Key='folder/a.png', Body=b'')
    assert s3.open().names() == set()


def test_an_upload_that_is_refused_ends_the_run_and_the_manifest_says_what_was_sent(s3):
    s3.gateway.refuse = refuse_puts('3.png')
    with pytest.raises(StoreFailed, match=rf's3://{s3.bucket} .*AccessDenied: on demand \(PutObject\)'):
        fill_and_fail(s3, PLOTS)
    s3.gateway.refuse = lambda *_: None
    assert fill(s3, PLOTS) == (3, 3)


def test_a_page_is_not_sent_when_an_image_failed(s3):
    s3.gateway.refuse = refuse_puts('.png')
    with pytest.raises(StoreFailed):
        fill(s3, {'a.png': PNG, 'index.html': b'<p>'})
    assert 'index.html' not in s3.gateway.puts()


def test_a_failure_at_the_end_is_raised_by_leaving_the_block(s3):
    s3.gateway.refuse = refuse_puts('.png')
    with pytest.raises(StoreFailed, match='AccessDenied'):
        fill(s3, {'a.csv': b'', 'a.png': PNG})
    s3.gateway.refuse = lambda *_: None
    assert fill(s3, {'a.csv': b''}) == (0, 1)


def test_a_failed_upload_ends_those_that_wait(s3):
    s3.gateway.delay_s = 0.1
    s3.gateway.refuse = refuse_puts()
    with pytest.raises(StoreFailed):
        fill(s3, {f'plot{number}.png': PNG for number in range(400)})
    assert len(s3.gateway.puts()) < 100


def test_a_manifest_that_cannot_be_written_is_logged_and_hides_no_other_failure(s3):
    s3.gateway.refuse = refuse_puts(MANIFEST)
    with pytest.raises(StoreFailed, match='AccessDenied'):
        fill(s3, FILES)
    with pytest.raises(ZeroDivisionError):
        fill_and_fail(s3, PLOTS)
