"""The same files uploaded by the bot, by twine and by uv to one server: their forms mean the same."""

from pathlib import Path

from bot.archives import look_through
from bot.core.distributions import Distribution
from bot.core.outcomes import Login, Uploaded
from bot.core.sites import IndexSite
from bot.index.client import IndexClient
from bot.index.upload import TOKEN_USER
from bot.transport import Transport
from storage.records import Secret
from tests.releases.fakes import Clock
from tests.transport.peers import Field, Taker, commands, run, taking
from tests.unit.packed import SDIST_NAME, WHEEL_NAME, sdist, wheel
from tests.unit.test_distributions import RICH

OURS_ALONE = {"md5_digest"}
"""An older digest more, which older private indexes want."""


def meaning(form: list[Field]) -> list[Field]:
    """Return a form as an index reads it: in no order, keywords apart."""
    read = [(name, value.replace(", ", ",") if name == "keywords" else value) for name, value in form]
    return sorted(pair for pair in read if pair[0] not in OURS_ALONE)


async def sent(taker: Taker, files: list[Path]) -> None:
    """Upload files by the bot."""
    site = IndexSite("x", taker.url, taker.url)
    async with Transport(allow_private_addresses=True) as transport:
        client = IndexClient(transport, {"x": site}, Clock())
        for path in files:
            with path.open("rb") as content:
                file = look_through(content, path.name, "gearbox", "1.4.0")
                assert isinstance(file, Distribution)
                done = await client.upload(
                    "x", file, content, Login(Secret(TOKEN_USER), Secret("pypi-x")), 60
                )
                assert done == Uploaded()


async def test_the_forms_mean_the_same(tmp_path: Path) -> None:
    """Wheel and sdist with every kind of metadata: the same fields, values, file and credential from all three."""
    files = [tmp_path / WHEEL_NAME, tmp_path / SDIST_NAME]
    files[0].write_bytes(wheel(metadata=RICH))
    files[1].write_bytes(sdist({"gearbox-1.4.0/gearbox.py": b""}, metadata=RICH))
    async with taking() as taker:
        await sent(taker, files)
        ours, taker.uploads = taker.uploads, []
        assert len(ours) == len(files)
        for name, command in commands(taker.url, files).items():
            code, said = await run(tmp_path, command)
            assert code == 0, said
            theirs, taker.uploads = taker.uploads, []
            assert [meaning(one) for one in theirs] == [meaning(one) for one in ours], name
        assert len(taker.authorizations) == 1
