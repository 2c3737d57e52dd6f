"""PyPI's rules for a pending publisher, its own messages beside the bot's: the tables of `docs/pypi-rules.md`.

PyPI's words are copied from warehouse at 6b6215712 (`oidc/forms/github.py`, `oidc/forms/_core.py`, `accounts/views.py`).
"""

from dataclasses import dataclass

CHECK, ADD, WAITING = "`/publisher check`", "`/publisher add`", "while it waits"


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What the form refuses of one field, whoever asks."""

    rule: str
    field: str
    """As the index's form names it."""
    refused: tuple[str, ...]
    """Values that break this rule alone; the first stands in the bot's words below."""
    theirs: str
    ours: str
    taken: tuple[str, ...] = ()
    """Values at the border, which both take."""
    new: bool = False
    """Whether it holds for new projects alone, so that the index is asked first whether the project exists."""


@dataclass(frozen=True, slots=True)
class LookRule:
    """What the index refuses, or does later, because of what else there is."""

    rule: str
    theirs: str
    ours: str
    """The bot's words; "" where it has none, since nothing of the kind can come to it."""
    where: str


_OWNER = "can't be a GitHub user or organization. Such a name has ASCII letters, digits and '-', and begins with a letter or digit."
_REPOSITORY = "can't be a GitHub repository. Give the name alone, without owner or address: ASCII letters, digits, '.', '_' and '-'."
_NAME = "can't be a project's name. Use ASCII letters, digits, '.', '_' and '-', with a letter or digit at both ends."
_SIGNS = "Environment name must not contain non-printable characters or the characters " + ", ".join(
    f'"{sign}"' for sign in "'\"`,;\\"
)
_OUR_SIGNS = (
    "The environment holds a control character or one of ' \" ` , ; \\, which the index refuses. Rename it on GitHub, or leave "
    "it empty."
)
_OUR_EDGE = "The environment has a space at an end. Take it away, or leave the environment empty."

FIELDS = (
    FieldRule(
        "a project's name is given", "project_name", ("",), "Specify project name",
        "The project's name is missing. Give the package's name on the index.", ("x", "0"),
    ),
    FieldRule(
        "it is valid (letters, digits, `.` `_` `-`, a letter or digit at both ends)", "project_name",
        ("-x", "x-", ".x", "a b", "ünder", "a/b", "x\n"), "Invalid project name", f"'-x' {_NAME}", ("A.-_9", "a..b"),
    ),
    FieldRule(
        "a new one is no module of the standard library, of whatever Python", "project_name",
        ("asynchat", "json", "JSON", "os.path", "future", "annotationlib", "xml_etree"),
        "This project name isn't allowed (conflict with the Python standard library module name)",
        "'asynchat' is the name of a standard library module, which the index refuses. Choose another.", ("json2", "os-paths"), new=True,
    ),
    FieldRule(
        "a new one is not barred; the bot knows of two names", "project_name", ("requirements.txt", "rrequirements-txt"),
        "This project name isn't allowed",
        "'requirements.txt' is a name that the index has barred. Choose another.", ("requirements", "requirements-tx"), new=True,
    ),
    FieldRule(
        "the owner is given", "owner", ("",), "Specify GitHub repository owner (username or organization)",
        "The repository's owner is missing. Give the GitHub user or organization: OWNER/REPO.",
    ),
    FieldRule(
        "it can be a GitHub name", "owner", ("a_b", "-x", "a.b", "é", "a b", " acme"),
        "Invalid GitHub user or organization name.", f"'a_b' {_OWNER}", ("ACME", "0-x-"),
    ),
    FieldRule(
        "the repository is given", "repository", ("",), "Specify repository name",
        "The repository's name is missing. Give it as OWNER/REPO.",
    ),
    FieldRule(
        "it can be a GitHub repository", "repository", ("a b", "a/b", "ü", "a:b", "widgets "), "Invalid repository name",
        f"'a b' {_REPOSITORY}", ("..x-_", "9", "-"),
    ),
    FieldRule(
        "the workflow is given", "workflow_filename", ("",), "Specify workflow filename",
        "The workflow's file is missing. Give its name in .github/workflows/, such as release.yml.",
    ),
    FieldRule(
        "it ends in `.yml` or `.yaml`", "workflow_filename", ("release", "release.YML", "release.yml.txt"),
        "Workflow name must end with .yml or .yaml",
        "'release' is not a workflow file. Give the file's name, not its title; it ends in .yml or .yaml.",
        (".yml", "a b.yaml", "ü.yml"),
    ),
    FieldRule(
        "it has no folder", "workflow_filename", ("a/b.yml", ".github/workflows/b.yml", "/b.yml"),
        "Workflow filename must be a filename only, without directories",
        "The workflow must be a file name without folders. Give the part after the last '/' (b.yml).", ("a\\b.yml",),
    ),
    FieldRule(
        "the environment has 255 characters at most", "environment", ("e" * 256, "ü" * 300),
        "Environment name is too long (maximum is 255 characters)",
        "The environment is 256 characters long; at most 255 are allowed. Check for a slip in pasting.", ("e" * 255, ""),
    ),
    FieldRule(
        "it does not begin with a space", "environment", (" pypi",), "Environment name may not start with whitespace", _OUR_EDGE,
        ("py pi",),
    ),
    FieldRule(
        "it does not end with a space", "environment", ("pypi ",), "Environment name may not end with whitespace", _OUR_EDGE,
    ),
    FieldRule(
        "it has no control character and none of `'` `\"` `` ` `` `,` `;` `\\`", "environment",
        ("a'b", 'a"b', "a`b", "a,b", "a;b", "a\\b", "a\tb", "a\x7fb", "a\x00b"), _SIGNS, _OUR_SIGNS, ("Prod / EU (1)", "a:b"),
    ),
)  # fmt: skip
"""In the form's order, and of one field in the order in which PyPI looks."""

