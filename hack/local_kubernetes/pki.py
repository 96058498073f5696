"""Certificates and kubeconfig files, made with openssl and valid for as long as a cluster lives."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .paths import API_PORT, BRIDGE_ADDRESS, DOMAIN, KUBERNETES_SERVICE
from .shell import run

DAYS = 365
CLUSTER_NAME = "batchmatrix"
# Without a configuration of our own openssl would mark every certificate as an authority.
OPENSSL_CONFIG = "[req]\ndistinguished_name = dn\nprompt = no\n[dn]\n"


@dataclass(frozen=True, slots=True)
class Authority:
    """The folder that holds the cluster's own certificate authority and everything it signed."""

    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def key(self) -> Path:
        return self.folder / "ca.key"

    @property
    def service_account_key(self) -> Path:
        return self.folder / "service-account.key"

    def certificate_of(self, name: str) -> Path:
        return self.folder / f"{name}.crt"

    def key_of(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    def create(self) -> None:
        """Make the authority and the key that signs service account tokens."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        config = self.folder / "openssl.cnf"
        config.write_text(OPENSSL_CONFIG)
        self._openssl(
            "ca",
            "/CN=batchmatrix-local-cluster",
            ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"],
        )
        run(["openssl", "genrsa", "-out", self.service_account_key, "2048"])
        self.service_account_key.chmod(0o600)

    def issue(self, name: str, subject: str, *, hosts: Sequence[str] = ()) -> None:
        """Sign a certificate for ``subject`` (as ``/O=group/CN=user``); ``hosts`` makes it a server's too.

        A host is written as openssl wants it: ``IP:10.0.0.1`` or ``DNS:name``.
        """
        usage = "clientAuth" + (",serverAuth" if hosts else "")
        extensions = ["keyUsage=critical,digitalSignature", f"extendedKeyUsage={usage}"]
        if hosts:
            extensions.append("subjectAltName=" + ",".join(hosts))
        self._openssl(name, subject, extensions, signer=True)

    def _openssl(self, name: str, subject: str, extensions: Sequence[str], *, signer: bool = False) -> None:
        words: list[str | Path] = ["openssl", "req", "-x509", "-config", self.folder / "openssl.cnf"]
        words += ["-days", str(DAYS)]
        words += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj", subject]
        words += ["-keyout", self.key_of(name), "-out", self.certificate_of(name)]
        for extension in extensions:
            words += ["-addext", extension]
        if signer:
            words += ["-CA", self.certificate, "-CAkey", self.key]
        run(words)
        self.key_of(name).chmod(0o600)

    def kubeconfig(self, name: str, target: Path) -> None:
        """Write a kubeconfig, readable by its owner only, that authenticates with the certificate ``name``."""
        content = render_kubeconfig(
            server=f"https://{BRIDGE_ADDRESS}:{API_PORT}",
            authority=self.certificate.read_bytes(),
            certificate=self.certificate_of(name).read_bytes(),
            key=self.key_of(name).read_bytes(),
            user=name,
        )
        draft = target.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(content)
        draft.replace(target)


def render_kubeconfig(*, server: str, authority: bytes, certificate: bytes, key: bytes, user: str) -> str:
    """Return a kubeconfig (as JSON, which is YAML too) with everything embedded."""

    def coded(data: bytes) -> str:
        return base64.b64encode(data).decode("ascii")

    context = {"cluster": CLUSTER_NAME, "user": user, "namespace": "default"}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": CLUSTER_NAME, "cluster": {"server": server, "certificate-authority-data": coded(authority)}}
        ],
        "users": [
            {"name": user, "user": {"client-certificate-data": coded(certificate), "client-key-data": coded(key)}}
        ],
        "contexts": [{"name": CLUSTER_NAME, "context": context}],
        "current-context": CLUSTER_NAME,
    }
    return json.dumps(content, indent=1) + "\n"


def create_all(authority: Authority) -> None:
    """Make the authority and the certificates of the control plane and of the people who use it."""
    authority.create()
    service = [f"DNS:kubernetes{suffix}" for suffix in ("", ".default", ".default.svc", f".default.svc.{DOMAIN}")]
    addresses = [f"IP:{address}" for address in (BRIDGE_ADDRESS, KUBERNETES_SERVICE, "127.0.0.1")]
    authority.issue("apiserver", "/CN=kube-apiserver", hosts=[*addresses, *service, "DNS:localhost"])
    authority.issue("apiserver-kubelet", "/O=system:masters/CN=kube-apiserver-kubelet-client")
    authority.issue("admin", "/O=system:masters/CN=kubernetes-admin")
    authority.issue("cluster-tool", "/O=system:masters/CN=batchmatrix-cluster-tool")
    authority.issue("kube-controller-manager", "/CN=system:kube-controller-manager")
    authority.issue("kube-scheduler", "/CN=system:kube-scheduler")
    authority.issue("kube-proxy", "/CN=system:kube-proxy")
    authority.issue("kwok", "/O=system:masters/CN=batchmatrix-fake-nodes", hosts=["IP:127.0.0.1", "DNS:localhost"])
