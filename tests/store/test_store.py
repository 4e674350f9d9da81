"""The report goes to a directory or a bucket in the same way; the bucket is moto's server behind a real socket."""

import hashlib
import http.client
import json
import os
import socket
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from photzp.errors import StoreFailed
from photzp.names import (
    ReportName,
    overview_plot_name,
    parse_report_name,
    safe_file,
    telescope_page_name,
    telescope_plot_name,
    trend_plot_name,
)
from photzp.store import bucket as bucketstore
from photzp.store import directory as directorystore
from photzp.store.base import MANIFEST
from photzp.store.bucket import Patience
from photzp.store.open import open_store

KEY, SECRET = 'AKIDEXAMPLEONLY', 'wJalrXUtnFEMIK7MDENGbPxRfiCYKEY'
QUICK = Patience(attempts=2, connect_s=1, read_s=2)
PNG = b'\x89PNG\r\n\x1a\n' + bytes(range(256)) * 40
ERROR = '<?xml version="1.0"?><Error><Code>{}</Code><Message>{}</Message></Error>'


class Gateway(ThreadingHTTPServer):
    """Stands before the S3 server and passes everything on: notes what was asked, refuses or delays where told to.

    asked : [(method, path)] in the order of their ends.  refuse(method, path) : (status, code) or None.
    delay_s : of each image, so that what waits for images is seen to wait.  page_size : objects in a page of a listing.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, behind):
        super().__init__(('127.0.0.1', 0), _Passage)
        self.behind, self.asked, self.refuse, self.delay_s = behind, [], lambda *_: None, 0
        self.url = f'http://127.0.0.1:{self.server_address[1]}'
        self.page_size = 1000
        self.at_once, self.most_at_once, self.lock = 0, 0, threading.Lock()

    def puts(self):
        """Names of the objects sent, in the order of their ends."""
        return [path.rsplit('/', 1)[-1] for method, path in self.asked if method == 'PUT']


class _Passage(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    wbufsize = -1
    disable_nagle_algorithm = True

    def handle_expect_100(self):
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _pass_on(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        path, server = self.path.split('?')[0], self.server
        with server.lock:
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        if path.endswith('.png'):
            time.sleep(server.delay_s)
        refusal = server.refuse(self.command, path)
        if refusal:
            status, headers, answer = refusal[0], [], ERROR.format(refusal[1], 'as told').encode()
        else:
            connection = http.client.HTTPConnection(*server.behind, timeout=10)
            query = f'&max-keys={server.page_size}' if 'list-type' in self.path else ''
            connection.request(self.command, self.path + query, body, dict(self.headers))
            response = connection.getresponse()
            status, headers, answer = response.status, response.getheaders(), response.read()
            connection.close()
        with server.lock:
            server.at_once -= 1
            server.asked.append((self.command, path))
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ('content-length', 'transfer-encoding', 'connection'):
                self.send_header(name, value)
        self.send_header('Content-Length', str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_PUT = _pass_on  # noqa: N815 (http.server's own names)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope='module')
def moto_address():
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()
    server.stop()


@pytest.fixture(scope='module', autouse=True)
def _descriptions_of_services_are_read_once():
    """Each client of boto3 would parse the same files again, which takes longer than most of these tests."""
    from botocore.loaders import JSONFileLoader

    with pytest.MonkeyPatch.context() as patch:
        read = cache(JSONFileLoader().load_file)
        patch.setattr(JSONFileLoader, 'load_file', lambda _, path: read(path))
        yield


@pytest.fixture
def aws(monkeypatch, tmp_path):
    """Credentials in the environment and nowhere else."""
    for name, value in {'AWS_ACCESS_KEY_ID': KEY, 'AWS_SECRET_ACCESS_KEY': SECRET, 'AWS_DEFAULT_REGION': 'us-west-2',
                        'AWS_EC2_METADATA_DISABLED': 'true', 'AWS_CONFIG_FILE': str(tmp_path / 'none'),
                        'AWS_SHARED_CREDENTIALS_FILE': str(tmp_path / 'none'), 'NO_PROXY': '127.0.0.1',
                        'AWS_S3_BUCKET': 'throughput'}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def s3(moto_address, aws, monkeypatch, tmp_path):
    """An empty bucket behind a gateway: .open() .client .gateway .bucket"""
    import boto3

    bucket = 'throughput-' + hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]
    gateway = Gateway(moto_address)
    threading.Thread(target=gateway.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()
    monkeypatch.setenv('AWS_S3_BUCKET', bucket)
    monkeypatch.setenv('AWS_ENDPOINT_URL', gateway.url)
    client = boto3.client('s3', endpoint_url='http://{}:{}'.format(*moto_address))
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={'LocationConstraint': 'us-west-2'})
    yield SimpleNamespace(open=lambda: open_store('unused', os.environ, patience=QUICK), client=client,
                          gateway=gateway, bucket=bucket, place=f's3://{bucket}')
    gateway.shutdown()
    gateway.server_close()


@pytest.fixture
def directory(tmp_path):
    path = tmp_path / 'new' / 'plots'
    return SimpleNamespace(open=lambda: open_store(path, {}), path=path, place=str(path))


@pytest.fixture(params=['directory', 's3'])
def place(request):
    return request.getfixturevalue(request.param)


def fill(place, files):
    """Put files in a run of their own: (sent, unchanged)."""
    with place.open() as store:
        for name, content in files.items():
            store.put(name, content)
    return store.sent, store.unchanged


def fill_and_fail(place, files):
    """Put files, one after the other, in a run that fails by itself; returns its store."""
    with place.open() as store:
        for name, content in files.items():
            store.put(name, content)
            store.flush()
        raise ZeroDivisionError


def refuse_puts(ending=''):
    """A rule for the gateway: no object with this ending may be sent."""
    return lambda method, path: (403, 'AccessDenied') if method == 'PUT' and path.endswith(ending) else None


PLOTS = {f'plot{number}.png': PNG for number in range(6)}
FILES = {'photzptrend-lsc-doma-1m0a-rp.png': PNG, 'mirrormodel-lsc-doma-1m0a-rp.csv': b'date,zp\n', 'empty.csv': b'',
         'index.html': b'<p>', 'status.json': b'{}'}


# -- both places -------------------------------------------------------------------------------------------------------


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


def test_what_a_place_holds_is_told_by_content(place):
    fill(place, {'a.png': PNG, 'b.png': PNG})
    with place.open() as store:
        assert store.holds('a.png', hashlib.sha256(PNG).hexdigest())
        assert not store.holds('a.png', hashlib.sha256(b'other').hexdigest())
        assert not store.holds('c.png', hashlib.sha256(PNG).hexdigest())
        store.put('b.png', b'other')
        assert store.holds('b.png', hashlib.sha256(b'other').hexdigest())
        assert not store.holds('b.png', hashlib.sha256(PNG).hexdigest())


def test_an_object_that_somebody_replaced_is_not_held(s3):
    fill(s3, {'a.png': PNG, 'b.png': PNG})
    s3.client.put_object(Bucket=s3.bucket, Key='a.png', Body=b'other')
    with s3.open() as store:
        assert not store.holds('a.png', hashlib.sha256(PNG).hexdigest())
        assert store.holds('b.png', hashlib.sha256(PNG).hexdigest())


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
        with pytest.raises(ValueError, match=r'is not a file name|is the name of the list'):
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


# -- directory ---------------------------------------------------------------------------------------------------------


def test_an_empty_bucket_name_means_the_directory(tmp_path):
    assert open_store(tmp_path, {'AWS_S3_BUCKET': ' '}).place == str(tmp_path)


def test_unchanged_files_keep_their_time_and_changed_ones_are_replaced_as_a_whole(directory):
    fill(directory, FILES)
    for name in FILES:
        os.utime(directory.path / name, (1, 1))
    with (directory.path / 'index.html').open('rb') as reader:
        fill(directory, FILES | {'index.html': b'longer than before'})
        assert reader.read() == b'<p>'  # who reads the old page goes on reading it
    assert [name for name in FILES if (directory.path / name).stat().st_mtime != 1] == ['index.html']


def test_files_can_be_read_by_a_web_server(directory):
    before = os.umask(0o022)
    try:
        fill(directory, {'index.html': b'<p>'})
    finally:
        os.umask(before)
    assert (directory.path / 'index.html').stat().st_mode & 0o777 == 0o644


def test_temporary_files_of_killed_runs_are_removed_and_those_in_use_are_kept(directory):
    import fcntl

    fill(directory, FILES)
    killed, running = (directory.path / f'.index.html.partial-1-{number}' for number in (1, 2))
    killed.write_bytes(b'half')
    other = directory.path / '.partial-notes'
    other.write_text('mine')
    with running.open('wb') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with directory.open() as store:
            assert store.names() == set(FILES)
        assert (killed.exists(), running.exists(), other.exists()) == (False, True, True)


def test_temporary_files_do_not_pile_up_where_there_are_no_locks(directory, monkeypatch):
    fill(directory, FILES)
    monkeypatch.setattr(directorystore, '_try_lock', lambda file: False)
    old, young = (directory.path / f'.index.html.partial-1-{number}' for number in (1, 2))
    for path, days in ((old, 2), (young, 0.5)):
        path.write_bytes(b'half')
        os.utime(path, (time.time() - days * 86400,) * 2)
    with directory.open():
        assert (old.exists(), young.exists()) == (False, True)


def test_a_leftover_of_a_process_of_the_same_number_is_no_obstacle(directory, monkeypatch):
    """In a container every run may have the same number."""
    fill(directory, {})
    monkeypatch.setattr(directorystore, '_try_lock', lambda file: False)
    left = directory.path / f'.index.html.partial-{os.getpid()}-1'
    left.write_bytes(b'half')
    assert fill(directory, {'index.html': b'<p>'}) == (1, 0)
    assert (directory.path / 'index.html').read_bytes() == b'<p>'
    assert left.read_bytes() == b'half'  # it may be somebody's who is at it


def test_a_temporary_file_that_was_taken_away_is_written_again(directory, monkeypatch):
    replace, taken = os.replace, []

    def once_too_late(source, target):
        if not taken:
            taken.append(os.unlink(source))
        replace(source, target)

    monkeypatch.setattr(os, 'replace', once_too_late)
    assert fill(directory, {'a.png': PNG}) == (1, 0)
    assert (directory.path / 'a.png').read_bytes() == PNG


def test_a_full_disk_is_told_with_path_and_cause_and_leaves_nothing_behind(directory, monkeypatch):
    def full(*_):
        raise OSError(28, 'No space left on device')

    fill(directory, {'a.png': b'old'})
    monkeypatch.setattr(os, 'replace', full)
    with pytest.raises(StoreFailed, match=r'plots/a\.png: No space left on device; make room'):
        fill(directory, {'a.png': b'new'})
    assert [path.name for path in directory.path.iterdir()] == ['a.png']
    assert (directory.path / 'a.png').read_bytes() == b'old'


def test_a_file_where_the_directory_should_be_is_told(tmp_path):
    (tmp_path / 'file').write_text('x')
    for path in (tmp_path / 'file', tmp_path / 'file' / 'below'):
        with pytest.raises(StoreFailed, match=r'file.*(File exists|Not a directory)'):
            open_store(path, {})


def test_a_directory_that_cannot_be_written_is_told_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'access', lambda *_: False)
    with pytest.raises(StoreFailed, match='cannot be written; see its permissions'):
        open_store(tmp_path, {})


def test_a_directory_in_place_of_a_file_is_told(directory):
    (directory.path / 'a.png').mkdir(parents=True)
    with directory.open() as store:
        with pytest.raises(StoreFailed, match=r'a\.png'):
            store.get('a.png')
        with pytest.raises(StoreFailed, match=r'a\.png'):
            store.put('a.png', PNG)


# -- bucket ------------------------------------------------------------------------------------------------------------


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
    assert 4 <= s3.gateway.most_at_once <= bucketstore.UPLOADS


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
    assert manifest['schema'] == bucketstore.MANIFEST_SCHEMA
    assert {name: entry['sha256'] for name, entry in manifest['objects'].items()} == {
        name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}


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


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(('kind', 'ending'), [('photzptrend', 'png'), ('colortermtrend', 'png'),
                                              ('airmasstrend', 'png'), ('errorhist', 'png'), ('mirrormodel', 'csv')])
def test_names_of_series_are_built_and_taken_apart(kind, ending):
    name = trend_plot_name(kind, 'lsc-doma-1m0a', 'rp')
    assert name == f'{kind}-lsc-doma-1m0a-rp.{ending}'
    assert parse_report_name(name) == ReportName(kind, 'lsc-doma-1m0a', 'rp')


def test_the_data_of_a_trend_are_named_as_its_plot():
    name = trend_plot_name('trenddata', 'lsc-doma-1m0a', 'rp')
    assert name == 'photzptrend-lsc-doma-1m0a-rp.json'
    assert parse_report_name(name) == ReportName('trenddata', 'lsc-doma-1m0a', 'rp')


@pytest.mark.parametrize('kind', ['allmodels_2m01m0', 'allmodels_0m4', 'colorterms'])
def test_names_of_overviews_are_built_and_taken_apart(kind):
    name = overview_plot_name(kind, 'H-Alpha')
    assert name == f'{kind}_H-Alpha.png'
    assert parse_report_name(name) == ReportName(kind, None, 'H-Alpha')


def test_names_of_telescopes():
    assert telescope_page_name('lsc-doma-1m0a') == 'telescope-lsc-doma-1m0a.html'
    assert telescope_plot_name('lsc-doma-1m0a') == 'telescopetrend-lsc-doma-1m0a.png'
    with pytest.raises(ValueError):
        parse_report_name(telescope_plot_name('lsc-doma-1m0a'))  # of no filter


@pytest.mark.parametrize('name', ['index.html', 'photzptrend-lsc-doma-1m0a-rp.csv', 'trenddata-lsc-doma-1m0a-rp.json',
                                  'errorhist-lsc-doma-1m0a-rp.json', 'mirrormodel-lsc-doma-1m0a-rp.png',
                                  'photzptrend-lsc-1m0a-rp.png', 'other-lsc-doma-1m0a-rp.png', 'allmodels_rp.png',
                                  'photzptrend-lsc-doma-1m0a-<b>.png', 'photzptrend-l"c-doma-1m0a-rp.png',
                                  'colorterms_.png'])
def test_other_names_of_files_are_refused(name):
    with pytest.raises(ValueError):
        parse_report_name(name)


@pytest.mark.parametrize(('telescope', 'filter_name'), [
    ('lsc-1m0a', 'rp'), ('a-b-c-d', 'rp'), ('lsc-doma-1m0a', '../rp'), ('lsc-..-1m0a', 'rp'), ('', 'rp'), ('a-b-c', ''),
    ('-'.join('abc' * 22 for _ in 'abc'), 'rp'),
])  # fmt: skip
def test_no_name_is_built_of_what_is_unsafe(telescope, filter_name):
    with pytest.raises(ValueError):
        trend_plot_name('photzptrend', telescope, filter_name)
    if filter_name == 'rp' or not telescope:
        for named in (telescope_plot_name, telescope_page_name):
            with pytest.raises(ValueError):
                named(telescope)
    with pytest.raises(ValueError):
        overview_plot_name('other', 'rp')


@pytest.mark.parametrize('name', ['index.html', 'a' * 200])
def test_file_names_are_safe(name):
    assert safe_file(name) == name
