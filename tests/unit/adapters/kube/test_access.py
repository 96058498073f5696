from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest
import yaml

from batchmatrix.adapters.kube.access import Access, from_cluster, from_kubeconfig, from_surroundings
from batchmatrix.base.errors import BatchMatrixError, Unavailable

AUTHORITY = """\
-----BEGIN CERTIFICATE-----
MIIBbzCCARWgAwIBAgIUceXI7IdYBwUYQObhaUE+InmpxCMwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBeDAgFw0yNjExMjMwODMyNTRaGA8yMTI2MTAzMDA4MzI1NFow
DDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKl7SfOhe6br
/gqyW7ZT4+N0e/Oh03obAa4OmiyDB5ovrZ6TWXcD/Ihdc52UOJOX4+i4Nd/xc9DX
XBGj9sB0eQWjUzBRMB0GA1UdDgQWBBR5QkgfCbD8ZgPSUT6T05gnopeUNzAfBgNV
HSMEGDAWgBR5QkgfCbD8ZgPSUT6T05gnopeUNzAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0gAMEUCIF8xP/Ujk64z7nyaL5NfffSLw4bt/c/LQuSyezCVmMRG
AiEAtyBMWAi56W4nguKlRzWCFpqh/ajJ4lY0KvsMj/4DNN8=
-----END CERTIFICATE-----
"""
"""Any certificate will do: nobody answers with it."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_text(AUTHORITY)
    return path


@pytest.fixture
def account(tmp_path: Path, authority: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "token").write_text("t1\n")
    (tmp_path / "namespace").write_text("ops")
    (tmp_path / "ca.crt").write_bytes(authority.read_bytes())
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return tmp_path


async def test_in_a_pod_the_mounted_account_speaks(account: Path) -> None:
    access = from_cluster(account)
    assert (access.server, access.namespace) == ("https://10.96.0.1:443", "ops")
    assert access.tls is not None
    assert access.tls.check_hostname
    assert await access.headers() == {"Authorization": "Bearer t1"}


async def test_a_rotated_token_is_read_after_a_minute_or_when_the_old_one_is_refused(
    account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    access = from_cluster(account)
    assert await access.headers() == {"Authorization": "Bearer t1"}
    (account / "token").write_text("t2")
    now += 59
    assert await access.headers() == {"Authorization": "Bearer t1"}
    now += 2
    assert await access.headers() == {"Authorization": "Bearer t2"}
    (account / "token").write_text("t3")
    access.refused()
    assert await access.headers() == {"Authorization": "Bearer t3"}


async def test_a_token_that_is_being_swapped_is_no_end(account: Path) -> None:
    access = from_cluster(account)
    (account / "token").unlink()
    with pytest.raises(Unavailable, match="token"):
        await access.headers()


def test_an_ipv6_server_is_bracketed(account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    assert from_cluster(account).server == "https://[fd00::1]:443"


def test_outside_a_pod_it_says_so(account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    with pytest.raises(BatchMatrixError, match="not in a pod"):
        from_cluster(account)


def test_a_pod_without_a_mounted_token_says_so(account: Path) -> None:
    (account / "ca.crt").unlink()
    with pytest.raises(BatchMatrixError, match="mount its token"):
        from_cluster(account)


def kubeconfig(
    folder: Path, authority: Path, *, user: dict[str, str] | None = None, cluster: dict[str, object] | None = None
) -> str:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "triage"}},
            {"name": "bare", "context": {"cluster": "c", "user": "u"}},
        ],
        "clusters": [
            {
                "name": "c",
                "cluster": {
                    "server": "https://api.example.test:6443/",
                    "certificate-authority-data": base64.b64encode(authority.read_bytes()).decode(),
                    **(cluster or {}),
                },
            }
        ],
        "users": [{"name": "u", "user": user or {"token": "k1"}}],
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(content))
    return str(path)


async def test_a_kubeconfig_speaks_for_its_context(tmp_path: Path, authority: Path) -> None:
    path = kubeconfig(tmp_path, authority, cluster={"tls-server-name": "inner"})
    access = await from_kubeconfig(path)
    assert (access.server, access.namespace) == ("https://api.example.test:6443", "triage")
    assert access.server_name == "inner"
    assert await access.headers() == {"Authorization": "Bearer k1"}
    assert (await from_kubeconfig(path, "bare")).namespace == "default"


async def test_a_token_file_is_read_again_when_refused(tmp_path: Path, authority: Path) -> None:
    (tmp_path / "tok").write_text("f1")
    access = await from_kubeconfig(kubeconfig(tmp_path, authority, user={"tokenFile": str(tmp_path / "tok")}))
    assert await access.headers() == {"Authorization": "Bearer f1"}
    (tmp_path / "tok").write_text("f2")
    access.refused()
    assert await access.headers() == {"Authorization": "Bearer f2"}


async def test_an_unverified_server_is_refused(tmp_path: Path, authority: Path) -> None:
    path = kubeconfig(tmp_path, authority, cluster={"insecure-skip-tls-verify": True})
    with pytest.raises(BatchMatrixError, match="insecure-skip-tls-verify"):
        await from_kubeconfig(path)


@pytest.mark.parametrize(("server", "fine"), [("http://api.example.test:80", False), ("http://127.0.0.1:8001", True)])
async def test_plain_http_leaves_this_host_never(tmp_path: Path, authority: Path, server: str, fine: bool) -> None:
    path = kubeconfig(tmp_path, authority, cluster={"server": server})
    if fine:
        access: Access = await from_kubeconfig(path)
        assert access.tls is None
    else:
        with pytest.raises(BatchMatrixError, match="not https"):
            await from_kubeconfig(path)


async def test_a_kubeconfig_that_is_missing_or_lacks_the_context_is_one_line(
    tmp_path: Path, authority: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(BatchMatrixError, match=r"nothing is not there; correct KUBECONFIG, or name another file$"):
        await from_kubeconfig(str(tmp_path / "nothing"))
    assert caplog.records == []  # nothing beside that line
    with pytest.raises(BatchMatrixError, match=r"elsewhere.*; compare with: kubectl config get-contexts$") as failure:
        await from_kubeconfig(kubeconfig(tmp_path, authority), "elsewhere")
    assert "\n" not in str(failure.value)
    assert (await from_kubeconfig(f"{tmp_path}/nothing:{kubeconfig(tmp_path, authority)}")).namespace == "triage"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "a", "clusters: [1]", "contexts: [{}, {}]", "current-context: x\ncontexts: [{nam: x}]", "a: [", "\x00"],
)
async def test_what_is_no_kubeconfig_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "config").write_text(text)
    with pytest.raises(BatchMatrixError, match="cannot be used") as failure:
        await from_kubeconfig(str(tmp_path / "config"))
    assert "\n" not in str(failure.value)


async def test_a_certificate_that_is_none_is_one_line(tmp_path: Path, authority: Path) -> None:
    path = kubeconfig(tmp_path, authority, cluster={"certificate-authority-data": base64.b64encode(b"no").decode()})
    with pytest.raises(BatchMatrixError, match=r"certificates or key of kubeconfig .* cannot be used"):
        await from_kubeconfig(path)


async def test_a_kubeconfig_comes_before_the_pods_own_account_and_without_both_there_is_none(
    account: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    in_pod = await from_surroundings(account=account)
    assert in_pod is not None
    assert in_pod.namespace == "ops"
    assert await from_surroundings(account=tmp_path / "none") is None
    with pytest.raises(BatchMatrixError, match=r"kubeconfig .* is not there"):
        await from_surroundings("named", account=account)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    with pytest.raises(BatchMatrixError, match="missing is not there"):
        await from_surroundings(account=account)
