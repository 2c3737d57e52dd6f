"""Whether a job's `if:` holds: the few expressions that publishing workflows use.

Knows: GitHub's expression syntax, as far as those go. Must not know: runs, HTTP.
"""

import re
from collections.abc import Mapping

_COMPARED = re.compile(r"([\w.-]+)\s*(==|!=)\s*'((?:[^']|'')*)'")
_NAMED = re.compile(r"(!?)\s*([\w.-]+)")


def holds(condition: str, values: Mapping[str, object]) -> bool:
    """Whether every part of an `a && b` holds; what is no such expression does, as if it were not there."""
    inner = condition.strip().removeprefix("${{").removesuffix("}}")
    return all(_one(part.strip(), values) for part in inner.split("&&"))


def _one(part: str, values: Mapping[str, object]) -> bool:
    if found := _COMPARED.fullmatch(part):
        name, sign, text = found.groups()
        return (str(values.get(name, "")) == text.replace("''", "'")) is (sign == "==")
    if found := _NAMED.fullmatch(part):
        name = found[2]
        # What is not known is left out of `inputs`; anything else is no expression that is played here.
        known = name in values or name.startswith("inputs.")
        return not known or bool(found[1]) is not _is_true(values.get(name))
    return True


def _is_true(value: object) -> bool:
    return value not in {None, "", "false", "False", False}
