"""A small S3 client of our own, so that what the demonstration lists was not told by the operator."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

SECONDS = 30.0


class S3Error(Exception):
    """The server said no, or nothing."""


@dataclass(frozen=True, slots=True)
class S3:
    """One bucket of a server on this machine, addressed by path."""

    host: str
    port: int
    bucket: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"

    def ensure_bucket(self) -> None:
        """Create the bucket if it is not there."""
        status, body = self._send("PUT", "")
        if status not in (200, 409):
            raise S3Error(f"cannot create bucket {self.bucket}: HTTP {status} {_message(body)}")

    def get(self, key: str) -> bytes:
        """Return an object's content."""
        status, body = self._send("GET", key)
        if status != 200:
            raise S3Error(f"cannot read {key}: HTTP {status} {_message(body)}")
        return body

    def list(self, prefix: str) -> dict[str, int]:
        """Return the size of every object whose key begins with `prefix`, by key."""
        found: dict[str, int] = {}
        token = ""
        while True:
            query = {"list-type": "2", "prefix": prefix, **({"continuation-token": token} if token else {})}
            status, body = self._send("GET", "", query)
            if status != 200:
                raise S3Error(f"cannot list {self.bucket}: HTTP {status} {_message(body)}")
            page = ElementTree.fromstring(body)
            for element in page.iter():
                element.tag = element.tag.rpartition("}")[2]
            for entry in page.iter("Contents"):
                found[entry.findtext("Key", "")] = int(entry.findtext("Size", "0"))
            token = page.findtext("NextContinuationToken", "")
            if not token:
                return dict(sorted(found.items()))

    def _send(self, method: str, key: str, query: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        path = "/" + self.bucket + (f"/{quote(key, safe='/-_.~')}" if key else "")
        text = "&".join(
            f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted((query or {}).items())
        )
        connection = http.client.HTTPConnection(self.host, self.port, timeout=SECONDS)
        try:
            connection.request(method, path + (f"?{text}" if text else ""), headers=self._headers(method, path, text))
            response = connection.getresponse()
            return response.status, response.read()
        except OSError as problem:
            raise S3Error(f"no answer from the S3 server on {self.host}:{self.port}: {problem}") from problem
        finally:
            connection.close()

    def _headers(self, method: str, path: str, query: str) -> dict[str, str]:
        """Sign the request (AWS Signature Version 4); no request here has a body."""
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        empty = hashlib.sha256(b"").hexdigest()
        headers = {"host": f"{self.host}:{self.port}", "x-amz-content-sha256": empty, "x-amz-date": moment}
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        request = "\n".join([method, path, query, lines, names, empty])
        scope = f"{moment[:8]}/{self.region}/s3/aws4_request"
        subject = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()])
        key = f"AWS4{self.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, subject.encode(), "sha256").hex()
        credential = f"Credential={self.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        return {**headers, "authorization": f"AWS4-HMAC-SHA256 {credential}"}


def _message(body: bytes) -> str:
    return " ".join(body.decode(errors="replace").split())[:200]
