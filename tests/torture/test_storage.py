"""A share of the storage faults of `make torture`: a bucket behind a gateway that misbehaves, and a full disk."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from benchmarks.torture import storage
from benchmarks.torture.gateway import NO_FAULT, Fault, Gateway
from benchmarks.torture.ground import BUCKET, make_bucket, s3_client, s3_environment, s3_server
from photzp.errors import StoreFailed
from photzp.store.open import open_store
from photzp.store.s3client import Patience

QUICK = Patience(attempts=3, connect_s=1, read_s=1, waiting_s=3)
FILES = {'plot1.png': b'P' * 3000, 'plot2.png': b'Q' * 3000, 'status.json': b'{}', 'index.html': b'<p></html>'}


@pytest.fixture(scope='module')
def server():
    with s3_server() as address:
        yield address, s3_client(address)


@pytest.fixture
def gateway(server, monkeypatch):
    """A gateway to an empty bucket; the environment names it."""
    address, client = server
    make_bucket(client)
    with Gateway(address) as gateway:
        threading.Thread(target=gateway.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()
        for name, value in s3_environment(gateway.server_address).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr('botocore.retries.standard.ExponentialBackoff.delay_amount', lambda self, context: 0.05)
        yield gateway
        gateway.ending.set()
        gateway.shutdown()


def publish():
    with open_store('unused', os.environ, patience=QUICK) as store:
        for name, content in FILES.items():
            store.put(name, content)


def there(client):
    return {name: seen.content() for name, seen in storage.look_at_bucket(client, BUCKET).items()
            if name != 'manifest.json'}


@pytest.mark.parametrize('name', ['one listing answers 500', 'three uploads answer 503', 'answers end half-way',
                                  'a listing and uploads drop connections'])
def test_what_passes_is_outlived(gateway, server, name):
    gateway.begin(storage.OUTLIVED[name])
    publish()
    assert gateway.met > gateway.fault.times  # it was tried again
    assert there(server[1]) == FILES


def test_an_answer_that_ends_half_way_is_asked_for_again(gateway, server):
    publish()
    gateway.begin(Fault('halves', times=2, spared=1, methods=('GET',)))  # the manifest, after the listing
    with open_store('unused', os.environ, patience=QUICK) as store:
        store.put('plot1.png', FILES['plot1.png'])
        assert (store.sent, store.unchanged) == (0, 1)
    assert gateway.met == 4
    gateway.begin(Fault('halves', spared=1, methods=('GET',)))
    with pytest.raises(StoreFailed):
        publish()
    assert gateway.met == 1 + QUICK.attempts


@pytest.mark.parametrize('name', ['answers 503 for ever after four uploads', 'drops every upload', 'drips for ever',
                                  'uploads drip for ever', 'credentials expire half-way', 'another region'])
def test_what_does_not_pass_ends_the_run_in_bounded_time(gateway, server, name):
    fault, word = storage.ENDED[name]
    gateway.begin(replace(fault, spared=min(fault.spared, 1)))
    begun = time.monotonic()
    with pytest.raises(StoreFailed, match=word) as caught:
        publish()
    assert time.monotonic() - begun < 3 * (QUICK.waiting_s + QUICK.read_s)
    assert storage.SECRET not in str(caught.value)
    assert 'index.html' not in there(server[1])
    gateway.begin(NO_FAULT)
    publish()
    assert there(server[1]) == FILES


def test_what_hangs_does_not_keep_the_process(gateway):
    gateway.begin(storage.ENDED['uploads drip for ever'][0])
    program = ('import os, sys; sys.path.insert(0, sys.argv[1]); from photzp.store.open import Patience, open_store\n'
               'with open_store("unused", os.environ, patience=Patience(2, 1, 1, 2)) as store:\n'
               '    for number in range(5): store.put(f"plot{number}.png", b"P")\n')
    ended = subprocess.run([sys.executable, '-c', program, storage.ROOT], capture_output=True, text=True, check=False,
                           timeout=30)
    assert 'is too slow: this run has waited' in ended.stderr


def test_a_full_disk(tmp_path):
    with storage.small_disk(tmp_path / 'disk', 40) as disk:
        if disk is None:
            pytest.skip('a small disk needs root')
        with open_store(disk, {}) as store:
            store.put('plot1.png', b'P' * 30_000)
            with pytest.raises(StoreFailed, match=r'plot2.png: No space left on device; make room'):
                store.put('plot2.png', b'Q' * 30_000)
        assert os.listdir(disk) == ['plot1.png']
        assert (disk / 'plot1.png').read_bytes() == b'P' * 30_000
