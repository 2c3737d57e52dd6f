"""A repository's history: commits, branches, tags, and what lies between two of them.

Knows: git's model as far as the forge's API shows it. Must not know: HTTP, shapes, workflows.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

SHORT_SHA = 7


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit with the files as they were then."""

    sha: str
    parents: tuple[str, ...]
    message: str
    author: str
    """Login."""
    at: datetime
    files: Mapping[str, bytes] = field(repr=False)

    @property
    def tree(self) -> str:
        """A name for its files, the same for the same files."""
        return digest(*(f"{path}\0{blob_sha(content)}" for path, content in sorted(self.files.items())))


@dataclass(frozen=True, slots=True)
class TagObject:
    """What an annotated tag's ref points to."""

    sha: str
    tag: str
    message: str
    target: str
    """The commit, or another tag object."""
    by: str
    at: datetime


class History:
    """Commits and what points to them."""

    def __init__(self, salt: str = "") -> None:
        self.commits: dict[str, Commit] = {}
        """In the order they were made."""
        self.objects: dict[str, TagObject] = {}
        self.branches: dict[str, str] = {}
        """Name to commit."""
        self.tags: dict[str, str] = {}
        """Name to commit or tag object."""
        self._salt = salt

    def commit(self, branch: str, files: Mapping[str, bytes], message: str, author: str, at: datetime) -> str:
        """Add a commit with exactly these files to a branch; returns its sha."""
        parents = (self.branches[branch],) if branch in self.branches else ()
        seed = Commit("", parents, message, author, at, dict(files))
        sha = digest(self._salt, *parents, message, author, at.isoformat(), seed.tree)
        self.commits[sha] = Commit(sha, parents, message, author, at, dict(files))
        self.branches[branch] = sha
        return sha

    def tag_object(self, tag: str, message: str, target: str, by: str, at: datetime) -> TagObject:
        """Make a tag object that no ref points to yet; LookupError where its target is not here."""
        if target not in self.commits and target not in self.objects:
            raise LookupError(target)
        made = TagObject(
            digest("tag", tag, message, target, by, at.isoformat()), tag, message, target, by, at
        )
        self.objects[made.sha] = made
        return made

    def peeled(self, sha: str) -> str:
        """Return the commit that a commit or a tag object, however many there are, ends at."""
        while sha in self.objects:
            sha = self.objects[sha].target
        return sha

    def refs(self) -> Iterator[tuple[str, str]]:
        """Give every ref with what it points to: `heads/main`, `tags/v1.0`."""
        yield from ((f"heads/{name}", sha) for name, sha in self.branches.items())
        yield from ((f"tags/{name}", sha) for name, sha in self.tags.items())

    def full_ref(self, name: str) -> str | None:
        """Return the ref that a name means, `refs/heads/main`, branches first; None where there is none."""
        known = {ref for ref, _ in self.refs()}
        short = name.removeprefix("refs/")
        found = next((ref for ref in (short, f"heads/{short}", f"tags/{short}") if ref in known), None)
        return found and f"refs/{found}"

    def resolve(self, name: str) -> Commit | None:
        """Return the commit that a branch, tag, or (short) sha means."""
        ref = self.full_ref(name)
        if ref is not None:
            return self.commits[self.peeled(dict(self.refs())[ref.removeprefix("refs/")])]
        sha = self.peeled(name)
        if sha in self.commits:
            return self.commits[sha]
        short = [one for one in self.commits if len(name) >= SHORT_SHA and one.startswith(name.lower())]
        return self.commits[short[0]] if len(short) == 1 else None

    def ancestors(self, sha: str) -> set[str]:
        """Return a commit and everything before it."""
        found: set[str] = set()
        ahead = [sha]
        while ahead:
            one = ahead.pop()
            if one not in found:
                found.add(one)
                ahead += self.commits[one].parents
        return found

    def between(self, base: str, head: str) -> list[Commit]:
        """Return what `head` has and `base` has not, oldest first."""
        missing = self.ancestors(head) - self.ancestors(base)
        return [commit for sha, commit in self.commits.items() if sha in missing]

    def merge_base(self, base: str, head: str) -> Commit | None:
        """Return the newest commit that both have; None where they share none."""
        common = self.ancestors(base) & self.ancestors(head)
        return next((self.commits[sha] for sha in reversed(list(self.commits)) if sha in common), None)


def digest(*parts: str) -> str:
    """Return a name of 40 hex digits for some texts."""
    return hashlib.sha1("\0".join(parts).encode(), usedforsecurity=False).hexdigest()


def blob_sha(content: bytes) -> str:
    """Return what git calls a file's content."""
    return hashlib.sha1(b"blob %d\x00" % len(content) + content, usedforsecurity=False).hexdigest()


def changed(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Return the paths that differ, each with `added`, `removed` or `modified`."""
    words = {path: "added" if path not in old else "removed" if path not in new else "modified"
             for path in sorted({*old, *new}) if old.get(path) != new.get(path)}  # fmt: skip
    return list(words.items())
