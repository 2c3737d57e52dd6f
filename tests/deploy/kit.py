"""The files of `deploy/`, read."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = sorted(path.parent for path in KUBERNETES.rglob("overlays/*/kustomization.yaml"))
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of the Dockerfile."""

    word: str
    rest: str

    def options(self) -> tuple[dict[str, str], list[str]]:
        """Return its `--name=value`s, and the other words."""
        words = self.rest.split()
        named = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
        return named, [word for word in words if not word.startswith("--")]

    def listed(self) -> list[str]:
        """Return the words of its JSON form."""
        found = json.loads(self.rest)
        assert isinstance(found, list)
        return [str(word) for word in found]


def stages() -> list[list[Step]]:
    """Return the Dockerfile's stages; what comes before the first is left out."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    steps = [Step(*line.split(None, 1)) for line in lines if line.strip()]
    found: list[list[Step]] = []
    for step in steps:
        if step.word == "FROM":
            found.append([])
        if found:
            found[-1].append(step)
    return found


def documents(*paths: Path) -> Iterator[Json]:
    """Give every document of YAML files."""
    for path in paths:
        yield from (one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one)


def pods(found: Iterator[Json]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give the pods of whatever makes some, by its name."""
    for one in found:
        if "template" in one.get("spec", {}):
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]


def containers(pod: Mapping[str, Any]) -> list[Json]:
    """Return all containers of a pod."""
    return [*pod.get("initContainers", []), *pod["containers"]]


def pins(name: str) -> dict[str, str]:
    """Return the versions that a lock file names."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)==([^\s;\\]+)", text, re.MULTILINE))
