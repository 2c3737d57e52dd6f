"""What an image would run, from a clean environment that the Dockerfile's own steps make; manifests against their schemas.

Kept out of `make test`, since it installs everything anew: `make deploy-check`.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from storage.crypto import generate_master_key
from tests.deploy.kit import DEPLOY, OVERLAYS, ROOT, stages

TOOLS = ROOT / ".venv" / "deploy" / "bin"
VERSION = "1.37.0"
"""The Kubernetes whose schemas the manifests are held to."""


def call(*words: str | Path, **more: object) -> str:
    """Run a command and return what it prints; AssertionError with all that it said where it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return str(done.stdout)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Play the Dockerfile's build in a folder, word for word but for where things lie; returns the environment."""
    root = tmp_path_factory.mktemp("image")
    source = root / "src"
    source.mkdir()
    build, image = stages()
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}  # noqa: TID251 - the tests' own room
    for step in build:
        if step.word == "ENV":
            environment |= dict(word.split("=", 1) for word in step.rest.split())
        elif step.word == "COPY":
            *names, into = step.options()[1]
            for name in names:
                _copy(
                    ROOT / name, source / into / ("" if (ROOT / name).is_dir() else name.rpartition("/")[2])
                )
        elif step.word == "RUN":
            command = re.sub(r"(?<![\w.])/(build|dist|opt)\b", rf"{root}/\1", step.rest)
            call("/bin/sh", "-c", command, cwd=source, env=environment)
    (copied,) = (step for step in image if step.word == "COPY")
    assert copied.options() == ({"from": "build"}, ["/opt/shipbell", "/opt/shipbell"])
    return root / "opt" / "shipbell"


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(
            source, target, ignore=shutil.ignore_patterns("__pycache__", "node_modules"), dirs_exist_ok=True
        )
    else:
        shutil.copy2(source, target)


def settings_of(image: Path, folder: Path) -> dict[str, str]:
    """Return the environment of what the image runs, with nothing of this machine's settings; secrets are files."""
    for name, secret in (("bot-token", "xoxb-1-2-3"), ("signing", "s" * 32), ("keys", generate_master_key())):
        (folder / name).write_text(secret, encoding="ascii")
    return {
        "PATH": f"{image}/bin", "PYTHONDONTWRITEBYTECODE": "1", "SHIPBELL_DATA_DIR": str(folder), "SHIPBELL_PORT": "18431",
        "SHIPBELL_SLACK_BOT_TOKEN_FILE": str(folder / "bot-token"), "SHIPBELL_SLACK_SIGNING_SECRET_FILE": str(folder / "signing"),
        "SHIPBELL_MASTER_KEYS_FILE": str(folder / "keys"), "SHIPBELL_SLACK_API_URL": "http://127.0.0.1:9/api/",
    }  # fmt: skip


@contextmanager
def started(
    image: Path, folder: Path, environment: dict[str, str], command: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of the image until the end of the block."""
    with (folder / "log").open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            [image / "bin" / "shipbell", command], env=environment, stderr=log, cwd=folder
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def status(port: int, path: str) -> int:
    """Return the status of an address; 0 where nobody answers yet."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return int(answer.status)
    except OSError:
        return 0


def listed(folder: Path) -> set[tuple[str, int]]:
    """Return all files of a folder, with when each was changed."""
    return {(str(path), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_what_the_image_holds_serves(image: Path, tmp_path: Path) -> None:
    """From the image's packages alone the bot comes up, gets ready, writes nothing of its own, and stops when asked."""
    before = listed(image)
    port = 18431
    with started(image, tmp_path, settings_of(image, tmp_path), "serve") as process:
        while status(port, "/readyz") != 200:
            assert process.poll() is None, (tmp_path / "log").read_text(encoding="utf-8")
            time.sleep(0.1)  # between two looks; the test's own time-out ends it
        (check,) = (step for step in stages()[1] if step.word == "HEALTHCHECK")
        command = yaml.safe_load(check.rest.partition("CMD ")[2])
        command[-1] = command[-1].replace(":8080/", f":{port}/")
        call(image / "bin" / command[0], *command[1:])
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert listed(image) == before


def test_what_listens_and_what_works_serve_together(
    image: Path, tmp_path: Path, postgres_server: str
) -> None:
    """As the manifests run them: the schema is brought up, web and worker get ready, and both stop when asked."""
    (tmp_path / "url").write_text(postgres_server, encoding="ascii")
    common = {
        "SHIPBELL_ENGINE": "postgres", "SHIPBELL_DATABASE_URL_FILE": str(tmp_path / "url"), "SHIPBELL_WORKER_PORT": "18432",
    }  # fmt: skip
    environment = settings_of(image, tmp_path) | common
    call(image / "bin" / "shipbell", "db", "upgrade", env=environment)
    with (
        started(image, tmp_path, environment, "serve") as web,
        started(image, tmp_path, environment, "worker") as worker,
    ):
        for process, port in ((web, 18431), (worker, 18432)):
            while status(port, "/readyz") != 200:
                assert process.poll() is None, (tmp_path / "log").read_text(encoding="utf-8")
                time.sleep(0.1)  # between two looks; the test's own time-out ends it
        for process in (web, worker):
            process.send_signal(signal.SIGTERM)
        assert [process.wait(30) for process in (web, worker)] == [0, 0]


def test_the_image_holds_no_tools(image: Path) -> None:
    """Neither an installer nor anything of tests and demo is in the image, and all that is there fits together."""
    found = {path.name.partition("-")[0] for path in image.glob("lib/python3*/site-packages/*.dist-info")}
    assert {"shipbell", "slack_bolt", "uvicorn"} <= found
    assert not found & {"pip", "setuptools", "pytest", "hatchling", "authlib", "httpx2"}
    call(image.parents[1] / "build" / "bin" / "pip", "--python", image / "bin" / "python", "check")


def test_the_dockerfile_is_linted() -> None:
    """Hadolint finds nothing that is worth a warning; steps are apart so that each has its own layer to keep."""
    call(TOOLS / "hadolint", "--failure-threshold", "warning", DEPLOY / "Dockerfile")


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_manifests_fit_kubernetes_schemas(overlay: Path, tmp_path: Path) -> None:
    """What kustomize makes of each overlay is valid to the letter, and names only what is there."""
    made = tmp_path / "made.yaml"
    made.write_text(call(TOOLS / "kubectl", "kustomize", overlay), encoding="utf-8")
    call(TOOLS / "kubernetes-validate", "--strict", "-k", VERSION, made)
    found = list(yaml.safe_load_all(made.read_text(encoding="utf-8")))
    config = next(one for one in found if one["kind"] == "ConfigMap")
    assert config["data"]["SHIPBELL_ENGINE"] == overlay.name
    assert f"name: {config['metadata']['name']}\n" in made.read_text(encoding="utf-8")
    assert "image: shipbell\n" not in made.read_text(encoding="utf-8")


def test_compose_fits_its_specification() -> None:
    """The file is a valid one of the Compose specification, and what it refers to is in it."""
    program = "import sys, compose_spec; compose_spec.PyCompose.from_yaml(sys.stdin.read()).validate()"
    text = re.sub(r"\$\{\w+:[-?][^}]*\}", "local", (DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    plain = {name: part for name, part in yaml.safe_load(text).items() if not name.startswith("x-")}
    call(TOOLS / "python", "-c", program, input=yaml.safe_dump(plain))
