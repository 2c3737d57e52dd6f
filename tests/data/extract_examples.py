"""Makes `github_examples.json`: the answers that GitHub's own description gives as examples.

Usage: `npm pack @octokit/openapi`, unpack it, then `python -m tests.data.extract_examples package`.

Knows: where OpenAPI keeps examples. Must not know: the bot.
"""

import json
import sys
from pathlib import Path
from typing import Any

REPO = "/repos/{owner}/{repo}"
USED = {
    "repository": REPO,
    "commit": f"{REPO}/commits/{{ref}}",
    "ref": f"{REPO}/git/ref/{{ref}}",
    "tag object": f"{REPO}/git/tags/{{tag_sha}}",
    "check runs": f"{REPO}/commits/{{ref}}/check-runs",
    "statuses": f"{REPO}/commits/{{ref}}/status",
    "comparison": f"{REPO}/compare/{{basehead}}",
    "release": f"{REPO}/releases/tags/{{tag}}",
    "runs": f"{REPO}/actions/workflows/{{workflow_id}}/runs",
    "run": f"{REPO}/actions/runs/{{run_id}}",
    "jobs": f"{REPO}/actions/runs/{{run_id}}/jobs",
    "waiting": f"{REPO}/actions/runs/{{run_id}}/pending_deployments",
    "pull requests": f"{REPO}/commits/{{commit_sha}}/pulls",
    "comments": f"{REPO}/issues/{{issue_number}}/comments",
    "artifacts": f"{REPO}/actions/runs/{{run_id}}/artifacts",
}


def example(description: dict[str, Any], path: str) -> Any:
    """Return the first example of what a GET answers."""
    found = description["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["examples"]
    first = next(iter(found.values()))
    while "$ref" in first:
        first = description["components"]["examples"][first["$ref"].rpartition("/")[2]]
    return first["value"]


def main(package: str) -> None:
    """Write the examples."""
    description = json.loads((Path(package) / "generated" / "api.github.com.json").read_text())
    examples = {name: example(description, path) for name, path in USED.items()}
    target = Path(__file__).with_name("github_examples.json")
    target.write_text(json.dumps(examples, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
