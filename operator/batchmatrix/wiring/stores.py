"""Stores: those of the operator's settings, and what is at a URL that it gave."""

from __future__ import annotations

from batchmatrix.adapters.folder import FolderStore
from batchmatrix.adapters.objectstore import open_s3, open_s3_of_user
from batchmatrix.adapters.telemetry.stores import MeteredStore
from batchmatrix.base.errors import Unavailable
from batchmatrix.ports.meter import UNMETERED, Meter
from batchmatrix.ports.store import Store
from batchmatrix.settings import StoreSettings

__all__ = ["open_results", "open_store"]


async def open_store(settings: StoreSettings, meter: Meter = UNMETERED) -> Store:
    """The adapter for one configured store. Raises InvalidSpec where it cannot be used as it is configured."""
    return MeteredStore(await _open_store(settings), meter)


async def _open_store(settings: StoreSettings) -> Store:
    if settings.folder is not None:
        return await FolderStore.open(settings.folder.path)
    assert settings.s3 is not None
    s3 = settings.s3
    return open_s3(
        s3.bucket,
        prefix=s3.prefix,
        endpoint=s3.endpoint,
        region=s3.region,
        allow_http=s3.allow_http,
        credentials=s3.credentials,
    )


def open_results(url: str) -> Store:
    """The store at a URL that the operator gave, with the credentials of whoever runs this.

    Raises Unavailable where it cannot be read from here, with what can be done.
    """
    if url.startswith("s3://"):
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        return open_s3_of_user(bucket, prefix=prefix)
    raise Unavailable(
        f"{url} is a folder that the operator's pod alone sees; `batchmatrix artifacts cat KEY` in that pod shows it"
    )
