"""The publishing workflow that the bot proposes, as text: a new one, or an existing one mended.

Knows: GitHub's workflow syntax, the pinned actions. Must not know: where a file is kept, what was found wrong with it.

Values that go into the text are checked by `bot.core.names` before; each is quoted all the same.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bot.core.names import normalize_project

FOLDER = ".github/workflows/"
CONFIRM = "confirm"
"""The input, and the job that it starts, which exchanges an identity with the index and publishes nothing."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One action by the commit that its tag names."""

    version: str
    commit: str
    seen: str
    """Where tag and commit were seen to belong together."""


_TAG = "the tag in the action's own repository"
PINS: Mapping[str, Pin] = MappingProxyType(
    {
        "actions/checkout": Pin("v7.0.1", "3d3c42e5aac5ba805825da76410c181273ba90b1", _TAG),
        "actions/setup-python": Pin("v7.0.0", "5fda3b95a4ea91299a34e894583c3862153e4b97", _TAG),
        "actions/upload-artifact": Pin("v7.0.0", "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", _TAG),
        "actions/download-artifact": Pin("v8.0.1", "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", _TAG),
        "actions/attest": Pin("v4.2.2", "1e69f48acb82d1966a394da916b4c1698aa569d6", _TAG),
        "pypa/gh-action-pypi-publish": Pin(
            "v1.14.2",
            "dc37677b2e1c63e2034f94d8a5b11f265b73ba33",
            "several public repositories that pin it with this version; the tag itself was not at hand",
        ),
    }
)
"""Every action that a proposed workflow uses."""
BUILD = "1.6.1"
"""The version of PyPI's `build` that makes the files."""
PYTHON = "3.13"
PYPI = "https://pypi.org"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
"""What YAML takes for something else than text."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a workflow is written from."""

    project: str
    workflow: str
    """Its file name."""
    environment: str
    """"" for none."""
    index_url: str = PYPI
    upload_url: str = ""
    """Where files go, "" for the action's own choice, which is PyPI."""
    tags: tuple[str, ...] = ("v*",)
    """Patterns of the tags that publish."""
    attest: bool = True
    """Whether the forge attests the files too; it does so for public repositories alone."""

    @property
    def path(self) -> str:
        """Where the file lies in the repository."""
        return f"{FOLDER}{self.workflow}"


def branch(project: str) -> str:
    """Return the branch on which a project's set-up is proposed."""
    return f"shipbell/publish-{normalize_project(project)}"


def blob(text: str) -> str:
    """Return what git calls a file with this text."""
    content = text.encode()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def write(plan: Plan) -> str:
    """Return a workflow that builds, attests and publishes in separate jobs, and can confirm a pending publisher."""
    jobs = [_BUILD, *([_ATTEST] if plan.attest else []), _PUBLISH, _CONFIRM]
    return _filled(_HEAD + "".join(jobs), plan)


def confirm_lines(plan: Plan) -> str:
    """Return what a workflow of somebody's own needs besides for confirming a pending publisher, ready to copy."""
    head = _HEAD[_HEAD.index("  workflow_dispatch:\n") : _HEAD.index("\npermissions:")]
    return _filled(f"{_LINES_ON}{head}{_LINES_JOBS}{_CONFIRM}", plan)


def uses(action: str) -> str:
    """Return an action by its full commit, with the version in a comment."""
    pin = PINS[action]
    return f"{action}@{pin.commit} # {pin.version}"


def _filled(text: str, plan: Plan) -> str:
    values = {f"<{action}>": uses(action) for action in PINS} | {
        "<name>": quoted(f"Publish {plan.project}"),
        "<tags>": ", ".join(map(quoted, plan.tags)),
        "<environment>\n": f"    environment: {scalar(plan.environment)}\n" if plan.environment else "",
        "<needs>": "[build, attest]" if plan.attest else "build",
        "<index>": quoted(plan.index_url.rstrip("/")),
        "<repository>\n": f"          repository-url: {quoted(plan.upload_url)}\n" if plan.upload_url else "",
        "<build>": BUILD,
        "<python>": quoted(PYTHON),
    }
    # In one go, so that nothing inside a value is taken for a place to fill.
    places = re.compile("|".join(map(re.escape, sorted(values, key=len, reverse=True))))
    return places.sub(lambda found: values[found[0]], text)


def quoted(value: str) -> str:
    """Return a value as a quoted scalar: JSON's strings are YAML's. `${{` would be an expression, so it is taken apart."""
    return json.dumps(value.replace("${{", "$ {{"), ensure_ascii=False)


