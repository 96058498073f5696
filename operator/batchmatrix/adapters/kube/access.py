"""Where the API server is and how we prove who we are: from a pod's service account, or from a kubeconfig."""

from __future__ import annotations

import math
import os
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from yaml import YAMLError

from batchmatrix.base.errors import BatchMatrixError, Unavailable
from batchmatrix.base.text import one_line

__all__ = ["Access", "Files", "from_cluster", "from_kubeconfig", "from_surroundings"]

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TOKEN_SECONDS = 60.0
"""How long a mounted token is used before its file is read again; kubelets rotate it about once an hour."""

Credentials = Callable[[], Awaitable[str | None]]
"""Reads the value of the Authorization header anew; None where a client certificate says it all."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where `tls` was read from, for a library that makes its own."""

    authority: str | None = None
    certificate: str | None = None
    key: str | None = None


@dataclass(slots=True)
class Access:
    """An API server and a way to speak to it."""

    server: str
    """URL without a slash at its end."""
    tls: ssl.SSLContext | None
    """None for plain http, which is taken from this host only."""
    namespace: str
    """The pod's own, or the context's; `default` where none is named."""
    credentials: Credentials
    lifetime: float = math.inf
    """Seconds for which credentials are used before they are read again without having been refused."""
    server_name: str | None = None
    """Name to expect in the server's certificate, where it is not the host of the URL."""
    proxy: str | None = None
    files: Files = Files()
    _header: str | None = field(default=None, repr=False)
    _read: float | None = None

    async def headers(self) -> dict[str, str]:
        """Headers that authenticate a request sent now."""
        now = time.monotonic()
        if self._read is None or now - self._read >= self.lifetime:
            self._header = await self.credentials()
            self._read = now
        return {} if self._header is None else {"Authorization": self._header}

    def refused(self) -> None:
        """The server did not know us (401): read the credentials again before the next request."""
        self._read = None


def _tls(authority: str | None, certificate: str | None, key: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority)
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


def from_cluster(account: Path = ACCOUNT) -> Access:
    """Access with the service account mounted into this pod.

    Done here and not by the client library: importing that costs 400 ms and 20 MiB that the controller can spare.
    """
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise BatchMatrixError("KUBERNETES_SERVICE_HOST and _PORT are not set: not in a pod; use a kubeconfig")

    async def credentials() -> str | None:
        try:
            token = (account / "token").read_text().strip()
        except OSError as error:
            raise Unavailable(f"service account token {account / 'token'} cannot be read: {error.strerror}") from error
        return f"Bearer {token}"

    try:
        namespace = (account / "namespace").read_text().strip()
        tls = _tls(str(account / "ca.crt"), None, None)
    except OSError as error:
        raise BatchMatrixError(f"no service account in {account}: {error.strerror}; mount its token") from error
    server = f"https://{f'[{host}]' if ':' in host else host}:{port}"
    files = Files(authority=str(account / "ca.crt"))
    return Access(server, tls, namespace, credentials, lifetime=TOKEN_SECONDS, files=files)


def _is_there(named: str) -> bool:
    """Whether there is one of the files that KUBECONFIG names."""
    return any(Path(one).expanduser().exists() for one in named.split(os.pathsep) if one)


async def from_kubeconfig(path: str | None = None, context: str | None = None) -> Access:
    """Access as kubectl would have it: from `path`, else $KUBECONFIG, else ~/.kube/config."""
    from kubernetes.aio.client import Configuration
    from kubernetes.aio.config import ConfigException, load_kube_config

    named = path or os.environ.get("KUBECONFIG") or "~/.kube/config"
    shown = one_line(named)
    if not _is_there(named):
        # said here: the library logs it, and then complains of what an empty file lacks
        raise BatchMatrixError(f"kubeconfig {shown} is not there; correct KUBECONFIG, or name another file")

    async def load() -> tuple[Configuration, str]:
        configuration = Configuration()
        configuration.host = ""
        try:
            loader = await load_kube_config(  # type: ignore[no-untyped-call]
                config_file=named,
                context=context,
                client_configuration=configuration,
                persist_config=False,
            )
            namespace = loader.current_context["context"].get("namespace") or "default"
        except (ConfigException, OSError, LookupError, AttributeError, TypeError, ValueError, YAMLError) as error:
            reason = str(error) if isinstance(error, ConfigException | OSError) else "it is no kubeconfig"
            remedy = "compare with: kubectl config get-contexts"
            raise BatchMatrixError(one_line(f"kubeconfig {shown} cannot be used: {reason}; {remedy}")) from error
        return configuration, namespace

    async def credentials() -> str | None:
        header: str | None = (await load())[0].api_key.get("BearerToken")
        return header

    configuration, namespace = await load()
    server = configuration.host.rstrip("/")
    url = urlsplit(server)
    if not configuration.verify_ssl:
        raise BatchMatrixError(
            f"the kubeconfig sets insecure-skip-tls-verify for {server}: name its certificate-authority instead"
        )
    if url.scheme != "https" and url.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise BatchMatrixError(f"server {server!r} of the kubeconfig is not https: credentials would be readable")
    tls = None
    if url.scheme == "https":
        try:
            tls = _tls(configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file)
        except OSError as error:
            reason = one_line(str(error))
            text = f"certificates or key of kubeconfig {shown} cannot be used: {reason}; correct them"
            raise BatchMatrixError(text) from error
    return Access(
        server,
        tls,
        namespace,
        credentials,
        server_name=configuration.tls_server_name,
        proxy=configuration.proxy,
        files=Files(configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file),
    )


async def from_surroundings(context: str | None = None, *, account: Path = ACCOUNT) -> Access | None:
    """Access as kubectl finds it: a kubeconfig, else the service account of this pod; None where there is neither.

    Raises BatchMatrixError where `context` is given or a kubeconfig is there, and cannot be used.
    """
    named = os.environ.get("KUBECONFIG")
    if context is not None or named or (Path.home() / ".kube" / "config").is_file():
        return await from_kubeconfig(context=context)
    if os.environ.get("KUBERNETES_SERVICE_HOST") and (account / "token").is_file():
        return from_cluster(account)
    return None
