"""Where the report goes: the bucket that the environment names, else the directory."""

import os

from photzp.store.bucket import BucketStore
from photzp.store.directory import DirectoryStore
from photzp.store.open import open_store
from tests.support.stores import QUICK


def test_an_empty_bucket_name_means_the_directory(tmp_path):
    assert open_store(tmp_path, {'AWS_S3_BUCKET': ' '}).place == str(tmp_path)


def test_without_a_bucket_the_directory_is_made(tmp_path):
    store = open_store(tmp_path / 'new' / 'plots', {'HOME': '/nowhere'})
    assert isinstance(store, DirectoryStore)
    assert store.place == str(tmp_path / 'new' / 'plots')
    assert (tmp_path / 'new' / 'plots').is_dir()


def test_a_bucket_comes_before_the_directory_which_stays_unmade(s3, tmp_path):
    store = open_store(tmp_path / 'unused', os.environ | {'AWS_S3_BUCKET': f' {s3.bucket}\n'}, patience=QUICK)
    assert isinstance(store, BucketStore)
    assert store.place == f's3://{s3.bucket}'
    assert not (tmp_path / 'unused').exists()
