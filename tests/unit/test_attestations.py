"""Attestations: what verifies, and that nothing else does. The signatures are real, their Sigstore is a private one."""

import base64
import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.outcomes import Absent, Attested, NotAttested, TryLater
from bot.demo.sigstore_signer import Signer, Tamper
from bot.index.attestations import MOST_ATTESTATIONS, Trust, read_attested
from bot.wire import Answer
from storage.records import Reason

URL = "https://index.example/integrity/widgets/1.0/x/provenance"
WHEEL = "widgets-1.0-py3-none-any.whl"
SHA256 = "ab" * 32
COMMIT = "c0" * 20
REF = "refs/tags/v1.0"
OURS = {"kind": "GitHub", "repository": "acme/widgets", "workflow": "release.yml", "environment": "pypi"}
VERIFIED = Attested("acme/widgets", "release.yml", "pypi", COMMIT, REF, URL)


@pytest.fixture(scope="module")
def signer() -> Signer:
    """Give a private Sigstore."""
    return Signer()


@pytest.fixture(scope="module")
def trust(signer: Signer, tmp_path_factory: pytest.TempPathFactory) -> Trust:
    """Give what trusts it."""
    return Trust(signer.write_trusted_root(tmp_path_factory.mktemp("trust") / "trusted_root.json"))


def claims(slug: str = "acme/widgets", workflow: str = "release.yml", sha: str = COMMIT) -> dict[str, str]:
    """Return what a workflow run claims of itself."""
    place = f"{slug}/.github/workflows/{workflow}@{REF}"
    return {"repository": slug, "ref": REF, "sha": sha, "workflow_ref": place, "job_workflow_ref": place}


def bundle(*attestations: object, **publisher: object) -> dict[str, object]:
    """Return a publisher's attestations, ours unless told otherwise."""
    return {"publisher": {**OURS, **publisher}, "attestations": list(attestations)}


def read(trust: Trust, *bundles: object, filename: str = WHEEL, sha256: str = SHA256) -> object:
    """Read a provenance with these bundles."""
    body = json.dumps({"version": 1, "attestation_bundles": list(bundles)}).encode()
    return read_attested(Answer(200, "OK", {}, body), URL, filename, sha256, trust)


def test_a_good_attestation_names_its_source(signer: Signer, trust: Trust) -> None:
    """Repository, workflow, commit and ref come from the certificate, the environment from the publisher."""
    assert read(trust, bundle(signer.attest(WHEEL, SHA256, claims()))) == VERIFIED
    assert read(trust, bundle(signer.attest(WHEEL, SHA256, claims())), sha256=SHA256.upper()) == VERIFIED
    plain = read(trust, bundle(signer.attest(WHEEL, SHA256, claims()), environment=None))
    assert isinstance(plain, Attested)
    assert plain.environment == ""


def test_every_entry_of_a_growing_log_verifies(signer: Signer, trust: Trust) -> None:
    """However many signatures came before, the log's proof holds."""
    for _ in range(20):
        assert read(trust, bundle(signer.attest(WHEEL, SHA256, claims()))) == VERIFIED


@pytest.mark.parametrize("tamper", [one for one in Tamper if one])
def test_nothing_that_was_tampered_with_verifies(signer: Signer, trust: Trust, tamper: Tamper) -> None:
    """A change to signature, statement, certificate or log is seen, also beside an attestation that is good."""
    bad = signer.attest(WHEEL, SHA256, claims(), tamper)
    good = signer.attest(WHEEL, SHA256, claims())
    for bundles in ([bundle(bad)], [bundle(good, bad)], [bundle(good), bundle(bad)]):
        outcome = read(trust, *bundles)
        assert isinstance(outcome, NotAttested)
        assert outcome.detail
        assert len(outcome.detail) <= 300


def test_another_file_is_not_attested(signer: Signer, trust: Trust) -> None:
    """An attestation of other content, or of a file of another name, does not count."""
    attestation = signer.attest(WHEEL, SHA256, claims())
    assert read(trust, bundle(attestation), sha256="00" * 32) == NotAttested(
        "it is about other content: the sha256 differs"
    )
    for name in ("widgets-1.0.tar.gz", "widgets-1.1-py3-none-any.whl", "gadgets-1.0-py3-none-any.whl", "x"):
        assert isinstance(read(trust, bundle(attestation), filename=name), NotAttested)


