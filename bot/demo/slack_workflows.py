"""Workflows that people built in Slack, as far as an app sees them: runs of its steps, each ended once.

Knows: Slack's `functions.*` methods. Must not know: HTTP, what a step is for. local-slack has no workflows.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.demo.slack_mirror import Json

METHODS = frozenset({"functions.completeSuccess", "functions.completeError"})


@dataclass(slots=True)
class Run:
    """One run of a step. `outputs` None and `error` "" while it goes on."""

    execution_id: str
    outputs: Json | None = None
    error: str = ""

    @property
    def ended(self) -> bool:
        """Whether the app has told how it ended."""
        return self.outputs is not None or bool(self.error)


@dataclass(slots=True)
class Workflows:
    """All runs of one app's steps."""

    runs: dict[str, Run] = field(default_factory=dict)
    _count: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def begin(self, step: str, inputs: Json) -> tuple[Run, Json]:
        """Run a step; returns the run, and the event that Slack delivers."""
        number = next(self._count)
        run = Run(f"FxGATE{number:06d}")
        self.runs[run.execution_id] = run
        event = {
            "type": "function_executed",
            "function": {"id": f"Fn{number:06d}", "callback_id": step, "type": "app"},
            "inputs": inputs,
            "function_execution_id": run.execution_id,
            "workflow_execution_id": f"WxGATE{number:06d}",
            "event_ts": f"1700000000.{number:06d}",
            "bot_access_token": "xwfp-not-to-be-kept",
        }
        return run, event

    def answer(self, method: str, args: Json) -> Json:
        """Answer one of METHODS as Slack does: an end is taken once."""
        run = self.runs.get(str(args.get("function_execution_id", "")))
        if run is None:
            return {"ok": False, "error": "function_execution_not_found"}
        if run.ended:
            return {"ok": False, "error": "execution_not_in_running_state"}
        if method == "functions.completeSuccess":
            told = args.get("outputs") or {}
            run.outputs = dict(json.loads(told) if isinstance(told, str) else told)
        else:
            run.error = str(args.get("error") or "")
        return {"ok": True}
