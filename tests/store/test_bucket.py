"""The report in a bucket: what is sent when and how, and what is told of a bucket that cannot be used."""

import hashlib
import json
import os
import socket
import time

import pytest

from photzp.errors import StoreFailed
from photzp.store.base import MANIFEST
from photzp.store.bucket import MANIFEST_SCHEMA, UPLOADS, Patience
from photzp.store.open import open_store
from tests.support.stores import FILES, KEY, PLOTS, PNG, QUICK, SECRET, fill, fill_and_fail


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
    assert 4 <= s3.gateway.most_at_once <= UPLOADS


def test_a_run_without_changes_sends_nothing_at_all(s3):
    fill(s3, FILES)
    s3.gateway.asked.clear()
    fill(s3, FILES)
    assert s3.gateway.puts() == []
    fill(s3, FILES | {'index.html': b'<q>'})
    assert s3.gateway.puts() == ['index.html', MANIFEST]


def test_the_manifest_holds_the_hash_of_each_object(s3):
    fill(s3, FILES)
    manifest = json.loads(s3.client.get_object(Bucket=s3.bucket, Key=MANIFEST)['Body'].read())
    assert manifest['schema'] == MANIFEST_SCHEMA
    assert {name: entry['sha256'] for name, entry in manifest['objects'].items()} == {
        name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}


def test_the_manifest_keeps_its_form_to_the_byte(s3):
    fill(s3, {'b.png': PNG, 'empty.csv': b''})
    etags = {each['Key']: each['ETag'].strip('"') for each in s3.client.list_objects_v2(Bucket=s3.bucket)['Contents']}
    assert s3.client.get_object(Bucket=s3.bucket, Key=MANIFEST)['Body'].read().decode() == f"""{{
 "objects": {{
  "b.png": {{
   "etag": "{etags['b.png']}",
   "sha256": "{hashlib.sha256(PNG).hexdigest()}",
   "size": {len(PNG)}
  }},
  "empty.csv": {{
   "etag": "{etags['empty.csv']}",
   "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
   "size": 0
  }}
 }},
 "schema": 1
}}"""


def test_what_a_later_version_may_add_to_a_manifest_is_left_out(s3):
    fill(s3, FILES)
    manifest = json.loads(s3.client.get_object(Bucket=s3.bucket, Key=MANIFEST)['Body'].read())
    later = {**manifest, 'by': 'x', 'objects': {name: {**each, 'x': 1} for name, each in manifest['objects'].items()}}
    s3.client.put_object(Bucket=s3.bucket, Key=MANIFEST, Body=json.dumps(later).encode())
    assert fill(s3, FILES) == (0, 5)


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


@pytest.mark.parametrize('manifest', [None, b'', b'{', b'[]', b'{"schema": 1}', b'{"schema": 2, "objects": {}}',
                                      b'{"schema": 1, "objects": []}', b'{"schema": 1, "objects": {"index.html": 3}}',
                                      b'{"schema": 1, "objects": {"index.html": {"sha256": "0", "size": 3}}}',
                                      b'{"schema": 1, "objects": {"a": {"sha256": 0, "size": 3, "etag": "0"}}}',
                                      b'[' * 100_000])
def test_without_a_sound_manifest_everything_is_sent_again(s3, manifest):
    fill(s3, FILES)
    if manifest is None:
        s3.client.delete_object(Bucket=s3.bucket, Key=MANIFEST)
    else:
        s3.client.put_object(Bucket=s3.bucket, Key=MANIFEST, Body=manifest)
    assert fill(s3, FILES) == (5, 0)
    assert fill(s3, FILES) == (0, 5)


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


def test_what_passes_is_tried_again(s3):
    refusals = iter([(503, 'SlowDown')])
    s3.gateway.refuse = lambda method, _: next(refusals, None) if method == 'PUT' else None
    assert fill(s3, {'a.png': PNG}) == (1, 0)


def test_an_upload_that_is_refused_ends_the_run_and_the_manifest_says_what_was_sent(s3):
    s3.gateway.refuse = refuse_puts('3.png')
    with pytest.raises(StoreFailed, match=rf's3://{s3.bucket} .*AccessDenied: as told \(PutObject\)'):
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


def test_a_manifest_that_cannot_be_written_is_told_and_hides_no_other_failure(s3):
    s3.gateway.refuse = refuse_puts(MANIFEST)
    with pytest.raises(StoreFailed, match='AccessDenied'):
        fill(s3, FILES)
    with pytest.raises(ZeroDivisionError):
        fill_and_fail(s3, PLOTS)


# -- buckets that cannot be used ---------------------------------------------------------------------------------------


def told(pattern, environment=os.environ):
    """The message of the StoreFailed that opening raises; nothing of the keys is in it or in what it came from."""
    with pytest.raises(StoreFailed, match=pattern) as failed:
        open_store('unused', environment, patience=QUICK)
    assert KEY not in str(failed.value)
    assert SECRET not in str(failed.value)
    assert failed.value.__suppress_context__
    assert '\n' not in str(failed.value)
    return str(failed.value)


def test_a_bucket_that_does_not_exist_is_told(s3, monkeypatch):
    monkeypatch.setenv('AWS_S3_BUCKET', 'no-such-bucket-here')
    told('s3://no-such-bucket-here cannot be used: NoSuchBucket')


def test_a_bucket_that_may_not_be_listed_is_told(s3):
    s3.gateway.refuse = lambda *_: (403, 'AccessDenied')
    told(f's3://{s3.bucket} cannot be used: AccessDenied')


@pytest.mark.parametrize('name', ['Not A Bucket', 'a/b', '.'])
def test_a_name_that_is_no_bucket_is_told(s3, monkeypatch, name):
    monkeypatch.setenv('AWS_S3_BUCKET', name)
    told('s3://.* cannot be used: ')


def test_missing_credentials_are_told(s3, monkeypatch):
    monkeypatch.delenv('AWS_ACCESS_KEY_ID')
    monkeypatch.delenv('AWS_SECRET_ACCESS_KEY')
    told('Unable to locate credentials')


def test_a_server_that_is_not_there_is_told_within_seconds(aws, monkeypatch):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    monkeypatch.setenv('AWS_ENDPOINT_URL', f'http://127.0.0.1:{port}')
    started = time.monotonic()
    told('s3://throughput cannot be used: Could not connect to the endpoint')
    assert time.monotonic() - started < 8


def test_a_server_that_does_not_answer_is_told_within_seconds(aws, monkeypatch):
    with socket.create_server(('127.0.0.1', 0)) as silent:
        monkeypatch.setenv('AWS_ENDPOINT_URL', f'http://user:hunter2@127.0.0.1:{silent.getsockname()[1]}')
        started = time.monotonic()
        with pytest.raises(StoreFailed, match=r'Read timeout|timed out') as failed:
            open_store('unused', os.environ, patience=Patience(attempts=2, connect_s=0.5, read_s=0.5))
    assert 'hunter2' not in str(failed.value)
    assert time.monotonic() - started < 8


def test_an_endpoint_that_is_no_url_is_told(aws, monkeypatch):
    monkeypatch.setenv('AWS_ENDPOINT_URL', 'not a url')
    told('Invalid endpoint')


@pytest.mark.parametrize('ending', ['\n', '\r\nX: y'])
def test_a_key_that_breaks_the_request_is_not_printed(s3, monkeypatch, ending):
    """A secret that was read from a file with its last newline is the usual way to get here."""
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', KEY + ending)
    told(f's3://{s3.bucket} cannot be used')
