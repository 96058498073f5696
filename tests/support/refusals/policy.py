"""Wrong policies: how trials are run, read and judged."""

from __future__ import annotations

from tests.support.full_specs import LATER_FIELDS
from tests.support.refusals.changes import Change, Json, Refusal, metadata_name, put

__all__ = ["POLICY"]

_M0 = "spec.metrics[0]"
_REGEX = {"name": "m", "from": "regex", "pattern": "(x)"}
_PLAIN = {"name": "m", "from": "json"}


def _r(id_: str, field: str, value: object, path: str, word: str, *, server: bool = True) -> Refusal:
    return Refusal(id_, put(field, value), f"spec.{path}" if path else "spec", word, server)


def _judged(field: str, *rules: Json) -> Change:
    def change(obj: Json) -> None:
        put("metrics", [_PLAIN])(obj)
        put(field, list(rules))(obj)

    return change


_OBJECT = (
    Refusal("name-long", metadata_name("a" * 36), "metadata.name", "at most 35"),
    Refusal("name-dots", metadata_name("a.b"), "metadata.name", "not a DNS label"),
    Refusal("name-upper", metadata_name("Demo"), "metadata.name", "not a DNS label"),
    Refusal("no-spec", lambda obj: obj.pop("spec"), "spec", "required"),
    Refusal("version", lambda obj: obj.update(apiVersion="batchmatrix.dev/v1"), "apiVersion", "v1alpha1"),
    _r("typo", "trails", 5, "trails", "did you mean trials?"),
    _r("suspend", "suspend", "yes", "suspend", "without quotes"),
    _r("spec-size", "workload.args", ["x" * 16_000] * 9, "", "bytes", server=False),
    _r("ticket", "ticket", "GPU 151", "ticket", "wrong form"),
    _r("labels-axis", "labels", {"size": "x"}, "labels.size", "name of an axis", server=False),
    Refusal(
        "labels-parameter",
        lambda obj: obj["spec"].update(
            labels={"depth": "x"}, include=[{"match": {}, "set": {"parameters": {"depth": 1}}}]
        ),
        "spec.labels.depth",
        "a parameter",
        server=False,
    ),
    _r("text-nul", "workload.args", ["a\x00b"], "workload.args[0]", "NUL", server=False),
    _r("text-half", "workload.env", [{"name": "A", "value": "\ud800"}], "workload.env[0].value", "half", server=False),
    _r("text-key", "labels", {"a\x00": "b"}, "labels", "the key", server=False),
    _r("labels-value", "labels", {"mode": "a b"}, "labels.mode", "label value"),
    _r("labels-many", "labels", {f"l{i}": "x" for i in range(17)}, "labels", "too many"),
)

_RUN = (
    _r("trials-none", "trials", 0, "trials", "1 or more"),
    _r("trials-many", "trials", 100_000, "trials", "99999 or less"),
    _r("trials-text", "trials", "5", "trials", "without quotes"),
    _r("trials-bool", "trials", True, "trials", "whole number"),
    _r("trials-fraction", "trials", 1.5, "trials", "whole number"),
    _r("seed-negative", "seed", -1, "seed", "0 or more"),
    _r("seed-large", "seed", 2**31, "seed", "2147483647 or less"),
    _r("steps-none", "steps", 0, "steps", "1 or more"),
    _r("parallelism", "parallelism", 10_001, "parallelism", "10000 or less"),
    _r("order", "order", "random", "order", "'rounds' or 'cells'"),
    _r("pending-long", "pending.other", "8785h", "pending.other", "8784h"),
    _r("pending-minus", "pending.other", "-5m", "pending.other", "a duration"),
    _r("ttl-long", "retention.jobsTtl", "8785h", "retention.jobsTtl", "8784h"),
    _r("retention", "retention.jobs", "some", "retention.jobs", "'failed'"),
    _r("memory-factor", "retry.OOMKilled", {"memory": "x17"}, "retry.OOMKilled.memory", "x1.5"),
    _r("memory-elsewhere", "retry.Evicted", {"memory": "x2"}, "retry.Evicted.memory", "unknown"),
    _r("retry-outcome", "retry.Succeeded", {}, "retry.Succeeded", "unknown"),
    _r("retry-many", "retry.Evicted", {"limit": 101}, "retry.Evicted.limit", "100 or less"),
    _r("retry-number", "retry.Timeout", 3, "retry.Timeout", "not an object"),
    _r("placement", "placement.noMatchingNode", "skip", "placement.noMatchingNode", "'fail' or 'wait'"),
    _r("logs-mode", "logs.mode", "tail", "logs.mode", "'auto'"),
    _r("logs-bytes", "logs.maxBytes", "1 GB", "logs.maxBytes", "quantity"),
    _r("store-name", "store.name", "Team", "store.name", "lower-case"),
    _r("reuse-age", "reuse.maxAge", "1h", "reuse", "scope: namespace"),
    *(
        _r(f"later-{path}", path, value, path, "not supported", server=False)
        for path, value in LATER_FIELDS.items()
        if path not in ("reuse.maxAge", "reuse.key")
    ),
)  # fmt: skip