def test_a_file_s_name_may_be_spelled_otherwise(signer: Signer, trust: Trust) -> None:
    """What names the same file is the same, as PyPI has it."""
    attestation = signer.attest("Widgets-1.0.0-py3-none-any.whl", SHA256, claims())
    assert read(trust, bundle(attestation), filename="widgets-1.0.0-py3-none-any.whl") == VERIFIED


def test_another_root_never_passes(signer: Signer, trust: Trust, tmp_path: Path) -> None:
    """What a Sigstore signed that is not trusted is not attested; the public one does not know ours."""
    other = Signer()
    assert isinstance(read(trust, bundle(other.attest(WHEEL, SHA256, claims()))), NotAttested)
    theirs = Trust(other.write_trusted_root(tmp_path / "other.json"))
    ours = bundle(signer.attest(WHEEL, SHA256, claims()))
    assert isinstance(read(theirs, ours), NotAttested)
    assert isinstance(read(Trust(), ours), NotAttested)


@pytest.mark.parametrize("part", ["tlogs", "ctlogs", "certificateAuthorities"])
def test_each_part_of_the_root_counts(signer: Signer, tmp_path: Path, part: str) -> None:
    """An authority or a log of somebody else is not made good by the other parts."""
    mixed = {**signer.trusted_root(), part: Signer().trusted_root()[part]}
    path = tmp_path / "mixed.json"
    path.write_text(json.dumps(mixed))
    assert isinstance(read(Trust(path), bundle(signer.attest(WHEEL, SHA256, claims()))), NotAttested)


@pytest.mark.parametrize(
    "claimed",
    [
        claims(slug="acme/gadgets"),
        claims(slug="mallory/widgets"),
        claims(workflow="other.yml"),
        {**claims(), "workflow_ref": "mallory/evil/.github/workflows/release.yml@refs/tags/v1.0"},
        {**claims(), "repository": "mallory/evil"},
        {**claims(), "repository": "acme/widgets2"},
    ],
)
def test_a_certificate_that_contradicts_the_publisher(
    signer: Signer, trust: Trust, claimed: dict[str, str]
) -> None:
    """The index says who published; where the certificate says otherwise, nothing is attested."""
    assert isinstance(read(trust, bundle(signer.attest(WHEEL, SHA256, claimed))), NotAttested)


def test_the_commit_is_the_certificate_s(signer: Signer, trust: Trust) -> None:
    """Another commit of the same workflow verifies, and is named, so that it can be compared."""
    outcome = read(trust, bundle(signer.attest(WHEEL, SHA256, claims(sha="d1" * 20))))
    assert isinstance(outcome, Attested)
    assert outcome.commit == "d1" * 20
    nameless = read(trust, bundle(signer.attest(WHEEL, SHA256, claims(sha=""))))
    assert nameless == NotAttested("its certificate names no commit")


def test_attestations_must_agree(signer: Signer, trust: Trust) -> None:
    """Two good attestations of different commits leave nothing that could be told."""
    both = [signer.attest(WHEEL, SHA256, claims(sha=sha)) for sha in (COMMIT, "d1" * 20)]
    assert read(trust, bundle(*both)) == NotAttested("its attestations name different sources")
    assert read(trust, bundle(both[0], both[0])) == VERIFIED


def test_other_kinds_of_publishers_are_named(signer: Signer, trust: Trust) -> None:
    """What only another forge could vouch for is told apart from what is broken."""
    gitlab = {"kind": "GitLab", "repository": "acme/widgets", "workflow_filepath": ".gitlab-ci.yml"}
    outcome = read(trust, {"publisher": gitlab, "attestations": [signer.attest(WHEEL, SHA256, claims())]})
    assert isinstance(outcome, NotAttested)
    assert "GitLab" in outcome.detail


def test_an_empty_provenance_attests_nothing(signer: Signer, trust: Trust) -> None:
    """No bundles, bundles without attestations, and too many of them are no attestation."""
    assert read(trust) == NotAttested("its provenance holds no attestation")
    assert read(trust, bundle()) == NotAttested("its provenance holds no attestation")
    attestation = signer.attest(WHEEL, SHA256, claims())
    assert isinstance(read(trust, bundle(*[attestation] * (MOST_ATTESTATIONS + 1))), NotAttested)
    empty = {"version": 1, "verification_material": {}, "envelope": {}}
    assert isinstance(read(trust, bundle(empty)), NotAttested)


