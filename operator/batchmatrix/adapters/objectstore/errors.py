"""What obstore raises, as our own errors.

Texts of obstore and of servers are never passed on: they may hold keys, signatures and whole requests. Only the HTTP
status, the server's error code and the kind of a connection's failure are picked out of them.
"""

from __future__ import annotations

import re

from obstore.exceptions import AlreadyExistsError, PreconditionError

from batchmatrix.base.errors import AlreadyExists, BatchMatrixError, NotFound, Unavailable
from batchmatrix.base.text import one_line

__all__ = ["translate"]

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([A-Za-z]{1,64})</Code>")

_REMEDY = {
    "NoSuchBucket": "make the bucket, or correct its name",
    "InvalidBucketName": "correct the name of the bucket",
    "InvalidAccessKeyId": "check the credentials",
    "SignatureDoesNotMatch": "check the credentials",
    "AccessDenied": "allow these credentials to read, write, list and delete below the prefix",
    "RequestTimeTooSkewed": "set the clock of this machine",
}

_REMEDY_OF_STATUS = {
    "401": "check the credentials",
    "403": "check the credentials",
    "507": "free space in the store, or raise its quota",
}

_CONNECTION = (
    ("dns error", "its host name has no address; check the endpoint"),
    ("BadScheme", "its endpoint is http; allow that with allowHttp, or use https"),
    ("certificate", "its TLS certificate is not trusted; check the endpoint and its CA"),
    ("ConnectionRefused", "the connection is refused; check that the server runs at the endpoint"),
    ("TimedOut", "it did not answer in time; check the network and the endpoint"),
    ("Timeout", "it did not answer in time; check the network and the endpoint"),
    ("Connect", "no connection; check the network and the endpoint"),
)


def translate(error: Exception, *, url: str, verb: str, key: str) -> BatchMatrixError:
    """The error to raise in place of `error`; without its cause, for the cause's text is not safe to log."""
    text = str(error)
    code = match[1] if (match := _CODE.search(text)) else ""
    if isinstance(error, AlreadyExistsError | PreconditionError):
        return AlreadyExists(f"{key} is in {url} already")
    if isinstance(error, FileNotFoundError) and code != "NoSuchBucket":
        return NotFound(f"{key} is not in {url}")
    return Unavailable(one_line(f"store {url} cannot {verb} {ascii(key)[1:-1]}".rstrip() + f": {_reason(text, code)}"))


def _reason(text: str, code: str) -> str:
    if match := _STATUS.search(text):
        remedy = _REMEDY.get(code) or _REMEDY_OF_STATUS.get(match[1], "try again later")
        return f"HTTP {match[1]}{' ' + code if code else ''}; {remedy}"
    if "credential files" in text:
        return "its credential files accessKeyId and secretAccessKey cannot be read; mount them"
    for sign, reason in _CONNECTION:
        if sign in text:
            return reason
    return "it did not answer; check the network and the endpoint"
