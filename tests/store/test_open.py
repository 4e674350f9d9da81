"""Where the report goes: the bucket that the environment names, else the directory."""

from photzp.store.open import open_store


def test_an_empty_bucket_name_means_the_directory(tmp_path):
    assert open_store(tmp_path, {'AWS_S3_BUCKET': ' '}).place == str(tmp_path)