def scalar(value: str) -> str:
    """Return a value as people write it: quoted only where YAML could take it for something else."""
    return value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else quoted(value)


_HEAD = """\
# Proposed by Shipbell. A tag that fits builds, attests and publishes; every action is pinned by its commit.
name: <name>

on:
  push:
    tags: [<tags>]
  workflow_dispatch:
    inputs:
      confirm:
        description: Exchange an identity token with the index, which confirms a pending publisher, and publish nothing
        type: boolean
        default: false

permissions: {}

concurrency:
  group: publish-${{ github.ref }}
  cancel-in-progress: false

jobs:
"""
_LINES_ON = """\
# 1. The input, below the file's own `on`:
on:
"""
_LINES_JOBS = """
# 2. In each other job, so that a confirmation builds and publishes nothing:
#      if: ${{ !inputs.confirm }}
#    A job that has an `if` already: put its condition into brackets, and `&& !inputs.confirm` behind it.
#    Where `workflow_dispatch` is new to the file, ${{ github.event_name != 'workflow_dispatch' }} lets
#    nothing but the confirmation be started by hand.

# 3. The job, below the file's own `jobs`:
jobs:
"""
_BUILD = """\
  build:
    name: build
    if: ${{ !inputs.confirm }}
    runs-on: ubuntu-latest
    timeout-minutes: 15
    permissions:
      contents: read # to check the code out
    steps:
      - uses: <actions/checkout>
        with:
          persist-credentials: false
      - uses: <actions/setup-python>
        with:
          python-version: <python>
      - name: Build the files
        run: |
          python -m pip install build==<build>
          python -m build
      - uses: <actions/upload-artifact>
        with:
          name: dist
          path: dist/
          if-no-files-found: error

"""
_ATTEST = """\
  attest:
    name: attest
    needs: build
    if: ${{ github.ref_type == 'tag' && !inputs.confirm }}
    runs-on: ubuntu-latest
    timeout-minutes: 15
    permissions:
      id-token: write # to sign as this workflow
      attestations: write # to keep what was signed
    steps:
      - uses: <actions/download-artifact>
        with:
          name: dist
          path: dist/
      - uses: <actions/attest>
        with:
          subject-path: dist/*

"""
_PUBLISH = """\
  publish:
    name: publish
    needs: <needs>
    if: ${{ github.ref_type == 'tag' && !inputs.confirm }}
    runs-on: ubuntu-latest
    timeout-minutes: 15
<environment>
    permissions:
      id-token: write # for trusted publishing
    steps:
      - uses: <actions/download-artifact>
        with:
          name: dist
          path: dist/
      - uses: <pypa/gh-action-pypi-publish>
        with:
          packages-dir: dist/
<repository>

"""
_CONFIRM = """\
  confirm:
    name: confirm
    if: ${{ github.event_name == 'workflow_dispatch' && inputs.confirm }}
    runs-on: ubuntu-latest
    timeout-minutes: 5
<environment>
    permissions:
      id-token: write # to exchange it with the index
    steps:
      - name: Exchange an identity token, publish nothing
        shell: python
        env:
          INDEX: <index>
        run: |
          import base64, json, os, sys, urllib.error, urllib.request

          def ask(url, body=None, **headers):
              data = None if body is None else json.dumps(body).encode()
              request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
              try:
                  with urllib.request.urlopen(request, timeout=30) as answer:
                      return json.load(answer)
              except urllib.error.HTTPError as refused:
                  if refused.code != 422:
                      raise
                  return json.load(refused)

          index = os.environ["INDEX"]
          audience = ask(f"{index}/_/oidc/audience")["audience"]
          bearer = "Bearer " + os.environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
          url = os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"] + f"&audience={audience}"
          token = ask(url, Authorization=bearer)["value"]
          print(f"::add-mask::{token}")
          part = token.split(".")[1]
          claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
          for name in ("repository", "repository_owner", "repository_owner_id", "job_workflow_ref", "environment", "ref"):
              print(f"claim {name}: {claims.get(name, '')}")
          answer = ask(f"{index}/_/oidc/mint-token", {"token": token})
          if answer.get("token"):
              print(f"::add-mask::{answer['token']}")
          for error in answer.get("errors", []):
              print(f"::error::{error.get('code')}: {error.get('description')}")
          sys.exit(0 if answer.get("success") else 1)
"""
