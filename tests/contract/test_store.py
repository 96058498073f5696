"""Every promise of ports/store.py, held by the folder, by a real S3 server, and by the fake that other tests use."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from batchmatrix.adapters.folder import FolderStore
from batchmatrix.adapters.objectstore import open_s3
from batchmatrix.base.errors import AlreadyExists, InvalidSpec, NameConflict, NotFound
from batchmatrix.ledger.probe import probe
from batchmatrix.ports.store import Store, check_key
from tests.support.seaweedfs import S3Server, seaweedfs
from tests.support.stores import MemoryStore

KINDS = ["memory", "folder", "s3"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server


@pytest.fixture(params=KINDS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    made: Store
    match request.param:
        case "memory":
            made = MemoryStore()
        case "folder":
            made = await FolderStore.open(tmp_path / "store")
        case _:
            server: S3Server = request.getfixturevalue("server")
            made = open_s3(
                "contract",
                prefix=f"some/{uuid.uuid4().hex}",
                endpoint=server.endpoint,
                allow_http=True,
                credentials=server.credentials,
            )
            await made.put("made", b"")  # so that the bucket is there
            await made.delete("made")
    yield made
    await made.close()


async def keys(store: Store, prefix: str = "") -> list[str]:
    return [info.key async for info in store.list(prefix)]


async def test_what_was_written_is_read_back(store: Store) -> None:
    await store.put_new("a/b/new", b"\x00one\xff")
    await store.put("a/b/put", b"two")
    assert await store.get("a/b/new") == b"\x00one\xff"
    assert await store.get("a/b/put") == b"two"


async def test_a_second_create_loses_and_changes_nothing(store: Store) -> None:
    await store.put_new("key", b"first")
    with pytest.raises(AlreadyExists, match="key"):
        await store.put_new("key", b"second")
    assert await store.get("key") == b"first"


async def test_of_eight_writers_exactly_one_wins(store: Store) -> None:
    async def create(key: str, writer: int) -> int | None:
        try:
            await store.put_new(key, f"writer {writer} ".encode() * 500)
        except AlreadyExists:
            return None
        return writer

    async def race(key: str) -> None:
        ends = await asyncio.gather(*(create(key, writer) for writer in range(8)))
        won = [writer for writer in ends if writer is not None]
        assert len(won) == 1
        assert await store.get(key) == f"writer {won[0]} ".encode() * 500

    # At once, for SeaweedFS lets a writer that meets another one's lock wait for whole seconds.
    await asyncio.gather(*(race(f"race/{number % 3}/{number}") for number in range(12)))


async def test_a_deleted_object_can_be_created_again(store: Store) -> None:
    await store.put_new("a/b/c", b"1")
    await store.delete("a/b/c")
    with pytest.raises(NotFound):
        await store.get("a/b/c")
    await store.put_new("a/b/c", b"2")
    assert await store.get("a/b/c") == b"2"


async def test_put_replaces_whole(store: Store) -> None:
    await store.put("key", b"a long first version")
    await store.put("key", b"short")
    assert await store.get("key") == b"short"
    assert [(info.key, info.size) async for info in store.list("")] == [("key", 5)]


async def test_readers_see_one_whole_version_while_it_is_replaced(store: Store) -> None:
    versions = [bytes([65 + number]) * 200_000 for number in range(4)]
    await store.put("key", versions[0])

    async def write() -> None:
        for number in range(20):
            await store.put("key", versions[number % 4])

    writing = asyncio.create_task(write())
    while not writing.done():
        assert await store.get("key") in versions
    await writing


@pytest.mark.parametrize("size", [0, 1, 8 * 1024 * 1024])
async def test_sizes(store: Store, size: int) -> None:
    data = random.Random(size).randbytes(size)
    await store.put_new("new", data)
    await store.put("put", data)
    assert await store.get("new") == data
    assert await store.get("put") == data
    assert [(info.key, info.size) async for info in store.list("")] == [("new", size), ("put", size)]


async def test_missing_objects(store: Store) -> None:
    await store.put("there/object", b"")
    for key in ("missing", "there/missing", "there", "there/object/below"):
        with pytest.raises(NotFound, match=key):
            await store.get(key)
        await store.delete(key)
    assert await keys(store) == ["there/object"]
    assert await keys(store, "missing/") == []


async def test_list_is_in_byte_order_and_takes_any_prefix(store: Store) -> None:
    names = [
        "a/x/1",
        "a/x-y",
        "a/x.z",
        "a/x0",
        "a/B",
        "a/b/1",
        "a-b",
        "b",
        "a/x/10",
        "a/x/2",
        "a/x/-",
        "0",
        "~",
        "a0/x",
    ]
    for name in names:
        await store.put(name, b"")
    wanted = sorted(names)
    assert wanted.index("a/x-y") < wanted.index("a/x/1"), "else this test would not see a walk in the order of folders"
    for prefix in (
        "",
        "a",
        "a/",
        "a/x",
        "a/x/",
        "a/x/1",
        "a/x/10",
        "a-",
        "a/b/",
        "c",
        "a/x//",
        "~",
        "../",
        "/",
        "a/../",
        "\0",
    ):
        assert await keys(store, prefix) == [name for name in wanted if name.startswith(prefix)], prefix


async def test_list_of_more_than_one_page(store: Store) -> None:
    names = [f"many/{number // 400}{mark}{number:04}" for number in range(1200) for mark in "-/"]
    for start in range(0, len(names), 100):
        await asyncio.gather(*(store.put(name, b"") for name in names[start : start + 100]))
    assert await keys(store, "many/") == sorted(names)


async def test_every_printable_character_but_the_backslash(store: Store) -> None:
    letters = [chr(code) for code in range(0x20, 0x7F) if chr(code) not in "\\/"]
    names = [f"letters/x{letter}y" for letter in letters] + [
        "letters/100%25",
        "letters/x..",
        "letters/end ",
        "x/" + "n" * 255,
    ]
    for name in names:
        await store.put_new(name, name.encode())
    for name in names:
        assert await store.get(name) == name.encode()
    assert await keys(store, "letters/") == sorted(name for name in names if name.startswith("letters/"))


LONGEST = "/".join(["n" * 99] * 10) + "/" + "n" * 24


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "..",
        "../a",
        "a/../b",
        "a/.",
        ".hidden",
        "a/.b",
        " a",
        "a/ b",
        "a\\b",
        "a\0b",
        "a\nb",
        "ä",
        "a\n",
        "n" * 256,
        LONGEST + "n",
    ],
)
async def test_keys_that_no_store_takes(store: Store, key: str) -> None:
    for call in (store.put_new(key, b""), store.put(key, b""), store.get(key), store.delete(key)):
        with pytest.raises(InvalidSpec, match=r"key: .* cannot name an object"):
            await call
    assert await keys(store) == []


def test_the_longest_key_is_1024_bytes() -> None:
    assert len(LONGEST) == 1024
    check_key(LONGEST)


async def test_no_key_is_the_folder_of_another(store: Store) -> None:
    if store.url.startswith("s3:"):
        return  # a bucket has no folders; the promise asks only that nobody relies on that
    await store.put("file", b"")
    await store.put("folder/file", b"")
    for key in ("file/below", "file/far/below", "folder"):
        for call in (store.put_new(key, b""), store.put(key, b"")):
            with pytest.raises(NameConflict, match=key):
                await call
    assert await keys(store) == ["file", "folder/file"]


async def test_concurrent_writers_and_removers_of_one_folder(store: Store) -> None:
    """A folder that became empty may be taken away just when the next object is to go into it."""

    async def churn(name: str) -> None:
        for _ in range(25):
            await store.put_new(f"shared/deep/{name}", b"x")
            await store.delete(f"shared/deep/{name}")
        await store.put_new(f"shared/deep/{name}", b"last")

    await asyncio.gather(*(churn(f"n{number}") for number in range(8)))
    assert await keys(store) == [f"shared/deep/n{number}" for number in range(8)]


async def test_it_passes_the_probe_which_leaves_nothing_behind(store: Store) -> None:
    await probe(store, token="contract")
    await probe(store, token="contract")
    assert await keys(store) == []


async def test_the_url_is_for_people(store: Store) -> None:
    assert store.url.startswith(("memory://", "file:///", "s3://contract/some/"))
    assert "secret" not in store.url
