"""Names are looked up once for each generation, pinned before its first Job, and never again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from batchmatrix.base.errors import InvalidSpec
from batchmatrix.engine.pinning import Pins, load_catalog
from batchmatrix.formats.matrix_file import load_matrix
from batchmatrix.model.cell import Plan
from batchmatrix.plan.pin import load_plan
from tests.support.logs import Killed
from tests.support.process import Process
from tests.support.specs import a_matrix
from tests.support.stores import Fault
from tests.support.world import REF, Kill, Program, SmallWorld

Start = Callable[[SmallWorld], Process]

FAST = {"mitigations": {"fast": {"env": {"FAST": "1"}}}}
FASTER = {"mitigations": {"fast": {"env": {"FAST": "2"}}}}
AXES = [{"name": "mitigation", "values": ["none", "fast"]}]
WORKLOAD = {"image": "app:1", "command": ["run"]}


def submit(world: SmallWorld, **spec: Any) -> None:
    world.submit(**{"axes": AXES, "workload": WORKLOAD, "catalogRefs": [{"name": "team"}], **spec})


def pinned(world: SmallWorld, name: str, generation: int = 1) -> bytes | None:
    return world.stores["default"].objects.get(f"{REF.prefix()}/runs/{generation}/{name}")


def plan_of(world: SmallWorld, generation: int = 1) -> Plan:
    data = pinned(world, "plan.json", generation)
    assert data is not None
    return load_plan(data)


def env_of(world: SmallWorld, generation: int = 1) -> dict[str, str | None]:
    """What FAST is in each cell."""
    return {cell.name: dict(cell.work.env).get("FAST") for cell in plan_of(world, generation).cells}


async def test_a_name_is_looked_up_in_a_catalog_of_the_namespace(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.put(world, **FAST)
    submit(world)
    await start(world).run(1)
    assert env_of(world) == {"none": None, "fast": "1"}
    assert len(world.made) == 2


async def test_everything_that_is_used_is_pinned_with_its_source(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.put(world, **FAST, hardware={"unused": {}})
    submit(
        world,
        catalog={"environments": {"own": {"image": "app:2"}}},
        axes=[*AXES, {"name": "environment", "values": ["own"]}],
    )
    await start(world).run(1)
    data = pinned(world, "catalog.json")
    assert data is not None
    body = json.loads(data)
    assert body["sources"] == ["built-in", "MatrixCatalog team"]
    sources = {kind: {name: one["source"] for name, one in body[kind].items()} for kind in ("mitigations", "hardware")}
    assert sources == {"mitigations": {"fast": "MatrixCatalog team", "none": "built-in"}, "hardware": {}}
    assert body["environments"] == {"own": {"source": "inline", "value": {"image": "app:2"}}}


async def test_the_resolved_matrix_loads_again_and_needs_no_other_catalog(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.put(world, **FAST, workloads={"train": {"command": ["train"], "image": "app:3"}})
    submit(world, workload={"ref": "train"})
    await start(world).run(1)
    text = pinned(world, "matrix.resolved.yaml")
    assert text is not None
    (matrix,) = load_matrix(text.decode(), source="matrix.resolved.yaml")
    assert (matrix.spec.catalog.only, matrix.spec.catalog_refs, matrix.spec.workload.ref) == (True, (), None)
    other = SmallWorld()
    other.submit(**matrix.to_dict()["spec"])
    await start(other).run(1)
    assert [cell.hash for cell in plan_of(other).cells] == [cell.hash for cell in plan_of(world).cells]
    assert other.catalogs.reads == []


async def test_a_catalog_is_read_from_the_server_when_the_watch_is_behind(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.put(world, **FAST)
    world.catalogs.put(world, told=False, **FASTER)
    submit(world)
    await start(world).run(1)
    assert env_of(world) == {"none": None, "fast": "2"}


@pytest.mark.parametrize(
    ("catalog", "said"),
    [
        (None, "spec.catalogRefs[0].name: there is no MatrixCatalog 'team' in namespace 'triage'; create it, or"),
        (
            {"mitigations": {"fast": {"env": {"BATCHMATRIX_X": "1"}}}},
            "spec.catalogRefs[0].name: MatrixCatalog 'team' cannot be used: spec.mitigations.fast.env",
        ),
        ({"mitigations": {}}, "'fast' is not in the catalog of mitigations"),
        (
            {**FAST, "mitigations": {**FAST["mitigations"], "none": {"env": {"A": "1"}}}},
            "'none' is in two catalogs with different contents: built-in and MatrixCatalog team",
        ),
        ({**FAST, "environments": {"plain": {}}}, ""),
    ],
)
async def test_a_matrix_whose_catalog_cannot_be_used_waits_for_it_to_be_mended(
    start: Start, catalog: dict[str, Any] | None, said: str
) -> None:
    world = SmallWorld()
    if catalog is not None:
        world.catalogs.put(world, **catalog)
    submit(world)
    process = start(world)
    await process.run(1)
    if not said:
        assert len(world.made) == 2
        return
    assert said in world.status()["message"]
    assert "\n" not in world.status()["message"]
    assert (world.condition("Stalled"), world.made) == ("True", [])
    assert pinned(world, "catalog.json") is None
    reads = len(world.catalogs.reads)
    await process.run(600)
    process.notify(REF, 0.0)
    await process.run(1)
    # as long as nothing has changed it is not read again, but that it still is not there is asked of the server
    assert len(world.catalogs.reads) == reads + (catalog is None)
    world.catalogs.put(world, **FAST)
    await process.run(1)
    assert (world.condition("Stalled"), len(world.made)) == ("False", 2)
    assert world.matrices[REF.uid]["metadata"]["generation"] == 1


async def test_a_catalog_of_which_the_watch_does_not_tell_is_found_at_the_next_look(start: Start) -> None:
    world = SmallWorld()
    submit(world)
    process = start(world)
    await process.run(1)
    world.catalogs.put(world, told=False, **FAST)
    process.notify(REF, 300.0)  # as at a resync
    await process.run(301)
    assert (world.condition("Stalled"), len(world.made)) == ("False", 2)


async def test_a_catalog_that_comes_while_no_process_lives_is_seen_by_the_next(start: Start) -> None:
    world = SmallWorld()
    submit(world)
    process = start(world)
    await process.run(1)
    assert world.condition("Stalled") == "True"
    await process.end()
    world.catalogs.put(world, **FAST)
    await start(world).run(1)
    assert (world.condition("Stalled"), len(world.made)) == ("False", 2)


async def test_a_server_that_does_not_answer_makes_no_matrix_invalid(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.silent = True
    submit(world)
    process = start(world)
    await process.run(5)
    assert (world.condition("Stalled"), world.made) == ("False", [])
    assert "does not answer" in world.status()["message"]
    world.catalogs.put(world, **FAST)
    world.catalogs.silent = False
    await process.run(70)
    assert len(world.made) == 2


async def test_a_restart_reads_what_was_pinned_and_looks_nothing_up(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.put(world, **FAST)
    submit(world, workload={**WORKLOAD, "timeout": "7m"})
    process = start(world)
    await process.run(1)
    await process.end()
    reads = list(world.catalogs.reads)
    world.catalogs.put(world, **FASTER)
    process = start(world)
    await process.run(1)
    run = process.engine.runs[REF.uid]
    assert run.policy.timeout == 420.0
    assert run.matrix is not None
    assert run.matrix.spec.catalog.mitigations["fast"].env == {"FAST": "1"}
    assert (len(world.made), world.catalogs.reads) == (2, reads)


async def test_what_a_catalog_says_later_is_shown_and_not_acted_on(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.put(world, **FAST)
    own = {"environments": {"own": {"env": {"B": "1"}}}}
    submit(world, catalog=own, axes=[*AXES, {"name": "environment", "values": ["own"]}])
    process = start(world)
    await process.run(1)
    assert "catalog" not in world.status()["message"]
    world.catalogs.put(world, **FASTER)
    await process.run(1)
    said = "not what its catalog says now: mitigations fast (MatrixCatalog team); this run keeps what it had"
    assert world.status()["message"].endswith(said)
    world.catalogs.put(world, **FAST, hardware={"more": {}})
    await process.run(1)
    assert "catalog" not in world.status()["message"]
    world.catalogs.remove(world)
    await process.run(1)
    assert world.status()["message"].endswith(said)
    assert (len(world.made), world.condition("Stalled")) == (2, "False")


async def test_a_watch_that_is_behind_does_not_say_that_a_catalog_has_changed(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.put(world, told=False, **FAST)
    submit(world)
    process = start(world)
    await process.run(5)
    assert "catalog" not in world.status()["message"]


async def test_while_the_watch_lacks_a_catalog_the_server_is_asked_at_most_once_a_minute(start: Start) -> None:
    world = SmallWorld()
    world.program = lambda _job: Program(seconds=30)
    world.catalogs.put(world, told=False, **FAST)
    submit(world, trials=20, parallelism=4)
    process = start(world)
    assert await process.run(600, until=lambda: world.condition("Finished") == "True")
    assert len(world.calls) > 100
    assert 2 <= len(world.catalogs.reads) <= 7


async def test_so_it_is_while_the_watch_is_behind_with_a_catalog_that_cannot_be_used(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.put(world, **FAST)
    world.catalogs.put(world, told=False, mitigations={})
    submit(world)
    process = start(world)
    for _ in range(60):
        process.notify(REF, 0.0)
        await process.run(1)
    assert len(world.catalogs.reads) == 1
    world.catalogs.put(world, **FAST)
    await process.run(1)
    assert (world.condition("Stalled"), len(world.made)) == ("False", 2)


async def test_a_catalog_that_is_being_deleted_counts_as_gone(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.put(world, **FAST)
    world.catalogs.there["triage", "team"]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    submit(world)
    process = start(world)
    await process.run(1)
    assert "there is no MatrixCatalog 'team'" in world.status()["message"]
    assert world.made == []
    world.catalogs.remove(world)
    world.catalogs.put(world, **FAST)
    await process.run(1)
    assert (world.condition("Stalled"), len(world.made)) == ("False", 2)
    world.catalogs.there["triage", "team"]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    world.catalogs.tell(world)
    await process.run(1)
    assert "not what its catalog says now: mitigations fast" in world.status()["message"]


async def test_of_many_entries_that_changed_only_a_few_are_written_out(start: Start) -> None:
    world = SmallWorld()
    names = [f"m{number:02}" for number in range(20)]
    world.catalogs.put(world, mitigations={name: {"env": {"A": "1"}} for name in names})
    submit(world, axes=[{"name": "mitigation", "values": names}])
    process = start(world)
    await process.run(1)
    world.catalogs.put(world, mitigations={name: {"env": {"A": "2"}} for name in names})
    await process.run(1)
    message = world.status()["message"]
    assert "m02 (MatrixCatalog team) and 17 more" in message
    assert "m03" not in message


async def test_a_store_that_fails_while_a_mended_generation_is_pinned_leaves_nothing_stuck(start: Start) -> None:
    for name in ("catalog.json", "matrix.resolved.yaml", "plan.json"):
        world = SmallWorld()
        submit(world)
        process = start(world)
        await process.run(1)
        assert world.condition("Stalled") == "True"
        faults = [Fault.BEFORE]
        world.stores["default"].fault = lambda method, key, name=name, faults=faults: (
            faults.pop() if faults and method == "put_new" and key.endswith(name) else None
        )
        world.catalogs.put(world, **FAST)
        await process.run(60)
        assert faults == []
        assert (world.condition("Stalled"), len(world.made)) == ("False", 2)


# A new generation


async def test_a_new_generation_keeps_what_the_one_before_looked_up_and_looks_up_the_rest(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.put(world, **FAST)
    submit(world)
    process = start(world)
    await process.run(1)
    more = {"mitigations": {**FASTER["mitigations"], "new": {"env": {"FAST": "3"}}}}
    world.catalogs.put(world, **more)
    submit(world, axes=[{"name": "mitigation", "values": ["none", "fast", "new"]}])
    await process.run(1)
    assert env_of(world, 2) == {"none": None, "fast": "1", "new": "3"}
    assert len(world.made) == 3
    data = pinned(world, "catalog.json", 2)
    assert data is not None
    assert load_catalog(data).entries.mitigations["fast"].value.env == {"FAST": "1"}


async def test_it_does_so_after_a_restart_too(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.put(world, **FAST)
    submit(world)
    process = start(world)
    await process.run(1)
    await process.end()
    world.catalogs.put(world, **FASTER)
    submit(world, trials=2)
    await start(world).run(1)
    assert env_of(world, 2) == {"none": None, "fast": "1"}


async def test_a_catalog_that_is_gone_stops_no_edit_that_names_nothing_new(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.put(world, **FAST)
    submit(world)
    process = start(world)
    await process.run(1)
    world.catalogs.remove(world)
    submit(world, parallelism=1)
    await process.run(1)
    assert world.condition("Stalled") == "False"
    assert plan_of(world, 2).cells == plan_of(world, 1).cells
    submit(world, axes=[{"name": "mitigation", "values": ["fast", "other"]}])
    await process.run(1)
    assert world.condition("Stalled") == "True"
    said = "there is no MatrixCatalog 'team' in namespace 'triage'; create it, or copy what was used of it from "
    assert said + "runs/2/catalog.json of the results into spec.catalog, then remove" in world.status()["message"]
    assert pinned(world, "plan.json", 3) is None
    # which is what the message says
    data = pinned(world, "catalog.json", 2)
    assert data is not None
    own = {name: one["value"] for name, one in json.loads(data)["mitigations"].items() if name == "fast"}
    catalog = {"mitigations": {**own, "other": {"env": {"FAST": "9"}}}}
    submit(world, catalogRefs=[], catalog=catalog, axes=[{"name": "mitigation", "values": ["fast", "other"]}])
    await process.run(1)
    assert env_of(world, 4) == {"fast": "1", "other": "9"}


async def test_a_catalog_that_is_gone_stops_no_name_that_another_one_has(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.put(world, **FAST)
    world.catalogs.put(world, "second", mitigations={"other": {"env": {"FAST": "3"}}})
    refs = [{"name": "team"}, {"name": "second"}]
    submit(world, catalogRefs=refs)
    process = start(world)
    await process.run(1)
    world.catalogs.remove(world)
    axes = [{"name": "mitigation", "values": ["fast", "other"]}]
    submit(world, catalogRefs=refs, axes=axes)
    await process.run(1)
    assert env_of(world, 2) == {"fast": "1", "other": "3"}
    submit(world, catalogRefs=refs[1:], axes=axes)
    await process.run(1)
    said = "no longer has the MatrixCatalog team of 'fast'; put it back, or copy what was used of it from runs/2/"
    assert said in world.status()["message"]


async def test_a_name_that_is_dropped_and_named_again_means_what_it_meant(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.put(world, **FAST)
    submit(world)
    process = start(world)
    await process.run(1)
    submit(world, axes=[{"name": "mitigation", "values": ["none"]}])
    await process.run(1)
    await process.end()
    world.catalogs.put(world, **FASTER)
    process = start(world)
    await process.run(1)
    submit(world)
    await process.run(1)
    assert env_of(world, 3) == {"none": None, "fast": "1"}
    assert plan_of(world, 3).cells == plan_of(world, 1).cells


async def test_of_what_is_made_self_contained_only_what_the_file_says_counts(start: Start) -> None:
    """A process that goes on from catalog.json writes the same bytes as the one that wrote it would have."""
    texts = []
    for cut in (False, True):
        world = SmallWorld()
        team = {"fast": {"description": "", "env": {"FAST": "1"}}}
        world.catalogs.put(world, mitigations=team, workloads={"train": {"image": "app:3", "args": [], "command": []}})
        submit(world, workload={"ref": "train"})
        if cut:
            store = world.stores["default"]
            failing = [Fault.BEFORE]
            store.fault = lambda _, key, failing=failing: (
                failing.pop() if failing and key.endswith("matrix.resolved.yaml") else None
            )
        process = start(world)
        await process.run(60)
        texts.append(pinned(world, "matrix.resolved.yaml"))
    assert texts[0] is not None
    assert texts[0] == texts[1]


async def test_a_spec_that_says_itself_what_a_name_means_is_believed(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.put(world, **FAST)
    submit(world)
    process = start(world)
    await process.run(1)
    submit(world, catalogRefs=[], catalog=FASTER)
    await process.run(1)
    assert env_of(world, 2) == {"none": None, "fast": "2"}


async def test_so_it_is_where_the_catalog_says_the_same_by_now(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.put(world, **FAST)
    submit(world)
    process = start(world)
    await process.run(1)
    world.catalogs.put(world, **FASTER)
    submit(
        world, catalog={**FASTER, "environments": {"own": {}}}, axes=[*AXES, {"name": "environment", "values": ["own"]}]
    )
    await process.run(1)
    assert set(env_of(world, 2).values()) == {None, "2"}


async def test_a_name_of_a_catalog_that_the_spec_no_longer_reads_is_looked_up_anew(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.put(world, **FAST)
    world.catalogs.put(world, "second", **FASTER)
    submit(world)
    process = start(world)
    await process.run(1)
    submit(world, catalogRefs=[{"name": "second"}])
    await process.run(1)
    assert env_of(world, 2) == {"none": None, "fast": "2"}


async def test_a_clash_with_a_catalog_that_is_added_is_refused_and_what_runs_goes_on(start: Start) -> None:
    world = SmallWorld()
    world.catalogs.put(world, **FAST)
    world.catalogs.put(world, "second", **FASTER)
    submit(world)
    process = start(world)
    await process.run(1)
    submit(world, catalogRefs=[{"name": "team"}, {"name": "second"}])
    await process.run(1)
    assert "different contents: MatrixCatalog team and MatrixCatalog second" in world.status()["message"]
    assert len(world.jobs) == 2
    run = process.engine.runs[REF.uid]
    assert run.plan is not None
    assert run.plan.generation == 1


# Death between two writes


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", ["catalog.json", "matrix.resolved.yaml", "spec.json", "plan.json"])
async def test_a_process_may_die_between_any_two_writes_of_what_it_pins(start: Start, name: str, when: str) -> None:
    world = SmallWorld()
    world.catalogs.put(world, **FAST)
    submit(world)
    process = start(world)
    await process.run(1)
    (number,) = (number for number, call in enumerate(world.calls, 1) if call.endswith(f"runs/1/{name}"))
    undisturbed = env_of(world)

    world = SmallWorld()
    world.catalogs.put(world, **FAST)
    world.kill = Kill(number, when)
    submit(world)
    process = start(world)
    with pytest.raises(Killed):
        await process.run(1)
    await process.end()
    assert world.made == []
    begun = pinned(world, "catalog.json") is not None
    assert begun == (name != "catalog.json" or when == "after")
    if begun:
        world.catalogs.remove(world)
    else:
        world.catalogs.put(world, **FASTER)
    await start(world).run(1)
    # where nothing had been pinned there was no run yet, and names mean what they mean now
    assert env_of(world) == (undisturbed if begun else {"none": None, "fast": "2"})
    for file in ("catalog.json", "matrix.resolved.yaml", "spec.json", "plan.json"):
        assert pinned(world, file) is not None
    data = pinned(world, "catalog.json")
    assert data is not None
    assert load_catalog(data).entries.mitigations["fast"].value.env["FAST"] == env_of(world)["fast"]
    assert len(world.made) == 2


@pytest.mark.parametrize("first", ["catalog.json", "matrix.resolved.yaml", "plan.json"])
async def test_where_another_process_pins_first_its_files_count(start: Start, first: str) -> None:
    theirs = SmallWorld()
    theirs.catalogs.put(theirs, **FAST)
    submit(theirs)
    await start(theirs).run(1)
    world = SmallWorld()
    world.catalogs.put(world, **(FASTER if first == "catalog.json" else FAST))
    submit(world)
    world.clock.time += 100.0  # so that a plan of its own would be another
    objects = world.stores["default"].objects

    def pin(method: str, key: str) -> None:
        if method == "put_new" and key.endswith(first):
            objects.setdefault(key, theirs.stores["default"].objects[key])

    world.stores["default"].fault = pin
    await start(world).run(1)
    assert env_of(world) == {"none": None, "fast": "1"}
    assert pinned(world, "matrix.resolved.yaml") == pinned(theirs, "matrix.resolved.yaml")
    assert {job.rpartition("/")[2] for job in world.made} == {job.rpartition("/")[2] for job in theirs.made}


@pytest.mark.parametrize("name", ["catalog.json", "matrix.resolved.yaml"])
async def test_a_part_of_what_was_pinned_that_is_gone_or_damaged_is_named(start: Start, name: str) -> None:
    for damage in (None, b"{"):
        world = SmallWorld()
        world.catalogs.put(world, **FAST)
        submit(world)
        process = start(world)
        await process.run(1)
        await process.end()
        key = f"{REF.prefix()}/runs/1/{name}"
        if damage is None:
            del world.stores["default"].objects[key]
        else:
            world.stores["default"].objects[key] = damage
        await start(world).run(1)
        assert f"runs/1/{name}" in world.status()["message"]
        assert world.condition("Stalled") == "True"
        assert len(world.made) == 2


async def test_what_a_file_does_not_give_back_is_refused_before_anything_runs() -> None:
    pins = Pins(SmallWorld().stores["default"], REF)
    matrix = a_matrix()
    workload = matrix.spec.workload.model_copy(update={"command": ("a\x00b",)})
    odd = matrix.model_copy(update={"spec": matrix.spec.model_copy(update={"workload": workload})})
    with pytest.raises(InvalidSpec, match=r"^spec: holds a text or number that a YAML file does not give back"):
        await pins.put_matrix(1, odd, {})


async def test_every_process_reads_texts_with_odd_ends_of_lines_alike(start: Start) -> None:
    world = SmallWorld()
    submit(world, workload={"image": "app:1", "command": ["run", "a\x85b\u2028c\u2029\r\nd"]})
    world.catalogs.put(world, **FAST)
    process = start(world)
    await process.run(1)
    before = process.engine.runs[REF.uid].matrix
    await process.end()
    process = start(world)
    await process.run(1)
    assert process.engine.runs[REF.uid].matrix == before is not None
