"""The manifest of a bucket: its form, and one that is missing, damaged or of a later version."""

import hashlib
import json

import pytest

from photzp.store.base import MANIFEST
from tests.support.stores import FILES, PNG, fill


def test_the_manifest_holds_the_hash_of_each_object(s3):
    fill(s3, FILES)
    manifest = json.loads(s3.client.get_object(Bucket=s3.bucket, Key=MANIFEST)['Body'].read())
    assert manifest['schema'] == 1
    assert {name: entry['sha256'] for name, entry in manifest['objects'].items()} == {
        name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}


def test_the_manifest_keeps_its_form_to_the_byte(s3):
    fill(s3, {'b.png': PNG, 'empty.csv': b''})
    etags = {item['Key']: item['ETag'].strip('"') for item in s3.client.list_objects_v2(Bucket=s3.bucket)['Contents']}
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
    later = {**manifest, 'by': 'x', 'objects': {name: {**entry, 'x': 1} for name, entry in manifest['objects'].items()}}
    s3.client.put_object(Bucket=s3.bucket, Key=MANIFEST, Body=json.dumps(later).encode())
    assert fill(s3, FILES) == (0, 5)


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
