"""What looks like a secret: taking it out of text, and naming its kind.

Knows: the public forms of tokens. Must not know: any secret, who asks.

This is the second net. The first is that secrets travel as `storage.records.Secret`, which does not print.
Every pattern runs in linear time: what may repeat is bounded, or can't be entered from inside of itself.
"""

import re
from dataclasses import dataclass

REDACTED = "[redacted]"


@dataclass(frozen=True, slots=True)
class TokenKind:
    """A kind of token: what to call it, and where a person makes it useless."""

    name: str
    revoke: str
    """A whole sentence."""

    @property
    def refusal(self) -> str:
        """What is said of a field that holds one."""
        return f"This looks like {self.name}, so it was kept nowhere. {self.revoke}"


INDEX_TOKEN = TokenKind(
    "a package index's API token", "Revoke it in your account on that index, under API tokens."
)
GITHUB_TOKEN = TokenKind("a GitHub token", "Revoke it on GitHub: Settings, Developer settings.")
GITLAB_TOKEN = TokenKind("a GitLab token", "Revoke it on GitLab: Preferences, Access tokens.")
SLACK_TOKEN = TokenKind(
    "a Slack token", "Revoke it on the Slack app's page, OAuth & Permissions or Basic Information."
)
SLACK_HOOK = TokenKind("a Slack webhook's address", "Remove the webhook on the Slack app's page.")
PRIVATE_KEY = TokenKind("a private key", "Replace the key wherever its public half is trusted.")
OTHER_TOKEN = TokenKind("a token", "Revoke it where it was made.")

# `pypi-` and `devpi-` begin many a project's name, so what follows must look like a macaroon in base64 (version 2: `Ag`), hold
# a capital letter early on, or be longer than any such name.
_INDEX = r"(?:py|dev)pi-(?:Ag[\w-]{8,}|(?=[a-z\d_-]{0,64}[A-Z])[\w-]{16,}|[\w-]{64,})"
# Some `ghs_` tokens go on like a JWT. Words such as `laughs_aloud` end like a prefix.
_GITHUB = (
    r"(?:(?<![A-Za-z\d])gh[pousr]_[\w-]{6,}|gh[pousr]_[A-Za-z\d]{30,}|github_pat_\w{6,})(?:\.[\w-]+){0,2}"
)
_GITLAB = r"gl(?:pat|ptt|dt|rt|oas|soat|cbt|ft|agent)-[\w-]{12,}(?:\.[\w-]+){0,2}"
_SLACK = r"(?:xoxe\.)?(?:xox[a-z]|xapp)-[A-Za-z\d-]{4,}|xoxe\.[\w.-]{4,}"
_HOOK = r"(?<=hooks\.slack\.com/)[^\s\"'<>|]+|(?<=hooks\.slack-gov\.com/)[^\s\"'<>|]+"
_PEM = r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)"
_JWT = r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"
_SCHEME = (
    r"(?<![A-Za-z\d])(?:(?i:bearer|token|basic)\s{1,8}(?=\S{0,63}(?:[\d=+]|[a-z][A-Z]))[\w.~+/=-]{8,}"
    r"|(?:Bearer|Token|Basic)\s{1,8}[\w.~+/=-]{20,})"
)
_HEADER = r"(?<=(?i:uthorization))(['\"]?\s{0,8}[:=,]\s{0,8}b?['\"]?)(?:[A-Za-z]{1,20}\s{1,8})?[^\s\"',;]+"
_NAMED = r"(?i:(?<=token=)|(?<=secret=)|(?<=password=)|(?<=passwd=)|(?<=api_key=)|(?<=apikey=))[^\s&\"',;)]+"
# A password may hold `/?#` as typed, where a port is followed by them.
_USERINFO = r"(?<=://)(?:[^\s/?#\"'<>]+|[^\s:/?#\"'<>@]{0,100}:(?!\d{1,5}[/?#])[^\s\"'<>]{1,200})(?=@)"


@dataclass(frozen=True, slots=True)
class _Form:
    """What secrets of a kind look like."""

    kind: TokenKind
    pattern: re.Pattern[str]
    signs: tuple[str, ...]
    """One of these stands, in lower case, in whatever the pattern finds: looking for them is many times quicker, and a traceback has
    tens of thousands of letters."""


_FORMS = (
    _Form(PRIVATE_KEY, re.compile(_PEM, re.ASCII | re.DOTALL), ("-----begin ",)),
    _Form(SLACK_HOOK, re.compile(_HOOK, re.ASCII), ("hooks.slack",)),
    _Form(INDEX_TOKEN, re.compile(_INDEX, re.ASCII), ("pypi-", "devpi-")),
    _Form(
        GITHUB_TOKEN, re.compile(_GITHUB, re.ASCII), ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_")
    ),
    _Form(
        GITLAB_TOKEN,
        re.compile(_GITLAB, re.ASCII),
        ("glpat-", "glptt-", "gldt-", "glrt-", "gloas-", "glsoat-", "glcbt-", "glft-", "glagent-"),
    ),
    _Form(SLACK_TOKEN, re.compile(_SLACK, re.ASCII), ("xox", "xapp-")),
    _Form(
        OTHER_TOKEN,
        re.compile(f"{_JWT}|{_SCHEME}|{_NAMED}", re.ASCII),
        ("eyj", "bearer", "token", "basic", "secret=", "passw", "api_key=", "apikey="),
    ),
)
_HEADERS, _USERINFOS = re.compile(_HEADER, re.ASCII), re.compile(_USERINFO, re.ASCII)


def redact(text: str) -> str:
    """Return the text with everything that looks like a secret replaced by `[redacted]`."""
    lowered = text.lower()
    if "uthorization" in lowered:
        text = _HEADERS.sub(rf"\1{REDACTED}", text)
    if "://" in lowered:
        text = _USERINFOS.sub(REDACTED, text)
    for form in _FORMS:
        if any(sign in lowered for sign in form.signs):
            text = form.pattern.sub(REDACTED, text)
    return text


def looks_like_token(text: str) -> TokenKind | None:
    """Return what kind of secret stands somewhere in the text, None if nothing looks like one."""
    return next((form.kind for form in _FORMS if form.pattern.search(text)), None)
