"""A directory and a bucket for the report; the bucket is of moto's server behind a real socket."""

import hashlib
import os
import threading
from functools import cache
from types import SimpleNamespace

import pytest

from photzp.store.open import open_store
from tests.support.stores import KEY, QUICK, SECRET, Gateway


@pytest.fixture(scope='module')
def moto_address():
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()
    server.stop()


@pytest.fixture(scope='module')
def _descriptions_of_services_are_read_once():
    """Each client of boto3 would parse the same files again, which takes longer than most of these tests."""
    from botocore.loaders import JSONFileLoader

    with pytest.MonkeyPatch.context() as patch:
        read = cache(JSONFileLoader().load_file)
        patch.setattr(JSONFileLoader, 'load_file', lambda _, path: read(path))
        yield


@pytest.fixture
def aws(_descriptions_of_services_are_read_once, monkeypatch, tmp_path):
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
