"""`make test`: the linters run beside the tests, and neither's failure is lost."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def make_test(lint: int, tests: int) -> subprocess.CompletedProcess[str]:
    """Run `make test` with stand-ins that say something and end so, without setting anything up."""
    stand_ins = [f"LINT=sh -c 'echo of lint; exit {lint}'", f"TESTS=sh -c 'echo of tests; exit {tests}'"]
    # Not with the flags of the `make` that runs this test.
    make = ["env", "-u", "MAKEFLAGS", "make", "--no-print-directory", "--old-file=setup"]
    return subprocess.run([*make, "test", *stand_ins], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("tests", [0, 1])
@pytest.mark.parametrize("lint", [0, 2])
def test_it_fails_where_either_fails(lint: int, tests: int) -> None:
    """It ends well only where both do, says all that the linters said, and names what has failed."""
    ended = make_test(lint, tests)
    assert (ended.returncode == 0) is (lint == 0 and tests == 0)
    assert ended.stdout.splitlines() == ["of tests", "of lint"]
    assert ("lint has failed" in ended.stderr) is (lint != 0)
    assert ("tests have failed" in ended.stderr) is (tests != 0)