@pytest.mark.parametrize("status", [404, 410])
def test_a_file_may_have_no_provenance(trust: Trust, status: int) -> None:
    """404 says that there is none."""
    assert read_attested(Answer(status, "", {}, b""), URL, WHEEL, SHA256, trust) == Absent()


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (429, b"", Reason.RATE_LIMITED), (503, b"", Reason.INDEX_BROKEN), (302, b"", Reason.UNEXPECTED_ANSWER),
        (200, b"<html>", Reason.UNEXPECTED_ANSWER), (200, b"[]", Reason.UNEXPECTED_ANSWER), (200, b"{}", Reason.UNEXPECTED_ANSWER),
    ],
)  # fmt: skip
def test_what_is_no_provenance_says_nothing(trust: Trust, status: int, body: bytes, reason: Reason) -> None:
    """An index that is down, or answers a page, neither attests nor denies."""
    outcome = read_attested(Answer(status, "", {}, body), URL, WHEEL, SHA256, trust)
    assert isinstance(outcome, TryLater)
    assert outcome.reason is reason


@pytest.mark.parametrize("text", ["", "{}", "[]", "x", '{"mediaType": "x"}'])
def test_a_broken_trust_root_denies_nothing(signer: Signer, tmp_path: Path, text: str) -> None:
    """Where the operator's trust root can't be read, that is what is told, and not that a file is not attested."""
    path = tmp_path / "root.json"
    path.write_text(text)
    for broken in (Trust(path), Trust(tmp_path / "missing.json"), Trust(tmp_path)):
        assert "trust root" in broken.problem()
        outcome = read(broken, bundle(signer.attest(WHEEL, SHA256, claims())))
        assert isinstance(outcome, TryLater)
        assert "trust root" in outcome.detail


def test_the_public_trust_root_comes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The public Sigstore's root is read from the library, without the network and without a home directory."""
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    assert Trust().problem() == ""
    assert list(tmp_path.iterdir()) == []


def places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the path of every text in a JSON value."""
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, member in members:
        yield from places(member, (*path, key))
    if isinstance(value, str):
        yield path


@pytest.fixture(scope="module")
def good(signer: Signer) -> dict[str, Any]:
    """Give a good attestation."""
    return signer.attest(WHEEL, SHA256, claims())


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_change_to_an_attestation_goes_unseen(
    data: st.DataObject, good: dict[str, Any], trust: Trust
) -> None:
    """Whatever text of an attestation becomes another one, it is no longer attested, and nothing breaks."""
    bad = deepcopy(good)
    *where, last = data.draw(st.sampled_from(sorted(places(good), key=repr)))
    inner = bad
    for key in where:
        inner = inner[key]
    old = inner[last]
    inner[last] = data.draw(st.text(max_size=30) | st.integers() | st.none() | _flipped(old))
    outcome = read(trust, bundle(bad))
    assert isinstance(outcome, NotAttested) or _same(old, inner[last])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["publisher", "attestations", "kind", "version", "envelope", "verification_material"]
                ),
                inner,
            )
        ),
        max_leaves=15,
    )
)
def test_no_provenance_breaks_reading(trust: Trust, bundles: object) -> None:
    """Whatever an index sends, it attests nothing and breaks nothing."""
    body = json.dumps({"attestation_bundles": bundles}).encode()
    assert isinstance(read_attested(Answer(200, "OK", {}, body), URL, WHEEL, SHA256, trust), NotAttested)


def _flipped(text: str) -> st.SearchStrategy[str]:
    """Give a base64 text with one bit changed, where it is one."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return st.just(text + "0")

    def flip(bit: int) -> str:
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        return base64.b64encode(bytes(changed)).decode()

    return st.integers(0, 8 * len(raw) - 1).map(flip) if raw else st.just("AA==")


def _same(one: str, other: object) -> bool:
    """Whether two texts mean the same: base64 has several spellings."""
    try:
        return isinstance(other, str) and (one == other or base64.b64decode(one) == base64.b64decode(other))
    except ValueError:
        return False
