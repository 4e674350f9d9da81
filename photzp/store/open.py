"""Where the report goes: a directory or an S3 bucket, behind one interface.

`open_store` opens the bucket that AWS_S3_BUCKET names, else the directory.  Files are put by name and content; what is
there already with the same content is not written again.  Uploads start at once, several at a time; a page (.html) goes
out only after everything that was put before it.  Use a store in a `with` block: leaving it waits for the uploads.

In a directory a file is written under a temporary name and renamed, so that a reader sees the old or the new one and
never a part.  In a bucket `manifest.json` says what each object holds (SHA-256), written last.  An entry counts only
while the listing of the bucket shows an object of the same size and version (its ETag, taken for no more than a mark
that changes when the object is replaced: it is no hash of the content): whatever was deleted or overwritten since is
sent again.  A run that fails half-way still notes what it sent.

Whatever a file system or S3 refuses is raised as `StoreFailed`, without credentials.
"""

from collections.abc import Mapping
from pathlib import Path

from photzp.store.base import ReportStore
from photzp.store.bucket import BucketStore, Patience
from photzp.store.directory import DirectoryStore


def open_store(directory: Path | str, environment: Mapping[str, str], *,
               patience: Patience | None = None) -> ReportStore:
    """Open the place that the report goes to.

    directory : str or path, made where it does not exist; used where the environment has no AWS_S3_BUCKET.
    environment : mapping as os.environ.  boto3 looks up credentials and region by itself.
    patience : Patience with a bucket.
    Returns a DirectoryStore or a BucketStore; raises StoreFailed where it cannot be used.
    """
    bucket = environment.get('AWS_S3_BUCKET', '').strip()
    if bucket:
        return BucketStore(bucket, environment, patience or Patience())
    return DirectoryStore(directory)
