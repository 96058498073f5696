"""The operator's settings: every problem in one clear line, and no setting that would make it run wild."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.settings import Identity, load_settings

FOLDER = "stores: {default: {folder: {path: /results}}}\n"


def settings_file(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def test_defaults(tmp_path: Path) -> None:
    settings = load_settings(settings_file(tmp_path, FOLDER))
    assert (settings.namespaces, settings.resync, settings.lease.duration) == ((), "5m", "15s")
    assert settings.limits.cells == 10_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stores: {}\n", ["stores"]),
        ("stores: {default: {}}\n", ["stores.default", "exactly one of folder and s3"]),
        (FOLDER + "stors: 1\n", ["stors", "Extra inputs"]),
        (FOLDER + "resync: 0s\n", ["resync", "between 1s and 24h", "'0s'"]),
        (FOLDER + "resync: often\n", ["resync", "'often' is not a duration"]),
        (FOLDER + "lease: {duration: 0s}\n", ["lease.duration", "between 3s and 10m"]),
        (FOLDER + "workers: 0\n", ["workers"]),
        ("stores: [\n", ["is not YAML"]),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(InvalidSpec) as caught:
        load_settings(settings_file(tmp_path, text))
    (line,) = [str(problem) for problem in caught.value.problems]
    assert "\n" not in line
    for word in words:
        assert word in line


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="cannot be read: No such file or directory"):
        load_settings(tmp_path / "none.yaml")


def test_every_start_has_a_writer_name_of_its_own_and_the_pods_lease_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"POD_NAME": "operator-0", "POD_UID": "uid-1", "POD_NAMESPACE": "system"}.items():
        monkeypatch.setenv(name, value)
    one, two = Identity.from_environment(), Identity.from_environment()
    assert one.writer != two.writer
    assert one.holder == two.holder == "uid-1/operator"
    monkeypatch.delenv("POD_UID")
    with pytest.raises(InvalidSpec, match="POD_UID is not set"):
        Identity.from_environment()