_READ = (
    _r("metric-no-pattern", "metrics", [{"name": "m", "from": "regex"}], "metrics[0]", "no pattern"),
    _r("metric-pattern", "metrics", [{**_REGEX, "from": "json"}], "metrics[0].pattern", "does nothing"),
    _r("metric-key", "metrics", [{**_REGEX, "key": "k"}], "metrics[0].key", "does nothing"),
    _r("metric-no-token", "metrics", [{"name": "m", "from": "token"}], "metrics[0]", "no token"),
    _r(
        "metric-token-lines",
        "metrics",
        [{"name": "m", "from": "token", "token": "a\nb"}],
        "metrics[0].token",
        "within one line",
    ),
    _r(
        "metric-token-warmup",
        "metrics",
        [{"name": "m", "from": "token", "token": "a", "warmup": 1}],
        "metrics[0].warmup",
        "the one value",
    ),
    _r("metric-token", "metrics", [{**_PLAIN, "token": "k"}], "metrics[0].token", "does nothing"),
    _r("metric-name", "metrics", [{**_PLAIN, "name": "1m"}], "metrics[0].name", "no digit first"),
    _r("metric-from", "metrics", [{**_PLAIN, "from": "csv"}], "metrics[0].from", "'prefix'"),
    _r("metric-strategy", "metrics", [{**_PLAIN, "strategy": "median"}], "metrics[0].strategy", "'p50'"),
    _r("metric-direction", "metrics", [{**_PLAIN, "direction": "up"}], "metrics[0].direction", "'lower'"),
    _r("metric-warmup", "metrics", [{**_PLAIN, "warmup": -1}], "metrics[0].warmup", "0 or more"),
    _r("metric-twice", "metrics", [_REGEX, _REGEX], "metrics[1].name", "earlier metric"),
    _r("metric-re2", "metrics", [{**_REGEX, "pattern": "(?=x)"}], "metrics[0].pattern", "RE2", server=False),
    _r("metric-groups", "metrics", [{**_REGEX, "pattern": "(x)(y)"}], "metrics[0].pattern", "2 groups", server=False),
)

_JUDGED = (
    Refusal("check-bounds", _judged("checks", {"metric": "m"}), "spec.checks[0]", "neither min nor max"),
    Refusal("check-order", _judged("checks", {"metric": "m", "min": 2, "max": 1}), "spec.checks[0].min",
            "more than max"),
    Refusal("check-text", _judged("checks", {"metric": "m", "max": "5"}), "spec.checks[0].max", "without quotes"),
    Refusal("check-metric", _judged("checks", {"metric": "x", "max": 1}), "spec.checks[0].metric", "use one of: m",
            server=False),
    Refusal("check-when", _judged("checks", {"metric": "m", "max": 1, "when": {"mode": "x"}}),
            "spec.checks[0].when.mode", "no axis or label", server=False),
    Refusal("check-severity", _judged("checks", {"metric": "m", "max": 1, "severity": "error"}),
            "spec.checks[0].severity", "'warn'"),
    Refusal("gate-bounds", _judged("gates", {"name": "g", "metric": "m"}), "spec.gates[0]", "neither min nor max"),
    Refusal("gate-form", _judged("gates", {"name": "g", "metric": "m", "max": "5 %"}), "spec.gates[0].max", "+5%"),
    Refusal("gate-number", _judged("gates", {"name": "g", "metric": "m", "max": 5}), "spec.gates[0].max", "quotes"),
    Refusal("gate-order", _judged("gates", {"name": "g", "metric": "m", "min": "5", "max": "-5"}), "spec.gates[0].min",
            "more than max", server=False),
    Refusal("gate-name", _judged("gates", {"name": "G", "metric": "m", "max": "5"}), "spec.gates[0].name",
            "lower-case"),
    Refusal("gate-twice", _judged("gates", *[{"name": "g", "metric": "m", "max": "5"}] * 2), "spec.gates[1].name",
            "earlier gate"),
    Refusal("gate-metric", _judged("gates", {"name": "g", "metric": "x", "max": "5"}), "spec.gates[0].metric",
            "use one of: m", server=False),
    Refusal("gate-when", _judged("gates", {"name": "g", "metric": "m", "max": "5", "when": {"size": []}}),
            "spec.gates[0].when.size", "matches nothing"),
    _r("baseline-none", "baseline", {}, "baseline", "exactly one"),
    _r("baseline-both", "baseline", {"cell": "a", "match": {"size": 8}}, "baseline", "exactly one"),
    _r("baseline-empty", "baseline", {"match": {}}, "baseline.match", "too few"),
    _r("baseline-axis", "baseline", {"match": {"x": 1}}, "baseline.match.x", "write one of: size", server=False),
    _r("confound-none", "confound.threshold", 0, "confound.threshold", "more than 0"),
    _r("confound-metric", "confound.metric", "x", "confound.metric", "spec.metrics", server=False),
    _r("compare-level", "compare.level", 0, "compare.level", "more than 0"),
    _r("compare-level-high", "compare.level", 0.6, "compare.level", "0.5 or less"),
    _r("compare-margin", "compare.margin", "5", "compare.margin", "5%"),
    _r("compare-trials", "compare.minTrials", 1, "compare.minTrials", "2 or more"),
    _r("compare-metrics", "compare.metrics", ["x"], "compare.metrics[0]", "spec.metrics", server=False),
    _r("expect", "expect.outcome", "pass", "expect.outcome", "'success'"),
)  # fmt: skip

POLICY: tuple[Refusal, ...] = (*_OBJECT, *_RUN, *_READ, *_JUDGED)
