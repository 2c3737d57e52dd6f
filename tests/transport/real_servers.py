"""Package indexes that others wrote, each as a process of its own on the loopback."""

import base64
import hashlib
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx  # noqa: TID251 - a test asks as nobody of the bot does

BIN = Path(sys.executable).parent
STARTS = 90.0
"""Seconds that one may take to start."""


def free_port() -> int:
    """Return a port that nobody listens on, from below those that the system gives to whoever asks for any.

    A server may start long after: meanwhile one of the system's own choice would be given to another test.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port


@contextmanager
def process(folder: Path, url: str, *command: str) -> Iterator[None]:
    """Run a server until it answers at an address, and end it at the end."""
    log = folder / "log"
    # What it warns of is not ours to mend.
    environment = {"PATH": os.defpath, "HOME": str(folder), "PYTHONWARNINGS": "ignore"}
    with log.open("wb") as out:
        running = subprocess.Popen(
            [str(BIN / command[0]), *command[1:]], stdout=out, stderr=out, env=environment
        )
        try:
            _answers(running, url, log)
            yield
        finally:
            running.terminate()
            running.wait(30)


def _answers(running: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    end = time.monotonic() + STARTS
    while running.poll() is None and time.monotonic() < end:
        try:
            if httpx.get(url, timeout=60).status_code < 500:
                return
        except httpx.TransportError:
            # There is no event to wait for in another process: look again a little later.
            time.sleep(0.1)
    raise AssertionError(f"it did not start: {log.read_text()[-2_000:]}")


@contextmanager
def pypiserver(folder: Path, user: str = "team", password: str = "pass") -> Iterator[str]:
    """Give the address of a pypiserver in which one user may upload, by default `team` with `pass`."""
    url, digest = f"http://127.0.0.1:{free_port()}", hashlib.sha1(password.encode()).digest()
    (folder / "packages").mkdir()
    (folder / "htpasswd").write_text(f"{user}:{{SHA}}{base64.b64encode(digest).decode()}\n")
    where = ("-i", "127.0.0.1", "-p", url.rpartition(":")[2])
    rights = ("-a", "update", "-P", str(folder / "htpasswd"), "--hash-algo", "sha256")
    with process(folder, url, "pypi-server", "run", *where, *rights, str(folder / "packages")):
        yield url


@contextmanager
def devpi(folder: Path) -> Iterator[tuple[str, str]]:
    """Give the address of an index of a devpi, and a token of its user."""
    url, data = f"http://127.0.0.1:{free_port()}", str(folder / "server")
    subprocess.run(
        [str(BIN / "devpi-init"), "--serverdir", data, "--root-passwd", "root", "--no-root-pypi"],
        check=True, capture_output=True, env={"PATH": os.defpath, "HOME": str(folder), "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    where = ("--host", "127.0.0.1", "--port", url.rpartition(":")[2], "--offline-mode")
    with process(folder, f"{url}/+api", "devpi-server", "--serverdir", data, *where):
        login = _asked("POST", f"{url}/+login", {"user": "root", "password": "root"}, {})
        pair = base64.b64encode(f"root:{login['password']}".encode()).decode()
        rights = {"X-Devpi-Auth": pair}
        _asked("PUT", f"{url}/root/dev", {"bases": [], "volatile": False}, rights)
        yield f"{url}/root/dev", str(_asked("POST", f"{url}/root/+token-create", {}, rights)["token"])


def _asked(method: str, url: str, value: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    answer = httpx.request(
        method, url, json=value, headers={"Accept": "application/json", **headers}, timeout=60
    )
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()["result"]
    return found
