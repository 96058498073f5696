"""Opening a bucket of S3 or of a server that speaks its protocol."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from obstore.store import S3Store

from batchmatrix.adapters.objectstore.store import BucketStore
from batchmatrix.base.errors import InvalidSpec, Problem, Unavailable
from batchmatrix.ports.store import check_key

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Credential

__all__ = ["credentials_from", "open_s3", "open_s3_of_user"]

_CREDENTIAL_LIFE = timedelta(minutes=5)
"""How soon a changed secret is seen without a restart."""


def credentials_from(folder: Path) -> Callable[[], S3Credential]:
    """Reads files `accessKeyId` and `secretAccessKey` of `folder`, such as a mounted Secret, every few minutes anew."""

    def read() -> S3Credential:
        try:
            return {
                "access_key_id": (folder / "accessKeyId").read_text("utf-8").strip(),
                "secret_access_key": (folder / "secretAccessKey").read_text("utf-8").strip(),
                "token": None,
                "expires_at": datetime.now(UTC) + _CREDENTIAL_LIFE,
            }
        except (OSError, UnicodeDecodeError):
            raise ValueError("credential files cannot be read") from None

    return read


def open_s3(
    bucket: str,
    *,
    prefix: str = "",
    endpoint: str | None = None,
    region: str = "us-east-1",
    allow_http: bool = False,
    credentials: Path | None = None,
    timeout: float = 60.0,
) -> BucketStore:
    """The store `s3://bucket/prefix`; connects at its first use.

    `endpoint` is the URL of a server other than AWS. Without `credentials` (a folder, see credentials_from) AWS's own
    ways are taken: environment, web identity, instance metadata. One call ends within about twice `timeout` (seconds),
    its few retries included. Raises InvalidSpec.
    """
    prefix = prefix.strip("/")
    if not bucket or "/" in bucket:
        raise InvalidSpec([Problem("bucket", f"{bucket!r} is not the name of a bucket")])
    if prefix:
        check_key(prefix)
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        raise InvalidSpec([Problem("endpoint", f"{endpoint!r} is not a URL; write for example https://s3.example.com")])
    config: S3Config = {"region": region, "conditional_put": "etag"}
    if endpoint:
        config["endpoint"] = endpoint
    store = S3Store(
        bucket,
        prefix=prefix or None,
        config=config,
        client_options={
            "allow_http": allow_http,
            "connect_timeout": timedelta(seconds=min(5.0, timeout)),
            "timeout": timedelta(seconds=timeout),
        },
        retry_config={
            "max_retries": 3,
            "retry_timeout": timedelta(seconds=timeout),
            "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
        },
        credential_provider=credentials_from(credentials) if credentials else None,
    )
    return BucketStore(store, url=f"s3://{bucket}/{prefix}".rstrip("/"))


_OWN = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")


def open_s3_of_user(bucket: str, *, prefix: str = "", timeout: float = 10.0) -> BucketStore:
    """The store `s3://bucket/prefix` with what AWS's tools read from the environment: credentials, region, endpoint.

    Plain http is spoken where the endpoint says so and AWS_ALLOW_HTTP is true. Raises Unavailable where the
    environment has no credentials: to search the network for some could take a minute.
    """
    env = os.environ
    if not any(env.get(name) for name in _OWN):
        text = "has no credentials in the environment; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        raise Unavailable(f"s3://{bucket} {text} (and AWS_ENDPOINT_URL for a server other than AWS)")
    return open_s3(
        bucket,
        prefix=prefix,
        endpoint=env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or None,
        region=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1",
        allow_http=env.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true"),
        timeout=timeout,
    )
