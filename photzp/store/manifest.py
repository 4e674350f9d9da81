"""The manifest of a bucket: what each object that we sent holds, so that an unchanged file is not sent again.

`manifest.json` is an object like the others, written last.  An entry counts only while the listing of the bucket shows
an object of the same size and version (its ETag, used as no more than a mark that changes when the object is replaced:
it is no hash of the content).  An object that was deleted or overwritten since is sent again.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from photzp.store.base import MANIFEST
from photzp.typedtree import plain, typed

log = logging.getLogger('photzp.store')

_SCHEMA = 1


@dataclass(frozen=True)
class Entry:
    """One object.

    Attributes
    ----------
    sha256 : str
        Of its content, hexadecimal.
    size : int
        [byte].
    etag : str
        Version that the bucket gave it.
    """

    sha256: str
    size: int
    etag: str


def read_manifest(content: bytes | None, place: str) -> dict[str, Entry]:
    """Entries of a manifest; a damaged one is logged, and everything is sent again.

    Parameters
    ----------
    content : bytes or None
        None where the bucket has no manifest.
    place : str
        The bucket, for the log.

    Returns
    -------
    dict of str to Entry
        By name of the object; empty where the manifest is missing, damaged or of another schema.
    """
    if content is None:
        return {}
    try:
        manifest = json.loads(content)
        if manifest['schema'] != _SCHEMA:
            return {}
        return typed(dict[str, Entry], manifest['objects'], 'objects', newer=True)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        log.warning('%s: %s is damaged (%.200s); everything is sent again', place, MANIFEST, error)
        return {}


def manifest_content(entries: Mapping[str, Entry]) -> bytes:
    """Content of the manifest.

    Parameters
    ----------
    entries : mapping of str to Entry
        By name of the object.

    Returns
    -------
    bytes
        JSON in ASCII, sorted by name.
    """
    return json.dumps({'schema': _SCHEMA, 'objects': plain(entries)}, indent=1, sort_keys=True).encode()
