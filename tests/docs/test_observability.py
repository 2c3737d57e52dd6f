"""Dashboard and alerts speak of the metrics that exist, with their labels and words, and each alert has its paragraph."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from bot import measuring, web
from bot.slack.measured import KINDS
from storage.ledger import queues
from storage.records import PublisherState, ReleaseKind, ReleaseReason, ReleaseState

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "observability"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
RULES = [
    rule
    for group in yaml.safe_load((FOLDER / "rules.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
ALERTS = [rule for rule in RULES if "alert" in rule]
SCRAPED = frozenset({"job", "instance", "pod"})
"""Labels that Prometheus puts on what it reads; `pod` in Kubernetes."""
OUTCOMES = {*map(measuring.answered, (100, 200, 300, 404, 429, 500, 600)), "lost", "unreachable"}
WORDS: Mapping[str, set[str]] = {
    "outcome": OUTCOMES | {"ok", "refused", "broken"},
    "queue": {*queues.LEASED, *queues.TAKEN},
    "state": {*map(str, ReleaseState), *map(str, PublisherState)},
    "reason": set(map(str, ReleaseReason)),
    "level": {"warning", "error", "critical"},
    "kind": {*KINDS.values(), "command", "other", *map(str, ReleaseKind)},
    "to": {"slack", "forge", "other"},
}
"""The words that a label can have, where a closed set is known here."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A metric as an expression asks for it."""

    name: str
    matchers: tuple[tuple[str, str], ...]


def known() -> dict[str, frozenset[str]]:
    """Return every series that the bot gives, with its labels."""
    found = {name: frozenset(labels) for name, (_, labels) in web.METRICS.items()}
    for name, what in measuring.METRICS.items():
        labels = frozenset(what.labels)
        if what.bounds:
            found |= {f"{name}_bucket": labels | {"le"}, f"{name}_count": labels, f"{name}_sum": labels}
        else:
            found[name] = labels
    return found


def nodes(expression: str) -> list[Any]:
    """Return every node of an expression; fails where it does not parse."""
    found: list[Any] = []
    promql_parser.walk(promql_parser.parse(expression), found.append)
    return found


def asked(expression: str) -> list[Asked]:
    """Return the metrics that an expression asks for."""
    found = [node for node in nodes(expression) if isinstance(node, promql_parser.VectorSelector)]
    return [Asked(str(one.name), tuple((m.name, m.value) for m in one.matchers.matchers)) for one in found]


def grouped(expression: str) -> set[str]:
    """Return the labels by which an expression groups."""
    found = [node for node in nodes(expression) if isinstance(node, promql_parser.AggregateExpr)]
    return {label for one in found if one.modifier for label in one.modifier.labels}


def recorded() -> dict[str, frozenset[str]]:
    """Return the series that the recording rules give, with the labels of what they are made of."""
    found = {}
    for rule in RULES:
        if "record" in rule:
            (source,) = asked(rule["expr"])
            labels = known()[source.name]
            found[rule["record"]] = labels & grouped(rule["expr"]) if " by " in rule["expr"] else labels
    return found


def dashboard() -> Iterator[str]:
    """Give every expression of the dashboard, with what Grafana puts in for its variable."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"].replace("$__rate_interval", "5m")


EXPRESSIONS = [*(rule["expr"] for rule in RULES), *dashboard()]


def test_every_expression_asks_for_what_there_is() -> None:
    """It parses; its metrics, their labels and the words of these are such as the bot has."""
    there = known() | recorded()
    for expression in EXPRESSIONS:
        labels: set[str] = set()
        for one in asked(expression):
            assert one.name in there, expression
            labels |= there[one.name] | SCRAPED
            for label, wanted in one.matchers:
                assert label in there[one.name], expression
                assert set(wanted.split("|")) <= WORDS[label], expression
        assert grouped(expression) <= labels, expression


def test_nothing_of_the_database_is_counted_twice() -> None:
    """Every process tells the same gauges, so only the recording rules ask for them, by `max`, and nothing sums them."""
    for expression in EXPRESSIONS:
        plain = {one.name for one in asked(expression)} & set(web.METRICS)
        assert not plain or expression.startswith(("max without (instance, pod)", "absent(")), expression


def test_every_gauge_has_its_recording_rule() -> None:
    """Each metric that is read from the database is recorded once for all processes."""
    assert {asked(rule["expr"])[0].name for rule in RULES if str(rule.get("record")).endswith(":max")} == set(
        web.METRICS
    )


def test_every_metric_is_looked_at() -> None:
    """Each metric is somewhere on the dashboard or in an alert."""
    used = {one.name for expression in EXPRESSIONS for one in asked(expression)}
    used |= {asked(rule["expr"])[0].name for rule in RULES if rule.get("record") in used}
    families = {
        re.sub(r"_(bucket|count|sum)$", "", name) if name.startswith("shipbell_") else name for name in used
    }
    assert {*web.METRICS, *measuring.METRICS} <= families


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: str(rule["alert"]))
def test_every_alert_has_its_paragraph(rule: dict[str, Any]) -> None:
    """An alert says how urgent it is and what rings, and leads to a paragraph of its own about what to do."""
    name = rule["alert"]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}"
    paragraph = OPERATIONS.partition(f"\n### {name}\n")[2].partition("\n#")[0]
    assert len(paragraph.split()) > 15
    told = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert told <= grouped(rule["expr"]) | {
        label for one in asked(rule["expr"]) for label in (known() | recorded())[one.name]
    }


def test_no_paragraph_is_of_an_alert_that_is_not_there() -> None:
    """Each heading of that chapter is an alert, in the alerts' order."""
    assert re.findall(r"^### (Shipbell\w+)$", OPERATIONS, re.MULTILINE) == [rule["alert"] for rule in ALERTS]


def test_the_dashboards_panels_have_places_of_their_own() -> None:
    """No two panels lie over each other, each has a title, an id, and what it tells in words."""
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert all(
        panel["title"] and (panel["type"] == "row" or panel["description"]) for panel in DASHBOARD["panels"]
    )
