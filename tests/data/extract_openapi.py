"""Makes `github_openapi.json`: what GitHub's own description says of the addresses that Shipbell uses.

Usage: `npm pack @octokit/openapi`, unpack it, then `python -m tests.data.extract_openapi package`.

Knows: OpenAPI 3.0 and how JSON Schema says the same. Must not know: the stand-in, the bot.
"""

import json
import sys
from pathlib import Path
from typing import Any

REPO = "/repos/{owner}/{repo}"
USED = {
    "/rate_limit": ["get"],
    "/meta": ["get"],
    "/users/{username}": ["get"],
    "/user": ["get"],
    "/user/repos": ["get"],
    "/users/{username}/repos": ["get"],
    "/orgs/{org}/repos": ["get"],
    "/installation/repositories": ["get"],
    "/app": ["get"],
    "/app/installations": ["get"],
    "/app/installations/{installation_id}/access_tokens": ["post"],
    "/app-manifests/{code}/conversions": ["post"],
    REPO: ["get"],
    f"{REPO}/installation": ["get"],
    f"{REPO}/collaborators/{{username}}/permission": ["get"],
    f"{REPO}/contents/{{path}}": ["get", "put"],
    f"{REPO}/environments": ["get"],
    f"{REPO}/environments/{{environment_name}}": ["get", "put"],
    f"{REPO}/pulls": ["get", "post"],
    f"{REPO}/commits/{{ref}}": ["get"],
    f"{REPO}/commits/{{ref}}/check-runs": ["get"],
    f"{REPO}/commits/{{ref}}/status": ["get"],
    f"{REPO}/commits/{{commit_sha}}/pulls": ["get"],
    f"{REPO}/issues/{{issue_number}}/comments": ["get", "post"],
    f"{REPO}/compare/{{basehead}}": ["get"],
    f"{REPO}/git/ref/{{ref}}": ["get"],
    f"{REPO}/git/trees/{{tree_sha}}": ["get"],
    f"{REPO}/git/tags/{{tag_sha}}": ["get"],
    f"{REPO}/git/tags": ["post"],
    f"{REPO}/git/refs": ["post"],
    f"{REPO}/releases": ["post"],
    f"{REPO}/releases/tags/{{tag}}": ["get"],
    f"{REPO}/releases/{{release_id}}/assets": ["get"],
    f"{REPO}/actions/workflows/{{workflow_id}}/runs": ["get"],
    f"{REPO}/actions/workflows/{{workflow_id}}/dispatches": ["post"],
    f"{REPO}/actions/runs/{{run_id}}": ["get"],
    f"{REPO}/actions/runs/{{run_id}}/jobs": ["get"],
    f"{REPO}/actions/runs/{{run_id}}/artifacts": ["get"],
    f"{REPO}/actions/runs/{{run_id}}/pending_deployments": ["get", "post"],
    f"{REPO}/actions/runs/{{run_id}}/rerun-failed-jobs": ["post"],
    f"{REPO}/actions/jobs/{{job_id}}/logs": ["get"],
    f"{REPO}/actions/artifacts/{{artifact_id}}/{{archive_format}}": ["get"],
}
WORDS = (
    "description",
    "summary",
    "externalDocs",
    "example",
    "examples",
    "title",
    "tags",
    "x-github",
    "headers",
    "links",
)
"""What only people read; a property may be called the same and is kept."""
TARGET = Path(__file__).parent / "github_openapi.json"


def mend(whole: dict[str, Any]) -> None:
    """Say of a list of installations what is said of one.

    The list's own words want an account to be a user *and* an enterprise (`allOf`), the one's a user *or* one.
    """
    answer = whole["paths"]["/app/installations"]["get"]["responses"]["200"]
    answer["content"]["application/json"]["schema"]["items"] = {"$ref": "#/components/schemas/installation"}


def plain(value: Any, *, names: bool = False) -> Any:
    """Return a part of the description without words, `nullable` said as JSON Schema says it.

    `names`: the keys are names that GitHub chose, not OpenAPI's.
    """
    if isinstance(value, list):
        return [plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {
        key: plain(
            one, names=key in {"properties", "schemas", "parameters", "responses", "patternProperties"}
        )
        for key, one in value.items()
        if names or key not in WORDS
    }
    return kept if names else nullable(kept)


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that takes null where `nullable` says so."""
    if schema.pop("nullable", False) is not True:
        return schema
    if "enum" in schema and None not in schema["enum"]:
        schema["enum"].append(None)
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def references(value: Any) -> set[str]:
    """Return every `$ref` inside a value."""
    if isinstance(value, list):
        return {found for one in value for found in references(one)}
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return own | {found for one in value.values() for found in references(one)}


def extract(whole: dict[str, Any]) -> dict[str, Any]:
    """Return the used paths with every component that they lead to."""
    paths = {
        path: {method: plain(whole["paths"][path][method]) for method in methods}
        for path, methods in USED.items()
    }
    components: dict[str, dict[str, Any]] = {}
    open_references = references(paths)
    while open_references:
        _, _, kind, name = open_references.pop().split("/", 3)
        if name in components.setdefault(kind, {}):
            continue
        components[kind][name] = plain(whole["components"][kind][name])
        open_references |= references(components[kind][name])
    return {"paths": paths, "components": components}


def main() -> None:
    """Write the extract of the unpacked npm package that is named on the command line."""
    package = Path(sys.argv[1])
    version = json.loads((package / "package.json").read_text())["version"]
    whole = json.loads((package / "generated" / "api.github.com.json").read_text())
    mend(whole)
    source = f"@octokit/openapi {version}, api.github.com (MIT), reduced by tests/data/extract_openapi.py"
    found = {"source": source, **extract(whole)}
    TARGET.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
