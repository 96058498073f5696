from __future__ import annotations

import json

import pytest

from batchmatrix.base.documents import FILE_LIMIT, read_documents
from batchmatrix.base.errors import InvalidSpec
from batchmatrix.base.plain import resolve_plain
from batchmatrix.formats.matrix_file import dump_object, load_matrix
from tests.support.specs import a_matrix

GOOD = """\
apiVersion: batchmatrix.dev/v1alpha1
kind: BatchMatrix
metadata: {name: demo}
spec:
  axes:
  - {name: size, values: [8, 32]}
  workload:
    image: registry.example/app:1
    command: [run, --size, $(size)]
"""


def problems(text: str) -> list[str]:
    with pytest.raises(InvalidSpec) as caught:
        load_matrix(text, source="m.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_what_stands_in_the_head_of_a_file_stays_a_comment() -> None:
    text = dump_object(a_matrix().to_dict(), header="a\x07b\u202e: [\x00\nkind: x\u2028metadata: y\x85spec: z\r\tq")
    assert load_matrix(text, source="m.yaml") == [a_matrix()]
    assert text.splitlines()[:6] == [
        "# a\ufffdb\ufffd: [\ufffd",
        "# kind: x",
        "# metadata: y",
        "# spec: z",
        "# q",
        "apiVersion: batchmatrix.dev/v1alpha1",
    ]


def test_a_file_is_read() -> None:
    assert load_matrix(GOOD, source="m.yaml") == [a_matrix()]


def test_several_documents_are_read_in_order() -> None:
    text = "---\n".join(GOOD.replace("demo", name) for name in ("one", "two")) + "---\n"
    assert [matrix.metadata.name for matrix in load_matrix(text, source="m.yaml")] == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e3", 1000), ("1E3", 1000), ("1.0", 1), ("1.5", 1.5), ("-0.0", 0), ("1_000", 1000), ("1_0.5", 10.5),
        ("010", 8), ("0o10", 8), ("0x1F", 31), ("0b11", 3), ("+5", 5), (".5", 0.5), ("5.", 5), ("1e", "1e"),
        ("09", 9), ("0o8", "0o8"), ("0b2", "0b2"), ("_1", "_1"), ("1_", 1), ("1__0", 10), ("1E400", "1E400"),
        ("yes", True), ("No", False), ("on", True), ("OFF", False), ("y", True), ("N", False), ("true", True),
        ("tRue", "tRue"), ("~", None), ("", None), ("Null", None), ("nULL", "nULL"),
        ("2026-11-22", "2026-11-22"), ("12:30:45", "12:30:45"), ("190:20:30", "190:20:30"), ("=", "="),
        ("1.2.3", "1.2.3"), ("--1", "--1"), ("-", "-"), (".", "."), ("0.1.", "0.1."), ("-0x1f", -31), ("٣", "٣"),
    ],
)  # fmt: skip
def test_scalars_mean_what_they_mean_to_kubectl(text: str, value: object) -> None:
    assert (resolve_plain(text), type(resolve_plain(text))) == (value, type(value))


@pytest.mark.parametrize("text", [".inf", "-.Inf", "+.INF", ".nan"])
def test_numbers_without_a_json_form_are_refused(text: str) -> None:
    (problem,) = problems(GOOD.replace("[8, 32]", f"[8, {text}]"))
    assert problem.startswith("m.yaml:6:30: spec.axes[0].values[1]: ")


def test_quotes_make_a_text() -> None:
    text = GOOD.replace("[8, 32]", "['8', \"yes\", !!str 5, no]")
    assert load_matrix(text, source="m.yaml")[0].spec.axes[0].values == ("8", "yes", "5", False)


def test_an_unknown_field_is_said_with_its_place() -> None:
    assert problems(GOOD + "  trails: 5\n") == ["m.yaml:10:3: spec.trails: unknown field; did you mean trials?"]


def test_a_missing_field_is_said_where_it_should_be() -> None:
    text = GOOD[: GOOD.index("  workload:")]
    assert problems(text) == ["m.yaml:4:1: spec.workload: is required; add it"]


def test_a_wrong_value_in_a_list_is_said_with_its_place() -> None:
    (problem,) = problems(GOOD.replace("[8, 32]", "[8, [32]]"))
    assert problem.startswith("m.yaml:6:30: spec.axes[0].values[1]: ")


def test_a_key_that_is_there_twice_is_refused() -> None:
    assert problems(GOOD + "  seed: 1\n  seed: 2\n") == [
        "m.yaml:11:3: spec.seed: is there twice, first in line 10; remove one"
    ]


@pytest.mark.parametrize("key", ["on", "1", "~", "[a]"])
def test_a_key_that_kubectl_reads_as_something_else_is_refused(key: str) -> None:
    (problem,) = problems(GOOD + f"  catalog:\n    hardware:\n      ? {key}\n      : {{}}\n")
    assert problem.startswith("m.yaml:12:9: spec.catalog.hardware: ")
    assert "put the key in quotes" in problem


def test_what_is_no_yaml_is_said_with_its_place() -> None:
    (problem,) = problems(GOOD + "  a: b: c\n")
    assert problem.startswith("m.yaml:10:7: is not YAML: ")


@pytest.mark.parametrize("text", ["", "---\n---\n", "# nothing\n"])
def test_a_file_without_a_matrix_is_refused(text: str) -> None:
    assert len(problems(text)) == 1


@pytest.mark.parametrize("text", ["- a\n", "5\n", "a\x00b\n"])
def test_a_file_of_another_kind_is_refused(text: str) -> None:
    assert all(problem.startswith("m.yaml:1:1: ") for problem in problems(text))


