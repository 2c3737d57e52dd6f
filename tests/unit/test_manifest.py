"""What an App of ours is to be, and what is kept of it."""

import json
import tomllib
from pathlib import Path

import pytest

from bot import settings
from bot.core.forge import Nothing, Unsure
from bot.demo.forge_apps import Apps
from bot.demo.forge_state import ForgeState
from bot.demo.index_state import utc_now
from bot.forge import manifest, webhooks
from bot.forge.app_auth import PERMISSIONS
from bot.forge.manifest import NewApp
from bot.wire import Answer

HERE = "https://bell.example"
MADE = {
    "id": 7, "slug": "shipbell", "client_id": "Iv1.x", "client_secret": "marked9931", "webhook_secret": 'w"\\',
    "html_url": "https://github.com/apps/shipbell",
}  # fmt: skip


def answer(status: int, value: object) -> Answer:
    """Return an answer of the forge."""
    return Answer(status, "", {}, json.dumps(value).encode())


def test_the_manifest_says_what_the_code_uses() -> None:
    """Permissions and events are the code's own lists; each address is below ours."""
    found = manifest.manifest(HERE)
    assert found["default_permissions"] == PERMISSIONS
    assert "administration" not in found["default_permissions"]
    assert found["default_events"] == list(webhooks.EVENTS)
    assert found["hook_attributes"] == {"url": f"{HERE}/github/webhooks", "active": True}
    assert found["callback_urls"] == [f"{HERE}/github/callback"]
    assert found["public"] is False
    assert len(found["name"]) <= manifest.LONGEST_NAME
    assert len(manifest.manifest(f"https://{'x' * 60}.example")["name"]) <= manifest.LONGEST_NAME


def test_no_webhook_where_the_forge_can_not_come() -> None:
    """An address without TLS gets no webhook, which GitHub would refuse; everything is polled then."""
    found = manifest.manifest("http://localhost:8080")
    assert found["default_events"] == []
    assert "hook_attributes" not in found


@pytest.mark.parametrize("name", ["../x", "a/b", "-a", "a b", "a?b", "x" * 40])
def test_an_odd_organization_is_refused(name: str) -> None:
    """A name that would make another address of the page is none."""
    assert manifest.new_page("https://f.x", name, "s") is None


def test_pages_and_codes() -> None:
    """An App is one's own, or an organization's; a code that is none is not sent."""
    assert manifest.new_page("https://f.x", "", "s") == "https://f.x/settings/apps/new?state=s"
    there = "https://f.x/organizations/acme/settings/apps/new?state=s"
    assert manifest.new_page("https://f.x", "acme", "s") == there
    assert manifest.conversion("https://a.x", "../user") is None
    wanted = manifest.conversion("https://a.x", "abc_1")
    assert wanted is not None
    assert (wanted.method, wanted.url) == ("POST", "https://a.x/app-manifests/abc_1/conversions")


def test_what_is_kept_is_read_as_settings(tmp_path: Path) -> None:
    """The file holds the App's settings whatever signs are in them, and no repr shows a secret."""
    made = Apps(ForgeState(utc_now)).make()
    found = manifest.read(answer(201, {**MADE, "pem": made.pem}))
    assert isinstance(found, NewApp)
    assert "marked9931" not in repr(found)
    text = manifest.toml(found)
    assert tomllib.loads(text)["github_webhook_secret"] == 'w"\\'
    kept = tmp_path / "github-app.toml"
    kept.write_text(text)
    read = settings.load({settings.CONFIG: str(kept)}, home=tmp_path)
    assert (read.github_app_id, read.github_client_id) == ("7", "Iv1.x")
    assert read.github_app_private_key is not None
    assert read.github_app_private_key.reveal().strip() == made.pem.strip()


@pytest.mark.parametrize(
    ("status", "value", "kind"),
    [(404, {"message": "Not Found"}, Nothing), (201, {}, Unsure), (201, [], Unsure), (500, {}, Unsure)],
)
def test_an_odd_answer_is_no_app(status: int, value: object, kind: type) -> None:
    """Whatever is not GitHub's shape, or is refused, makes no App."""
    assert isinstance(manifest.read(answer(status, value)), kind)
