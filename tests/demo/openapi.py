"""What GitHub's own description says of a request or an answer; `data/extract_openapi.py` made the extract.

Knows: OpenAPI's parameters, JSON Schema, how a stand-in keeps requests. Must not know: the bot.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from bot.demo.standin import SeenRequest

EXTRACT = Path(__file__).parents[1] / "data" / "github_openapi.json"
SLASHES = ("path", "ref", "basehead", "tag")
"""Parameters that may hold a slash."""
OWN = ("/.well-known/", "/web/", "/_storage/")
"""Addresses beside the API."""
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path of the description, with the values in its path."""

    about: Json
    values: Mapping[str, str]

    def parameters(self, place: str) -> dict[str, Json]:
        """Return the parameters of one place, `path` or `query`, by name."""
        found = [resolved(one) for one in self.about.get("parameters", ())]
        return {one["name"]: one for one in found if one["in"] == place}

    def response(self, status: int) -> Json | None:
        """Return what is said of a status; None where nothing is."""
        found = self.about["responses"].get(str(status))
        return None if found is None else resolved(found)


def check_request(method: str, path: str, query: Mapping[str, str], body: Any) -> list[str]:
    """Return what is wrong with a request: unknown address, parameter or field, a missing one, a wrong type."""
    if path.startswith(OWN):
        return []
    operation = operation_for(method, path)
    if operation is None:
        return [f"{method} {path}: no such address"]
    problems = [
        *_parameters(operation.parameters("path"), operation.values),
        *_parameters(operation.parameters("query"), query),
        *_body(operation, body),
    ]
    return [f"{method} {path}: {one}" for one in problems]


def check_seen(requests: Iterable[SeenRequest]) -> list[str]:
    """Return what is wrong with any of the requests that a forge has seen."""
    return [
        problem
        for seen in requests
        for problem in check_request(seen.method, seen.path, seen.query, seen.body)
    ]


def check_answer(method: str, path: str, status: int, body: Any) -> list[str]:
    """Return what is wrong with an answer; one that is no JSON is None. Unsaid refusals are let be."""
    operation = None if path.startswith(OWN) else operation_for(method, path)
    if operation is None:
        return []
    response = operation.response(status)
    if response is None:
        return [] if status >= 304 else [f"{method} {path}: the status {status} is not said of it"]
    schema = _json_schema(response)
    if schema is None:
        return [] if body is None else [f"{method} {path}: a body was not expected"]
    return [f"{method} {path} {status}: {one}" for one in _faults(schema, body)]


def operation_for(method: str, path: str) -> Operation | None:
    """Return what the description says of a request's address; None where nothing is."""
    for pattern, methods in _patterns():
        found = pattern.fullmatch(path)
        if found and method.lower() in methods:
            return Operation(methods[method.lower()], found.groupdict())
    return None


def resolved(value: Json) -> Json:
    """Return what a reference leads to."""
    while "$ref" in value:
        _, _, kind, name = value["$ref"].split("/", 3)
        value = _description()["components"][kind][name]
    return value


@lru_cache(maxsize=1)
def _description() -> Json:
    found: Json = json.loads(EXTRACT.read_text())
    return found


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[re.Pattern[str], Json]]:
    """Return every address, the one with the most fixed letters first."""
    paths = sorted(_description()["paths"].items(), key=lambda one: -len(re.sub(r"{\w+}", "", one[0])))
    return [(re.compile(re.sub(r"{(\w+)}", _group, path)), methods) for path, methods in paths]


def _group(found: re.Match[str]) -> str:
    name = found.group(1)
    # The root folder's path is empty.
    return f"(?P<{name}>{'.*' if name == 'path' else '.+' if name in SLASHES else '[^/]+'})"


def _parameters(known: Mapping[str, Json], sent: Mapping[str, str]) -> list[str]:
    problems = [f"unknown parameter {name!r}" for name in sent if name not in known]
    problems += [f"no {name!r}" for name, one in known.items() if one.get("required") and name not in sent]
    for name, value in sent.items():
        if name in known:
            # On the wire all are text: a number may be meant, or a text that looks like one.
            faults = [_faults(known[name]["schema"], meant) for meant in _meanings(value)]
            problems += [f"{name}={value!r}: {one}" for one in min(faults, key=len)]
    return problems


def _meanings(text: str) -> list[Any]:
    found: list[Any] = [text]
    if text.isdecimal():
        found.append(int(text))
    return [*found, text == "true"] if text in {"true", "false"} else found


def _body(operation: Operation, body: Any) -> list[str]:
    about = operation.about.get("requestBody")
    schema = None if about is None else _json_schema(resolved(about))
    if schema is None:
        return [] if body in (None, {}) else ["a body that is not asked for"]
    if body is None:
        return ["no body"] if resolved(about or {}).get("required") else []
    known = resolved(schema).get("properties", {})
    unknown = (
        [f"unknown field {name!r}" for name in body if name not in known] if isinstance(body, dict) else []
    )
    return [*_faults(schema, body), *unknown]


def _json_schema(about: Json) -> Json | None:
    found: Json | None = about.get("content", {}).get("application/json", {}).get("schema")
    return found


def _faults(schema: Json, value: Any) -> list[str]:
    validator = Draft202012Validator({**schema, "components": _description()["components"]})
    return [f"{fault.json_path}: {fault.message[:300]}" for fault in validator.iter_errors(value)]
