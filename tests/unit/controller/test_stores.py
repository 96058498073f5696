"""A store that cannot be used is named in one clear line before the operator does anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchmatrix.base.errors import BatchMatrixError, InvalidSpec, Problem
from batchmatrix.controller import main
from batchmatrix.controller.main import open_stores
from batchmatrix.ports.store import Store
from batchmatrix.settings import Settings


def settings(path: Path) -> Settings:
    return Settings.model_validate({"stores": {"team": {"folder": {"path": path}}}})


async def test_a_good_store_is_opened(tmp_path: Path) -> None:
    stores = await open_stores(settings(tmp_path / "results"), token="t")
    assert list(stores) == ["team"]
    await stores["team"].close()


async def test_a_store_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BatchMatrixError, match=r"^store 'team': .*file"):
        await open_stores(settings(tmp_path / "file"), token="t")


async def test_a_store_that_breaks_the_promises_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refusing(store: Store, *, token: str) -> None:
        raise InvalidSpec([Problem("store", "ignores conditional creation")])

    monkeypatch.setattr(main, "probe", refusing)
    with pytest.raises(BatchMatrixError, match=r"^store 'team': store: ignores conditional creation$"):
        await open_stores(settings(tmp_path / "results"), token="t")
