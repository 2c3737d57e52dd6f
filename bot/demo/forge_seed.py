"""What is on the forge from the start.

Knows: the demo's repositories. Must not know: routes.
"""

from bot.demo.forge_state import GOOD_WORKFLOW, ForgeState

WORKFLOW_PATH = ".github/workflows/release.yml"
PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "{version}"
"""


def pyproject(name: str, version: str) -> bytes:
    """Return a `pyproject.toml`."""
    return PYPROJECT.format(name=name, version=version).encode()


def plant(state: ForgeState) -> None:
    """Make `acme/widgets` (good workflow, tag v1.0, 1.4.0 on its way) and `acme/gadgets` (without a workflow)."""
    start = {
        WORKFLOW_PATH: GOOD_WORKFLOW,
        "pyproject.toml": pyproject("widgets", "1.0"),
        "README.md": b"# Widgets\n",
    }
    widgets = state.add_repository("acme/widgets", start, ["pypi"])
    first = state.tag_object(widgets, "v1.0", "Widgets 1.0", widgets.head, "ada")
    widgets.history.tags["v1.0"] = first.sha
    code = b"def widget() -> str:\n    return 'round'\n"
    state.commit(widgets, {"widgets.py": code}, "Add round widgets", "ada")
    state.commit(
        widgets, {"widgets.py": code + b"\n\nSIZES = (1, 2, 3)\n"}, "Add sizes\n\nThree of them.", "grace"
    )
    state.commit(widgets, {"README.md": b"# Widgets\n\nRound ones.\n"}, "Say what widgets are", "grace")
    state.commit(widgets, {"pyproject.toml": pyproject("widgets", "1.4.0")}, "Release 1.4.0", "ada")
    state.add_repository("acme/gadgets", {"README.md": b"# Gadgets\n"})
