"""Open the place where the report goes: a directory or an S3 bucket, behind one interface (`photzp.store.base`).

Files are put by name and content; a file that is there already with the same content is not written again.  Use a store
in a `with` block: leaving it waits for the uploads.  Whatever a file system or S3 refuses is raised as `StoreFailed`,
without credentials.
"""

from collections.abc import Mapping
from pathlib import Path

from photzp.store.base import ReportStore
from photzp.store.bucket import BucketStore
from photzp.store.directory import DirectoryStore
from photzp.store.s3client import Patience


def open_store(directory: Path | str, environment: Mapping[str, str], *,
               patience: Patience | None = None) -> ReportStore:
    """Open the bucket that AWS_S3_BUCKET names, else the directory.

    Parameters
    ----------
    directory : pathlib.Path or str
        Created where it does not exist; not used where the environment names a bucket.
    environment : mapping of str to str
        As os.environ; boto3 reads credentials and region from the process's own.
    patience : Patience, optional
        How long to wait for a bucket; the default is for nightly runs.

    Returns
    -------
    ReportStore
        A DirectoryStore or a BucketStore.

    Raises
    ------
    StoreFailed
        The place cannot be used.
    """
    bucket = environment.get('AWS_S3_BUCKET', '').strip()
    if bucket:
        return BucketStore(bucket, environment, patience or Patience())
    return DirectoryStore(directory)