LOOKS = {
    "owner": LookRule(
        "GitHub knows the owner (the repository is not looked up)", "Unknown GitHub user or organization.",
        "GitHub knows no user or organization `acme`, so the index would refuse it. Check the spelling.", CHECK,
    ),
    "exists": LookRule(
        "the project does not exist yet", "This project already exists.",
        "`acme-widgets` is on the index already: only its owners can add a publisher, and whose it is nobody outside can tell.", CHECK,
    ),
    "own": LookRule(
        "the project is not one's own", "This project already exists: use the project's publishing settings here to create a "
        "Trusted Publisher for it.",
        "The link opens the form already filled in; look it over and press Add.", ADD,
    ),
    "barred": LookRule(
        "the name is not barred; which ones are, only the index knows", "This project name isn't allowed",
        "no project is called `acme-widgets` on the index. A pending publisher does *not* reserve the name, and the index may still "
        "refuse it: barred, or too like another.", CHECK,
    ),
    "similar": LookRule(
        "the name is not too close to another (`l` `1` `i` and `o` `0` are the same, separators are nothing)",
        "This project name is too similar to an existing project",
        "no project is called `acme-widgets` on the index. A pending publisher does *not* reserve the name, and the index may still "
        "refuse it: barred, or too like another.", CHECK,
    ),
    "three": LookRule(
        "a person has at most three pending publishers", "You can't register more than 3 pending trusted publishers at once.",
        "<@U1> has 3 pending publishers already, the forms that I have given out included, and the index takes no more than 3 of "
        "one person. Let one become real first or remove one, or let somebody else ask for this one.", CHECK,
    ),
    "again": LookRule(
        "the same project, owner, repository, workflow and environment (in lower case) is not pending already",
        "This trusted publisher has already been registered. Please contact PyPI's admins if this wasn't intentional.",
        "*acme-widgets* on *company* already has a publisher here, so nothing was changed:", ADD,
    ),
    "shared": LookRule(
        "owner, repository, workflow and environment are not pending for another project",
        "A pending trusted publisher matching this configuration has already been registered for a different project name. "
        "Please contact PyPI's admins if this wasn't intentional.",
        "the same repository, workflow and environment is pending for `acme-gears` too, and an index keeps only one such pending "
        "publisher, *whatever the project*. Give this one an environment of its own, for example `pypi-acme-widgets`: in its job, "
        "and in `/publisher add`.", CHECK,
    ),
    "hundred": LookRule(
        "a person, and an address, tries at most 100 times a day; then 429 with `Retry-After`",
        "There have been too many attempted trusted publisher registrations. Try again later.", "", "",
    ),
    "thirty": LookRule(
        "it becomes real within 30 days (a mail comes 5 days before)", "",
        "The trusted publisher for *acme-widgets* on *company* has *expired*", WAITING,
    ),
    "reserve": LookRule(
        "a pending publisher does not reserve the name: whoever makes the project first has it, and the pending one is deleted", "",
        "no project is called `acme-widgets` on the index. A pending publisher does *not* reserve the name, and the index may still "
        "refuse it: barred, or too like another.", CHECK,
    ),
}  # fmt: skip
"""By a word that the tests know them by."""


def markdown() -> tuple[str, str]:
    """Return both tables."""
    fields = "\n".join(
        f"| `{one.field}` | {one.rule} | {_shown(one.refused[0])} | {_cell(one.theirs)} | {_cell(one.ours)} |"
        for one in FIELDS
    )
    looks = "\n".join(
        f"| {one.rule} | {_cell(one.theirs)} | {_cell(one.ours)} | {one.where or '-'} |"
        for one in LOOKS.values()
    )
    return (
        f"| field | rule | refused | PyPI says | the bot says |\n|---|---|---|---|---|\n{fields}",
        f"| rule | PyPI says | the bot says | where |\n|---|---|---|---|\n{looks}",
    )


def _shown(value: str) -> str:
    if len(value) > 60:
        return f"`{value[0]}` {len(value)} times"
    return f"`{value}`" if value else "nothing"


def _cell(text: str) -> str:
    """Return words as they stand in a table, with what would be markup there taken literally."""
    if not text:
        return "-"
    return "".join(f"\\{sign}" if sign in "\\`*<>|_" else sign for sign in text)
