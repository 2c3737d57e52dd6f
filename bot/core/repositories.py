"""What was seen of a repository, as facts for those who decide.

Knows: meanings. Must not know: which forge, how it was asked.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkflowFacts:
    """What a look at a workflow's file showed. None or unknown: the file could not be read that far."""

    found: bool
    has_id_token_write: bool | None = None
    """Whether some job may ask for an identity token, which trusted publishing needs."""
    environments: tuple[str, ...] = ()
    """Environments that its jobs name, as written; an expression (`${{ .. }}`) shows as it is."""
    triggers: tuple[str, ...] = ()
    """Events that start it, such as `push`."""
    readable: bool = False
    """Whether the three above could be read at all."""


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """What a look at a repository showed."""

    exists: bool | None
    """None: nobody can say, `detail` tells why."""
    full_name: str = ""
    """`owner/name` in the forge's own spelling."""
    url: str = ""
    """Where people look at it."""
    workflow: WorkflowFacts | None = None
    """None: not looked at, `detail` tells why."""
    detail: str = ""
    """Cause and remedy of what could not be seen, plain text; "" where all was."""