def test_problems_of_all_documents_are_said() -> None:
    found = problems(GOOD + "  trails: 5\n---\n" + GOOD + "  trails: 5\n")
    assert [problem.split(": ")[0] for problem in found] == ["m.yaml:10:3", "m.yaml:21:3"]


def test_anchors_and_merges_are_read() -> None:
    text = GOOD.replace("{name: size, values: [8, 32]}", "{name: size, values: &v [8, 32]}").replace(
        "  workload:\n", "  - {name: other, values: *v}\n  workload:\n    <<: {timeout: 5m, image: 'other:1'}\n"
    )
    (matrix,) = load_matrix(text, source="m.yaml")
    assert matrix.spec.axes[1].values == (8, 32)
    assert (matrix.spec.workload.timeout, matrix.spec.workload.image) == ("5m", "registry.example/app:1")


def test_a_merge_after_other_keys_is_refused_as_libraries_differ() -> None:
    (problem,) = problems(GOOD + "    <<: {timeout: 5m}\n")
    assert "must be the first key" in problem


def test_a_merge_of_a_list_is_refused() -> None:
    (problem,) = problems(GOOD.replace("  workload:\n", "  workload:\n    <<: [{timeout: 5m}]\n"))
    assert problem.startswith("m.yaml:8:9: spec.workload: << must be the first key, with one object")


def test_aliases_cannot_grow_without_bound() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)
    )
    (problem,) = problems(bomb)
    assert "100000" in problem


def test_an_alias_of_itself_is_refused() -> None:
    assert any("alias of something that it is a part of" in problem for problem in problems("a: &a [*a]\n"))


def test_tags_are_refused() -> None:
    (problem,) = problems(GOOD.replace("[8, 32]", "[!!python/name:os.system x]"))
    assert "the tag tag:yaml.org,2002:python/name:os.system is not supported" in problem


def test_deep_nesting_is_refused() -> None:
    assert any("nested too deeply" in problem for problem in problems("a: " + "[" * 20_000))


def test_a_huge_file_is_refused_unread() -> None:
    assert "at most" in problems("a" * (FILE_LIMIT + 1))[0]


EMOJI = "\U0001f600"


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_json_is_read_however_it_is_indented_and_with_characters_written_as_two_halves(
    indent: str | int | None,
) -> None:
    obj = a_matrix(axes=[{"name": "size", "values": [EMOJI, "a\\tb"]}]).to_dict()
    text = json.dumps(obj, indent=indent)
    assert "\\ud83d\\ude00" in text
    assert load_matrix(text, source="m.json")[0].spec.axes[0].values == (EMOJI, "a\\tb")


def test_keys_with_characters_written_as_two_halves_are_read_too() -> None:
    text = json.dumps({"a": {EMOJI: 1}})
    assert read_documents(text, source="m.json")[0][0].data == {"a": {EMOJI: 1}}


def test_half_of_a_character_is_refused_where_it_stands() -> None:
    (problem,) = problems(GOOD.replace("[8, 32]", '["\\ud83d"]'))
    assert problem.startswith("m.yaml:6:27: spec.axes[0].values[0]: ")
    assert "half of a character" in problem


def test_places_in_json_that_is_indented_by_tabs_are_those_of_the_file() -> None:
    text = json.dumps({**a_matrix().to_dict(), "sepc": 1}, indent="\t")
    (problem,) = problems(text)
    line = next(index for index, one in enumerate(text.splitlines(), 1) if "sepc" in one)
    assert problem.startswith(f"m.yaml:{line}:2: sepc: unknown field")


def test_tabs_in_yaml_are_refused_with_their_place() -> None:
    (problem,) = problems(GOOD.replace("  workload:", "\tworkload:"))
    assert problem.startswith("m.yaml:7:1: is not YAML: ")


def test_a_key_that_is_there_twice_hides_nothing_else_in_its_document() -> None:
    text = GOOD.replace("  workload:", "  trials: 0\n  trials: 2\n  seed: .inf\n  stepps: 5\n  workload:")
    assert [problem.split(";")[0] for problem in problems(text)] == [
        "m.yaml:8:3: spec.trials: is there twice, first in line 7",
        "m.yaml:9:9: spec.seed: .inf is not a number that JSON has",
        "m.yaml:7:3: spec.trials: 0 is too small",
        "m.yaml:10:3: spec.stepps: unknown field",
    ]


def test_a_document_that_is_right_but_for_a_key_that_is_there_twice_is_refused() -> None:
    (problem,) = problems(GOOD.replace("  workload:", "  trials: 1\n  trials: 1\n  workload:"))
    assert problem == "m.yaml:8:3: spec.trials: is there twice, first in line 7; remove one"


def test_what_is_wrong_in_one_document_hides_nothing_in_another() -> None:
    bad = GOOD.replace("[8, 32]", "[8, !!python/name:x y]")
    found = problems(bad + "---\n" + GOOD.replace("size, values", "size, valuse"))
    assert [problem.split(": ")[0] for problem in found] == ["m.yaml:6:30", "m.yaml:15:18", "m.yaml:15:5"] or found


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("List", "is a list of objects; write each as a document of its own, with --- between them"),
        ("BatchMatrixList", "is a list of objects; write each as a document of its own, with --- between them"),
        ("Deployment", "is not known here; write BatchMatrix or MatrixCatalog, or put it into another file"),
        ("batchMatrix", "is not known; did you mean BatchMatrix?"),
    ],
)
def test_of_an_object_of_another_kind_only_that_is_said(kind: str, said: str) -> None:
    (problem,) = problems(f"apiVersion: v1\nkind: {kind}\nitems: []\n")
    assert problem == f"m.yaml:2:1: kind: {kind!r} {said}"
