from __future__ import annotations

from pathlib import Path

import pytest

from batchmatrix.adapters.catalogs import plugin_catalogs
from batchmatrix.base.errors import InvalidSpec
from tests.support.plugins import install_plugin

MAPPING = "CATALOG = {'mitigations': {'fast': {'FAST': '1'}}}\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where distributions are installed."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def problem() -> str:
    with pytest.raises(InvalidSpec) as caught:
        plugin_catalogs()
    (only,) = caught.value.problems
    return str(only)


def test_without_plugins_there_is_nothing() -> None:
    assert plugin_catalogs() == []


def test_an_entry_point_that_is_a_mapping_is_a_catalog(site: Path) -> None:
    install_plugin(site, "acme-mapping", MAPPING)
    ((source, entries),) = plugin_catalogs()
    assert source == "plug-in team (acme-mapping 1.2)"
    assert entries.mitigations["fast"].env == {"FAST": "1"}


def test_an_entry_point_that_is_called_returns_a_catalog(site: Path) -> None:
    returned = "types.MappingProxyType({'hardware': {'gpu': {'nodeLabels': {'a': 'b'}}}})"
    code = f"import types\ndef make():\n    return {returned}\n"
    install_plugin(site, "acme-callable", code, entry_point="make")
    ((_, entries),) = plugin_catalogs()
    assert entries.hardware["gpu"].node_labels == {"a": "b"}


def test_tuples_are_lists(site: Path) -> None:
    install_plugin(site, "acme-tuple", "CATALOG = {'workloads': {'w': {'image': 'a:1', 'command': ('run', 'it')}}}\n")
    ((_, entries),) = plugin_catalogs()
    assert entries.workloads["w"].command == ("run", "it")


def test_plugins_come_by_name_and_every_distribution_counts(site: Path) -> None:
    for distribution, name in (("acme-c", "b"), ("acme-b", "b"), ("acme-a", "z"), ("acme-d", "a")):
        install_plugin(site, distribution, MAPPING, name=name)
    assert [source for source, _ in plugin_catalogs()] == [
        "plug-in a (acme-d 1.2)", "plug-in b (acme-b 1.2)", "plug-in b (acme-c 1.2)", "plug-in z (acme-a 1.2)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise RuntimeError('boom\\n  at home')\n", "cannot be used: RuntimeError: boom   at home; repair it"),
        ("import nothing_of_this_name\n", "cannot be used: ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)\n", "cannot be used: SystemExit: 3"),
        ("def CATALOG():\n    return 1 / 0\n", "cannot be used: ZeroDivisionError: division by zero"),
        ("OTHER = 1\n", "cannot be used: AttributeError: "),
        ("CATALOG = 5\n", "acme_broken:CATALOG is no mapping and returns none"),
        ("def CATALOG():\n    return [1]\n", "acme_broken:CATALOG is no mapping and returns none"),
        ("CATALOG = {'mitigation': {}}\n", "unknown field; did you mean mitigations?"),
        ("CATALOG = {'mitigations': {'m': {'A': 1}}}\n", "mitigations.m.A: 1 is not a text"),
        ("CATALOG = {}\nCATALOG['mitigations'] = CATALOG\n", "cannot be used: RecursionError"),
    ],
)
def test_a_broken_plugin_is_one_line_that_names_it(site: Path, code: str, said: str) -> None:
    install_plugin(site, "acme-broken", code)
    text = problem()
    assert text.startswith("plug-in team (acme-broken 1.2): ")
    assert said in text
    assert "\n" not in text


def test_every_broken_plugin_is_named(site: Path) -> None:
    install_plugin(site, "acme-one", "CATALOG = 1\n")
    install_plugin(site, "acme-two", "CATALOG = 2\n")
    with pytest.raises(InvalidSpec) as caught:
        plugin_catalogs()
    assert len(caught.value.problems) == 2
