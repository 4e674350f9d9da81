"""Requests to a bucket: retries, and the error of a bucket that cannot be used, which shows no credentials."""

import os
import socket
import time

import pytest

from photzp.errors import StoreFailed
from photzp.store.open import open_store
from photzp.store.s3client import Patience
from tests.support.stores import KEY, PNG, QUICK, SECRET, fill


def test_a_passing_refusal_is_retried(s3):
    refusals = iter([(503, 'SlowDown')])
    s3.gateway.refuse = lambda method, _: next(refusals, None) if method == 'PUT' else None
    assert fill(s3, {'a.png': PNG}) == (1, 0)


def refused(pattern, environment=os.environ):
    """The message of the StoreFailed that opening raises; nothing of the keys is in it or in what it came from."""
    with pytest.raises(StoreFailed, match=pattern) as failed:
        open_store('unused', environment, patience=QUICK)
    assert KEY not in str(failed.value)
    assert SECRET not in str(failed.value)
    assert failed.value.__suppress_context__
    assert '\n' not in str(failed.value)
    return str(failed.value)


def test_a_bucket_that_does_not_exist_is_reported(s3, monkeypatch):
    monkeypatch.setenv('AWS_S3_BUCKET', 'no-such-bucket-here')
    refused('s3://no-such-bucket-here cannot be used: NoSuchBucket')


def test_a_bucket_that_may_not_be_listed_is_reported(s3):
    s3.gateway.refuse = lambda *_: (403, 'AccessDenied')
    refused(f's3://{s3.bucket} cannot be used: AccessDenied')


@pytest.mark.parametrize('name', ['Not A Bucket', 'a/b', '.'])
def test_a_name_that_is_no_bucket_is_reported(s3, monkeypatch, name):
    monkeypatch.setenv('AWS_S3_BUCKET', name)
    refused('s3://.* cannot be used: ')


def test_missing_credentials_are_reported(s3, monkeypatch):
    monkeypatch.delenv('AWS_ACCESS_KEY_ID')
    monkeypatch.delenv('AWS_SECRET_ACCESS_KEY')
    refused('Unable to locate credentials')


def test_a_server_that_is_not_there_is_reported_within_seconds(aws, monkeypatch):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    monkeypatch.setenv('AWS_ENDPOINT_URL', f'http://127.0.0.1:{port}')
    started = time.monotonic()
    refused('s3://throughput cannot be used: Could not connect to the endpoint')
    assert time.monotonic() - started < 8


def test_a_server_that_does_not_answer_is_reported_within_seconds(aws, monkeypatch):
    with socket.create_server(('127.0.0.1', 0)) as silent:
        monkeypatch.setenv('AWS_ENDPOINT_URL', f'http://user:hunter2@127.0.0.1:{silent.getsockname()[1]}')
        started = time.monotonic()
        with pytest.raises(StoreFailed, match=r'Read timeout|timed out') as failed:
            open_store('unused', os.environ, patience=Patience(attempts=2, connect_s=0.5, read_s=0.5))
    assert 'hunter2' not in str(failed.value)
    assert time.monotonic() - started < 8


def test_an_endpoint_that_is_no_url_is_reported(aws, monkeypatch):
    monkeypatch.setenv('AWS_ENDPOINT_URL', 'not a url')
    refused('Invalid endpoint')


@pytest.mark.parametrize('ending', ['\n', '\r\nX: y'])
def test_a_key_that_breaks_the_request_is_not_printed(s3, monkeypatch, ending):
    """A secret that was read from a file with its last newline is the usual way to get here."""
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', KEY + ending)
    refused(f's3://{s3.bucket} cannot be used')
