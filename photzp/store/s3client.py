"""Requests to one S3 bucket, AWS's or any that speaks the same.

Whatever fails is raised as `StoreFailed`, without credentials.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from photzp.errors import StoreFailed
from photzp.store.base import cache_control, content_type

CONNECTIONS = 8  # chosen because more gain nothing on a line of 100 Mbit/s and 250 kB an image
_CREDENTIALS = ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN')


@dataclass(frozen=True)
class Patience:
    """How long to wait for a bucket.

    Attributes
    ----------
    attempts : int
        Per request (botocore's standard mode).
    connect_s : float
        For a connection [s].
    read_s : float
        Between two bytes of an answer [s].
    waiting_s : float
        For all waiting of a run together [s]; chosen because a report of 250 MB takes 200 s on a line of 10 Mbit/s.
    """

    attempts: int = 5
    connect_s: float = 5
    read_s: float = 30
    waiting_s: float = 900


class S3Bucket:
    """A bucket and its client, which threads may share; all methods raise StoreFailed.

    Parameters
    ----------
    name : str
        Of the bucket.
    environment : mapping of str to str
        As os.environ.
    patience : Patience
        Attempts and timeouts of single requests.

    Attributes
    ----------
    place : str
        URL as s3://name, for people and logs.
    """

    def __init__(self, name: str, environment: Mapping[str, str], patience: Patience) -> None:
        self.place = f's3://{name}'
        self._name, self._attempts = name, patience.attempts
        self._secrets = [environment.get(variable) for variable in _CREDENTIALS]
        with self._errors_as_store_failed():
            self._client = self._connect(environment, patience)

    def listing(self) -> dict[str, tuple[int, str]]:
        """List the bucket.

        Returns
        -------
        dict of str to (int, str)
            Size [byte] and ETag of every object, by name.
        """
        with self._errors_as_store_failed():
            pages = self._client.get_paginator('list_objects_v2').paginate(Bucket=self._name)
            return {item['Key']: (item['Size'], _etag(item)) for page in pages for item in page.get('Contents', ())}

    def fetch(self, name: str) -> bytes | None:
        """Read an object.

        Parameters
        ----------
        name : str
            Of the object.

        Returns
        -------
        bytes or None
            Its content; None where there is no such object.
        """
        with self._errors_as_store_failed():
            from botocore.exceptions import HTTPClientError, IncompleteReadError

            for attempt in range(1, self._attempts + 1):
                try:
                    answer = self._client.get_object(Bucket=self._name, Key=name)
                except self._client.exceptions.NoSuchKey:
                    return None
                try:
                    return answer['Body'].read()
                except (HTTPClientError, IncompleteReadError):  # botocore retries only failures before the body
                    if attempt == self._attempts:
                        raise
        return None

    def upload(self, name: str, content: bytes) -> str:
        """Write an object.

        Parameters
        ----------
        name : str
            Of the object; its extension gives Content-Type and Cache-Control.
        content : bytes
            Whole content.

        Returns
        -------
        str
            Its ETag.
        """
        with self._errors_as_store_failed():
            return _etag(self._client.put_object(Bucket=self._name, Key=name, Body=content,
                                                 ContentType=content_type(name), CacheControl=cache_control(name)))

    def _connect(self, environment: Mapping[str, str], patience: Patience) -> Any:
        """An S3 client."""
        import boto3
        from botocore.config import Config

        session = boto3.Session()
        credentials = session.get_credentials()
        if credentials:
            self._secrets += [credentials.access_key, credentials.secret_key, credentials.token]
        endpoint = environment.get('AWS_ENDPOINT_URL_S3') or environment.get('AWS_ENDPOINT_URL')
        if '://' in (endpoint or '') and not _is_server(endpoint):
            self._secrets.append(endpoint)  # boto3 repeats it in its errors, and it may hold a password
        return session.client('s3', config=Config(
            retries={'mode': 'standard', 'total_max_attempts': patience.attempts},
            connect_timeout=patience.connect_s, read_timeout=patience.read_s, max_pool_connections=CONNECTIONS,
            s3={'addressing_style': 'path'} if endpoint else None))  # bucket.server is rarely in its name service

    @contextmanager
    def _errors_as_store_failed(self) -> Iterator[None]:
        """Raise StoreFailed for whatever boto3 raises: bucket and cause, without credentials."""
        try:
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError:
            raise StoreFailed(f'{self.place}: AWS_S3_BUCKET is set, but boto3 is not installed') from None
        try:
            yield
        except ClientError as error:
            answer = error.response.get('Error', {})
            cause = f'{answer.get("Code", "unknown error")}: {answer.get("Message", "")} ({error.operation_name})'
        except (BotoCoreError, OSError, ValueError) as error:
            cause = str(error)
        else:
            return
        raise StoreFailed(f'the bucket {self.place} cannot be used: {self._redacted(cause)}; see AWS_S3_BUCKET, the '
                          'credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) and AWS_ENDPOINT_URL') from None

    def _redacted(self, text: str) -> str:
        """The text without credentials, in one line."""
        secrets = {part for secret in self._secrets if secret for part in (secret, *secret.split())}
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, '***')
        return ' '.join(re.sub(r'://[^/\s@]*@', '://***@', text).split())


def _etag(answer: Mapping[str, Any]) -> str:
    return answer.get('ETag', '').strip('"')


def _is_server(url: str | None) -> bool:
    """Whether a URL names a server and holds no user or password."""
    try:
        parts = urlsplit(url or '')
        return bool(parts.hostname) and '@' not in parts.netloc and (parts.port or 0) >= 0
    except ValueError:
        return False
