"""Values of YAML that stand on one line: plain and quoted words, lists and mappings in brackets.

Knows: that much of YAML. Must not know: what a value means, the lines around it.

What could mean more than is seen (anchors, aliases, tags, escapes) is Unreadable, never guessed at.
"""

import re

Value = str | list[str] | dict[str, "Value"] | None

DEEPEST = 8
LONGEST = 20_000
"""Signs in brackets; nobody writes that much on a line."""
_QUOTED = re.compile(r"""\s*("[^"]*"|'(?:[^']|'')*')\s*""")
_PLAIN = re.compile(r"""\s*((?:[^\[\]{},:"'\s]|:(?=[^\s,\[\]{}]))(?:[^\[\]{},:]|:(?=[^\s,\[\]{}]))*)""")
_SPACE = re.compile(r"\s*")


class Unreadable(Exception):
    """Something that could mean more than is seen."""


def plain(text: str) -> str:
    """Return a word as it is meant, quoted or not."""
    text = text.strip()
    mark = text[:1]
    if mark in {'"', "'"}:
        inside = text[1:-1].replace("''", "") if mark == "'" else text[1:-1]
        if len(text) < 2 or text[-1] != mark or "\\" in text or mark in inside:
            raise Unreadable
        return text[1:-1].replace("''", "'") if mark == "'" else text[1:-1]
    if mark in set("&*!%@`|>[]{}") or "\t" in text:
        raise Unreadable
    return text


def inline(text: str) -> Value:
    """Return a value that stands behind its name."""
    if text[0] not in "[{":
        return plain(text)
    if len(text) > LONGEST:
        raise Unreadable
    reading = _Brackets(text)
    value = reading.value(0)
    reading.end()
    return value


class _Brackets:
    """Walks a text in brackets once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def value(self, depth: int) -> Value:
        """Read what comes next."""
        if depth > DEEPEST:
            raise Unreadable
        match self._next():
            case "[":
                return self._list()
            case "{":
                return self._mapping(depth)
            case _:
                return self._word()

    def end(self) -> None:
        """Make sure that nothing comes any more."""
        if self._next():
            raise Unreadable

    def _list(self) -> list[str]:
        self._take("[")
        found: list[str] = []
        while self._next() != "]":
            found.append(self._word())
            self._go_on("]")
        self._take("]")
        return found

    def _mapping(self, depth: int) -> dict[str, Value]:
        self._take("{")
        found: dict[str, Value] = {}
        while self._next() != "}":
            quoted = self._next() in {'"', "'"}
            name = self._word()
            # Without a space behind the colon it is one word to YAML; GitHub refuses what is said twice.
            if name in found or (":" in name and not quoted):
                raise Unreadable
            found[name] = self._member(depth, quoted=quoted)
            self._go_on("}")
        self._take("}")
        return found

    def _member(self, depth: int, *, quoted: bool) -> Value:
        if self._next() != ":":
            return None
        self._take(":")
        if not quoted and self._text[self._at : self._at + 1] not in {" ", ",", "}"}:
            raise Unreadable
        return None if self._next() in {",", "}"} else self.value(depth + 1)

    def _word(self) -> str:
        found = _QUOTED.match(self._text, self._at) or _PLAIN.match(self._text, self._at)
        if found is None or found[1][:2] in {"?", "? ", "-", "- "}:
            raise Unreadable
        self._at = found.end()
        return plain(found[1])

    def _go_on(self, end: str) -> None:
        if self._next() != end:
            self._take(",")

    def _next(self) -> str:
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at
        return self._text[self._at : self._at + 1]

    def _take(self, sign: str) -> None:
        if self._next() != sign:
            raise Unreadable
        self._at += 1
