"""What a real S3 server answers when something is wrong, and what we make of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from batchmatrix.adapters.objectstore import BucketStore, open_s3
from batchmatrix.adapters.objectstore.s3 import credentials_from
from batchmatrix.base.errors import InvalidSpec, Unavailable
from tests.support.cli import run_cli
from tests.support.judging_cells import at_most, rules, summary
from tests.support.seaweedfs import S3Server, seaweedfs
from tests.support.stored import files_of, with_logs


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server


def credentials(folder: Path, *, key: str, secret: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "accessKeyId").write_text(f"{key}\n")
    (folder / "secretAccessKey").write_text(f"{secret}\n")
    return folder


async def refusals(store: BucketStore) -> list[str]:
    """The message of every method, each of which must raise Unavailable."""

    async def listing() -> None:
        async for _ in store.list("some/"):
            pass

    calls: list[Callable[[], object]] = [
        lambda: store.put_new("some/key", b""),
        lambda: store.put("some/key", b""),
        lambda: store.get("some/key"),
        listing,
        lambda: store.delete("some/key"),
    ]
    messages = []
    for call in calls:
        with pytest.raises(Unavailable) as raised:
            await call()  # type: ignore[misc]
        assert raised.value.__cause__ is None
        assert raised.value.__suppress_context__, "the text of the cause is not safe to log"
        messages.append(str(raised.value))
    return messages


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [
        ("AKIAUNKNOWNKEY", "topsecret", "InvalidAccessKeyId"),
        ("test-access-key", "topsecret", "SignatureDoesNotMatch"),
    ],
)
async def test_wrong_credentials_are_named_but_not_told(
    server: S3Server, tmp_path: Path, key: str, secret: str, code: str
) -> None:
    folder = credentials(tmp_path / "wrong", key=key, secret=secret)
    store = open_s3("bucket", endpoint=server.endpoint, allow_http=True, credentials=folder)
    for message in await refusals(store):
        assert re.fullmatch(
            rf"store s3://bucket cannot (write|read|list|delete) some/(key)?: HTTP 403 {code}; check the credentials",
            message,
        )
        assert key not in message
        assert secret not in message


async def test_a_missing_bucket_is_never_an_empty_store(server: S3Server) -> None:
    store = open_s3("no-such-bucket", endpoint=server.endpoint, allow_http=True, credentials=server.credentials)
    for method in (store.get("some/key"), store.delete("some/key"), anext(store.list("some/"))):
        with pytest.raises(Unavailable, match="HTTP 404 NoSuchBucket; make the bucket, or correct its name"):
            await method


async def test_missing_credential_files(server: S3Server, tmp_path: Path) -> None:
    store = open_s3("bucket", endpoint=server.endpoint, allow_http=True, credentials=tmp_path / "nothing")
    for message in await refusals(store):
        assert message.endswith("its credential files accessKeyId and secretAccessKey cannot be read; mount them")


async def test_http_must_be_allowed(server: S3Server) -> None:
    store = open_s3("bucket", endpoint=server.endpoint, credentials=server.credentials)
    for message in await refusals(store):
        assert message.endswith("its endpoint is http; allow that with allowHttp, or use https")


async def test_nobody_listens(server: S3Server) -> None:
    store = open_s3(
        "bucket", endpoint="http://127.0.0.1:1", allow_http=True, credentials=server.credentials, timeout=0.2
    )
    for message in await refusals(store):
        assert message.endswith("the connection is refused; check that the server runs at the endpoint")


async def test_a_server_that_never_answers_is_given_up_in_time(server: S3Server) -> None:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    store = open_s3(
        "bucket",
        endpoint=f"http://127.0.0.1:{port}",
        allow_http=True,
        credentials=server.credentials,
        timeout=0.5,
    )
    # With any other time limit of a request the five would outlast that of this test.
    for message in await refusals(store):
        assert message.endswith("it did not answer in time; check the network and the endpoint")
    silent.close()


def test_credentials_are_read_anew_each_time(tmp_path: Path) -> None:
    read = credentials_from(credentials(tmp_path, key="one", secret="first"))
    assert (read()["access_key_id"], read()["secret_access_key"]) == ("one", "first")
    credentials(tmp_path, key="two", secret="second")
    assert (read()["access_key_id"], read()["secret_access_key"]) == ("two", "second")
    assert read()["expires_at"] is not None, "else they would never be asked for again"


@pytest.mark.parametrize(
    ("bucket", "prefix", "endpoint"),
    [("", "", None), ("a/b", "", None), ("bucket", "../x", None), ("bucket", "", "localhost:8333")],
)
def test_what_can_not_be_opened(bucket: str, prefix: str, endpoint: str | None) -> None:
    with pytest.raises(InvalidSpec):
        open_s3(bucket, prefix=prefix, endpoint=endpoint)


def test_the_url_names_bucket_and_prefix() -> None:
    assert open_s3("bucket").url == "s3://bucket"
    assert open_s3("bucket", prefix="/some/prefix/").url == "s3://bucket/some/prefix"


@pytest.mark.parametrize("part", ["", "/", "/runs/3", "/runs/3/matrix.json"])
def test_a_run_in_a_bucket_is_judged_and_copied_with_its_logs(
    server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    made, objects = with_logs(summary({"base": [1.0, 2.0]}), {("base", 0): [b"one\n", b"two"], ("base", 1): [b"x"]})
    files = files_of(made, rules(at_most(1.5)))
    objects |= {f"runs/{number}/{name}": data for number in (1, 3) for name, data in files.items()}

    async def keep() -> None:
        store = open_s3(
            "runs", prefix="some/uid", endpoint=server.endpoint, allow_http=True, credentials=server.credentials
        )
        for key, data in objects.items():
            await store.put(key, data)
        await store.close()

    asyncio.run(keep())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", (server.credentials / "accessKeyId").read_text().strip())
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", (server.credentials / "secretAccessKey").read_text().strip())
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    run = f"s3://runs/some/uid{part}"
    assert run_cli("gate", run).code == 3
    done = run_cli("export", run, "--output", "out", "--logs")
    assert (done.code, done.err, done.out) == (0, "", "6 files and 2 logs copied to out\n")
    assert Path("out/logs/base/0-0.log").read_bytes() == b"one\ntwo"
    assert run_cli("gate", "out").code == 3
    assert "holds no matrix.json" in run_cli("gate", "s3://runs/some/other").err
