"""The forge's OIDC issuer: signs what a workflow run would claim of itself.

Knows: GitHub's claims, RS256, JWKS. Must not know: who trusts it.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

KEY_ID = "stand-in-1"
LIFE_SECONDS = 300
SHA = "a" * 40


class Issuer:
    """Signs tokens; its key is made with the first one."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._made: rsa.RSAPrivateKey | None = None

    @property
    def _key(self) -> rsa.RSAPrivateKey:
        if self._made is None:
            self._made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return self._made

    def jwks(self) -> dict[str, Any]:
        """Return the public key as a JSON Web Key Set."""
        key = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [{**key, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]}

    def sign(self, claims: dict[str, Any]) -> str:
        """Return claims as a signed JWT; a claim that is None is left out."""
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, self._key, algorithm="RS256", headers={"kid": KEY_ID})

    def run_claims(
        self, issuer: str, slug: str, owner_id: int, workflow: str, environment: str
    ) -> dict[str, Any]:
        """Return what a run of a repository's workflow, started by the tag v1.0, claims."""
        now = int(self._clock().timestamp())
        owner, _, _ = slug.partition("/")
        ref = "refs/tags/v1.0"
        place = f"environment:{environment}" if environment else f"ref:{ref}"
        workflow_ref = f"{slug}/.github/workflows/{workflow}@{ref}"
        return {
            "iss": issuer,
            "aud": "pypi",
            **dict.fromkeys(("iat", "nbf"), now),
            "exp": now + LIFE_SECONDS,
            "jti": str(uuid4()),
            "sub": f"repo:{slug}:{place}",
            "repository": slug,
            "repository_id": "1",
            "repository_owner": owner,
            "repository_owner_id": str(owner_id),
            "repository_visibility": "public",
            "environment": environment or None,
            "event_name": "push",
            "ref": ref,
            "ref_type": "tag",
            "ref_protected": "false",
            "sha": SHA,
            "workflow": "Release",
            "workflow_ref": workflow_ref,
            "workflow_sha": SHA,
            "job_workflow_ref": workflow_ref,
            "job_workflow_sha": SHA,
            "runner_environment": "github-hosted",
            "actor": "demo",
            "actor_id": "2",
            "run_id": "1",
            "run_number": "1",
            "run_attempt": "1",
            **dict.fromkeys(("base_ref", "head_ref"), ""),
        }
