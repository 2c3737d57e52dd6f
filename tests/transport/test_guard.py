"""What is never sent, and where nobody is led."""

import pytest

from bot.errors import Unreachable
from bot.transport import Transport
from bot.wire import Request
from tests.transport.servers import answer, leading_to, serving

SECRET = "marked-5f0e1c"
OK = answer(200, b"{}")


@pytest.mark.parametrize(
    ("url", "headers", "method"),
    [
        ("https://x.example/", {"A": "b\r\nC: d"}, "GET"),
        ("https://x.example/", {"A": "b\n"}, "GET"),
        ("https://x.example/", {"A": "b\x00"}, "GET"),
        ("https://x.example/", {"A\r\nB": "c"}, "GET"),
        ("https://x.example/", {"A b": "c"}, "GET"),
        ("https://x.example/", {"": "c"}, "GET"),
        ("https://x.example/", {"A": "ü"}, "GET"),
        ("https://x.example/", {"Host": "elsewhere"}, "GET"),
        ("https://x.example/", {"transfer-encoding": "chunked"}, "GET"),
        ("https://x.example/", {}, "GET / HTTP/1.1\r\nA: b\r\n\r\nGET"),
        ("https://x.example/a\r\nb", {}, "GET"),
        ("https://user:pass@x.example/", {}, "GET"),
        ("http://x.example/", {}, "GET"),
        ("ftp://x.example/", {}, "GET"),
        ("file:///etc/passwd", {}, "GET"),
        ("//x.example/", {}, "GET"),
        ("", {}, "GET"),
        ("https:///", {}, "GET"),
        ("https://[::1", {}, "GET"),
        ("https://xn--/", {}, "GET"),
    ],
)
async def test_nothing_malformed_is_sent(url: str, headers: dict[str, str], method: str) -> None:
    """Header injection, odd schemes and credentials in addresses are Unreachable before any name is looked up."""
    asked: list[str] = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    async with Transport(resolver=resolver) as transport:
        with pytest.raises(Unreachable) as caught:
            await transport.send(Request(method, url, headers))
    assert asked == []
    assert "pass" not in str(caught.value)


async def test_header_names_and_secrets_stay_out_of_errors() -> None:
    """A token with a line break is refused without being shown."""
    async with Transport() as transport:
        with pytest.raises(Unreachable) as caught:
            await transport.send(
                Request("POST", "https://x.example/", {"Authorization": f"Token {SECRET}\n"})
            )
    assert SECRET not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "2130706433", "0x7f000001", "0x7f.1", "127.1", "017700000001", "0", "0.0.0.0",
        "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.100.100.200",
        "168.63.129.16", "[fd00:ec2::254]", "[fe80::1]", "224.0.0.1", "255.255.255.255", "[ff02::1]", "[fec0::1]",
    ],
)  # fmt: skip
async def test_private_addresses_are_refused_in_every_spelling(host: str) -> None:
    """No spelling of a loopback, private, link-local, metadata or multicast address is connected to."""
    async with Transport() as transport:
        with pytest.raises(Unreachable, match=r"not public|no such host"):
            await transport.send(Request("POST", f"https://{host}/", timeout=5))


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["::1"], ["nonsense"], []]
)
async def test_a_name_that_leads_inside_is_refused(addresses: list[str]) -> None:
    """One address of a name that is not public is enough to refuse the name."""
    async with Transport(resolver=leading_to(*addresses)) as transport:
        with pytest.raises(Unreachable):
            await transport.send(Request("POST", "https://inside.example/", timeout=5))


async def test_a_name_is_looked_up_once_and_that_address_is_connected_to() -> None:
    """The address that was checked is the one that is used: a second answer of the name server is never asked for."""
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["203.0.113.1"]

    async with (
        serving(OK) as server,
        Transport(allow_private_addresses=True, resolver=rebinding) as transport,
    ):
        got = await transport.send(Request("POST", f"http://rebind.example:{server.port}/"))
        assert got.status == 200
        assert f"Host: rebind.example:{server.port}\r\n".encode() in server.requests[0]
    assert asked == ["rebind.example"]


async def test_another_address_is_tried() -> None:
    """Where a name's first address refuses, the next one is used."""
    async with (
        serving(OK) as server,
        Transport(allow_private_addresses=True, resolver=leading_to("127.0.0.9", "127.0.0.1")) as transport,
    ):
        assert (await transport.send(Request("POST", f"http://two.example:{server.port}/"))).status == 200


async def test_a_redirect_to_elsewhere_is_only_told() -> None:
    """A 307 to a private address is an answer; nobody goes there, and no token does."""
    async with serving(OK) as inside, serving(answer(307, headers={"Location": inside.url})) as server:
        async with Transport(allow_private_addresses=True) as transport:
            got = await transport.send(Request("POST", server.url, {"Authorization": f"Token {SECRET}"}))
        assert got.headers["location"] == inside.url
        assert inside.requests == []
