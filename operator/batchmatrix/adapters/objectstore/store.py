"""The Store port over an obstore store."""

from __future__ import annotations

from collections.abc import AsyncIterator

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from batchmatrix.adapters.objectstore.errors import translate
from batchmatrix.base.errors import InvalidSpec, NotFound
from batchmatrix.ports.store import ObjectInfo, Store, check_key

__all__ = ["BucketStore"]

_ERRORS = (BaseError, FileNotFoundError)
_PAGE = 1000


class BucketStore(Store):
    """A prefix of a bucket.

    It holds for any store of obstore; one that has not passed tests/contract/test_store.py has no opener here.
    """

    def __init__(self, bucket: ObjectStore, *, url: str) -> None:
        self._bucket = bucket
        self._url = url

    @property
    def url(self) -> str:
        """Such as `s3://bucket/prefix`."""
        return self._url

    async def put_new(self, key: str, data: bytes) -> None:
        """Write an object with `If-None-Match: *`."""
        check_key(key)
        try:
            await self._bucket.put_async(key, data, mode="create", use_multipart=False)
        except _ERRORS as error:
            raise translate(error, url=self._url, verb="write", key=key) from None

    async def put(self, key: str, data: bytes) -> None:
        """Write an object in one request, so that no part of an upload is ever left behind."""
        check_key(key)
        try:
            await self._bucket.put_async(key, data, use_multipart=False)
        except _ERRORS as error:
            raise translate(error, url=self._url, verb="write", key=key) from None

    async def get(self, key: str) -> bytes:
        """Read an object whole."""
        check_key(key)
        try:
            result = await self._bucket.get_async(key)
            return bytes(await result.bytes_async())
        except _ERRORS as error:
            raise translate(error, url=self._url, verb="read", key=key) from None

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """Objects in byte order of their keys; the whole listing is held in memory (about 200 bytes an object).

        SeaweedFS lists `a/x` before `a-b`, so the order is made here. obstore matches whole segments, so the folder
        of `prefix` is listed and filtered: a prefix that ends with a slash costs least.
        """
        base = prefix.rpartition("/")[0]
        if base:
            try:
                check_key(base)
            except InvalidSpec:
                return
        found: list[ObjectInfo] = []
        try:
            async for page in obstore.list(self._bucket, base + "/" if base else None, chunk_size=_PAGE):
                found += [ObjectInfo(item["path"], item["size"]) for item in page if item["path"].startswith(prefix)]
        except _ERRORS as error:
            raise translate(error, url=self._url, verb="list", key=prefix) from None
        for info in sorted(found, key=lambda info: info.key):
            yield info

    async def delete(self, key: str) -> None:
        """Remove an object."""
        check_key(key)
        try:
            await self._bucket.delete_async(key)
        except _ERRORS as error:
            raised = translate(error, url=self._url, verb="delete", key=key)
            if not isinstance(raised, NotFound):
                raise raised from None

    async def close(self) -> None:
        """Nothing to do: connections are pooled in obstore and end with the object."""
