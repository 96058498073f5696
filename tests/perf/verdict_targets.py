"""What the words have to reach, and the tables that show whether they do.

Levels are held by a bound that a sound test of level 5 % passes but once in a thousand numbers. Power is held against
figures published before this code was written, and against plain tests on the very same trials.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt

from scipy import stats

from tests.perf.noise import SCENARIOS
from tests.perf.table import Table
from tests.perf.verdicts import SIZES, Answers

__all__ = ["failures_table", "families_table", "missed", "power_table", "scenarios_table"]

LEVEL = 0.05
MANY = 2000
UNDER_PUBLISHED = 0.05
UNDER_PLAIN = 0.01
UNEQUAL_AT_THREE = 0.08

POWER = {  # in per cent, at 3, 5, 10 and 30 trials a side
    ("C", 0.05): (27, 64, 95, 100), ("C", 0.15): (97, 100, 100, 100), ("C", 0.0): (19, 57, 96, 100),
    ("D", 0.05): (5, 9, 19, 49), ("D", 0.15): (21, 49, 87, 100), ("D", 0.0): (0, 0, 0, 26),
    ("E", 0.05): (9, 17, 41, 85), ("E", 0.15): (50, 85, 98, 100), ("E", 0.0): (2, 3, 19, 80),
    ("F", 0.05): (14, 25, 37, 52), ("F", 0.15): (55, 68, 82, 98), ("F", 0.0): (10, 19, 21, 32),
    ("J", 0.05): (10, 24, 47, 93), ("J", 0.15): (57, 92, 100, 100), ("J", 0.0): (2, 4, 24, 93),
    ("K", 0.05): (4, 5, 7, 18), ("K", 0.15): (8, 14, 30, 77), ("K", 0.0): (0, 0, 0, 0),
}  # fmt: skip
"""By scenario and true effect; for no effect, how often it is shown to be equivalent."""
FAMILY_POWER = {
    (1, 0.05): (25, 60, 92, 100), (1, 0.15): (95, 100, 100, 100),
    (10, 0.05): (3, 17, 65, 100), (10, 0.15): (38, 99, 100, 100),
    (100, 0.05): (0, 3, 30, 99), (100, 0.15): (6, 76, 100, 100),
}  # fmt: skip
"""By cells and true effect."""
FAILURE_POWER = {3: (0.13, 0.03), 5: (0.19, 0.03), 10: (0.83, 0.35)}
"""By trials a side: a failure rate that falls from .5, and from .3, to 0."""


def bound(repeats: int, level: float = LEVEL) -> float:
    """Share that a test of this level stays under in 999 of 1,000 runs of so many repeats."""
    return float(stats.binom.ppf(0.999, repeats, level)) / repeats


def missed(one: Sequence[Answers], many: Sequence[Answers], failures: Sequence[Answers]) -> list[str]:
    """What does not reach its target, a line each."""
    limits = {each.name for each in SCENARIOS if each.limit}
    found: list[str] = []
    for each in one:
        if each.name not in limits:
            found += _levels(each)
        for effect in (0.0, 0.05, 0.15):
            if (each.name, effect) in POWER:
                found += _power(each, effect, POWER[each.name, effect][SIZES.index(each.trials)] / 100)
    for each in many:
        found += _levels(each)
        for effect in (0.05, 0.15):
            if effect in each.differs:
                found += _power(each, effect, FAMILY_POWER[each.cells, effect][SIZES.index(each.trials)] / 100)
    for each in failures:
        if each.differs[0.0] > LEVEL:
            found.append(f"failures, n {each.trials}: false alarms {_percent(each.differs[0.0])} %")
        for rate, wanted in zip((0.5, 0.3), FAILURE_POWER[each.trials], strict=True):
            if each.differs[rate] < wanted - UNDER_PLAIN:
                found.append(
                    f"failures, n {each.trials}: power {_percent(each.differs[rate])} % of {_percent(wanted)} %"
                )
    return found


def _levels(each: Answers) -> Iterator[str]:
    most = bound(each.repeats)
    alarms = UNEQUAL_AT_THREE if (each.name, each.trials) == ("G", 3) else most
    if each.differs[0.0] > alarms and (each.name != "G" or each.trials == 3):
        yield f"{_name(each)}: false alarms {_percent(each.differs[0.0])} %, at most {_percent(alarms)} %"
    if each.equivalent[0.05] > most:
        yield f"{_name(each)}: false equivalents {_percent(each.equivalent[0.05])} %, at most {_percent(most)} %"


def _power(each: Answers, effect: float, published: float) -> Iterator[str]:
    luck = 0.0 if each.repeats >= MANY else 3.3 * sqrt(0.25 / each.repeats)
    got = each.differs[effect] if effect else each.equivalent[0.0]
    what = f"shows +{_percent(effect)} %" if effect else "shows that it is equivalent"
    if got < published - UNDER_PUBLISHED - luck:
        yield f"{_name(each)}: {what} in {_percent(got)} %, published are {_percent(published)} %"
    if effect and got < each.plain[effect] - UNDER_PLAIN:
        yield f"{_name(each)}: {what} in {_percent(got)} %, plain tests do in {_percent(each.plain[effect])} %"


def _name(each: Answers) -> str:
    return f"{each.name}, n {each.trials}" + (f", {each.cells} cells" if each.cells > 1 else "")


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0")


def _four(answers: Sequence[Answers], what: str, effect: float) -> str:
    return " / ".join(f"{100 * getattr(each, what)[effect]:.0f}" for each in answers)


def scenarios_table(answers: Sequence[Answers]) -> Table:
    """False words of one cell against its baseline."""
    sizes = "/".join(map(str, SIZES))
    found = Table(
        f"verdicts: false words in % of {answers[0].repeats} repeats, n = {sizes} trials a side",
        ("", "false alarm", "false equivalent", "ratio rule's", "pooled steps'"),
    )
    for name, what in ((each.name, each.what) for each in SCENARIOS):
        own = [each for each in answers if each.name == name]
        if own:
            texts = (_four(own, "differs", 0.0), _four(own, "equivalent", 0.05))
            found.add(f"{name}: {what}", *texts, _four(own, "ratio", 0.0), _four(own, "pooled", 0.0))
    found.note(f"A level of 5 % may show up to {_percent(bound(answers[0].repeats))} % here; H and I are limits.")
    return found


def power_table(answers: Sequence[Answers]) -> Table:
    """What is shown of what is true."""
    found = Table(
        "verdicts: true words in %",
        ("", "+5 %", "+5 %, ratio rule", "+15 %", "+15 %, ratio rule", "equivalent"),
    )
    for name in dict.fromkeys(each.name for each in answers):
        own = [each for each in answers if each.name == name]
        five, fifteen = ((_four(own, "differs", effect), _four(own, "ratio", effect)) for effect in (0.05, 0.15))
        found.add(name, *five, *fifteen, _four(own, "equivalent", 0.0))
    return found


def families_table(answers: Sequence[Answers]) -> Table:
    """At least one false word in a family, and the power that Holm's rule leaves."""
    found = Table(
        "verdicts: families on one baseline, at least one false word in %, n as above",
        ("", "cells", "false alarm", "false equivalent", "shows +5 %", "shows +15 %"),
    )
    for name, cells in dict.fromkeys((each.name, each.cells) for each in answers):
        own = [each for each in answers if (each.name, each.cells) == (name, cells)]
        power = [_four(own, "differs", effect) if effect in own[0].differs else "" for effect in (0.05, 0.15)]
        found.add(name, str(cells), _four(own, "differs", 0.0), _four(own, "equivalent", 0.05), *power)
    return found


def failures_table(answers: Sequence[Answers]) -> Table:
    """Failure rates, reckoned and not drawn."""
    found = Table("verdicts: failures, exact", ("trials a side", "false alarm at most", ".5 to 0", ".3 to 0"))
    for each in answers:
        found.add(str(each.trials), *(f"{_percent(each.differs[rate])} %" for rate in (0.0, 0.5, 0.3)))
    return found
