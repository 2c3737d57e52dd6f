"""Everything that can break, as one tree; each says cause and remedy.

    ShipbellError
    |-- SettingsError        what the operator wrote can't be used; `problems`, all at once
    |-- TransportError       an outgoing request got no readable answer
    |   |-- Unreachable      nothing was sent: refused, no such host, TLS, address not allowed
    |   `-- AnswerLost       it was sent, or may have been: time-out, connection cut
    |-- SlackRefused         Slack's Web API answered ok=false
    `-- NotInstalled         the Slack app is not, or no longer, in that workspace

`storage` has its own tree in `storage/records/` (StorageError), since it never imports `bot`.
"""

from collections.abc import Sequence


class ShipbellError(Exception):
    """Something broke; the message names the cause, `remedy` what a person can do."""

    def __init__(self, cause: str, remedy: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.cause} {self.remedy}".strip()


class SettingsError(ShipbellError):
    """The settings can't be used; `problems` holds every one, each with its fix."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(
            "The settings can't be used:\n" + "\n".join(f"  - {problem}" for problem in problems)
        )
        self.problems = tuple(problems)


class TransportError(ShipbellError):
    """An outgoing request got no readable answer; `host` is whom we asked.

    `retry_in` is after how many seconds a request that changes nothing may be repeated; None: no use to.
    """

    def __init__(self, cause: str, *, host: str, remedy: str = "", retry_in: float | None = None) -> None:
        super().__init__(cause, remedy)
        self.host = host
        self.retry_in = retry_in


class Unreachable(TransportError):
    """Nothing was sent (refused, unknown host, TLS, address not allowed): safe to ask again."""


class AnswerLost(TransportError):
    """The request was sent, or may have been, and no answer was read: look before asking again."""


class SlackRefused(ShipbellError):
    """Slack's Web API said no; `code` is its `error`, `retry_after` whole seconds if it was a 429."""

    def __init__(self, code: str, *, retry_after: float | None = None) -> None:
        super().__init__(f"Slack refused: {code}.")
        self.code = code
        self.retry_after = retry_after


class NotInstalled(ShipbellError):
    """The Slack app is not in that workspace, or not any more; `install_url` is where it is put there."""

    def __init__(self, install_url: str) -> None:
        super().__init__("Shipbell is not installed in this workspace.", f"Install it: {install_url}")
        self.install_url = install_url
