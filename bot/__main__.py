"""Where the process begins and ends.

Knows: `os.environ`, exit codes. Must not know: anything else.
"""

import os
import sys

from bot import cli


def main() -> int:
    """Run the command that `sys.argv` names and return the process's exit code."""
    return cli.run(sys.argv[1:], dict(os.environ))  # noqa: TID251 - the one room that reads the environment


if __name__ == "__main__":
    sys.exit(main())
