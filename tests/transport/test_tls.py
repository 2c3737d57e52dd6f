"""Certificates: what is trusted, and for which name."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.errors import Unreachable
from bot.transport import Transport
from bot.wire import Request
from tests.transport.servers import leading_to

SECRET = "marked-77aa0e"
INSIDE = leading_to("127.0.0.1")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Give a certificate and its key in one file, for index.example, vouched for by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "index.example")])
    names = x509.SubjectAlternativeName(
        [x509.DNSName("index.example"), x509.IPAddress(ip_address("127.0.0.2"))]
    )
    now = datetime.now(UTC)  # noqa: TID251 - TLS goes by the machine's clock
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path / "both.pem"
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return file


class Https:
    """A server that speaks TLS and counts what it was asked."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.names: list[str | None] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def https(certificate: Path) -> AsyncIterator[Https]:
    """Give a running server with that certificate."""
    there = Https()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, name, _context: there.names.append(name)
    listener = await asyncio.start_server(there.serve, "127.0.0.1", 0, ssl=context)
    there.port = listener.sockets[0].getsockname()[1]
    yield there
    listener.close()


async def test_a_certificate_that_nobody_vouches_for_is_refused(https: Https) -> None:
    """To a server whose certificate does not verify nothing is sent."""
    async with Transport(allow_private_addresses=True, resolver=INSIDE) as transport:
        with pytest.raises(Unreachable, match="certificate does not verify"):
            await transport.send(
                Request("POST", f"https://index.example:{https.port}/", {"Authorization": f"Token {SECRET}"})
            )
    assert https.requests == []


async def test_an_authority_of_ones_own_is_trusted(
    https: Https, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE names the authorities; the name that is verified is the host's, not the address's."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with Transport(allow_private_addresses=True, resolver=INSIDE) as transport:
        assert (await transport.send(Request("POST", f"https://index.example:{https.port}/"))).status == 200
    assert https.names == ["index.example"]


async def test_a_certificate_for_another_name_is_refused(
    https: Https, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trusted certificate of another host opens nothing."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with Transport(allow_private_addresses=True, resolver=INSIDE) as transport:
        with pytest.raises(Unreachable, match="certificate does not verify"):
            await transport.send(Request("POST", f"https://other.example:{https.port}/"))
    assert https.requests == []


async def test_plain_http_on_the_port_is_told() -> None:
    """A server that does not speak TLS is Unreachable, and gets nothing readable."""
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65_536))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with Transport(allow_private_addresses=True, resolver=INSIDE) as transport:
        with pytest.raises(Unreachable, match="TLS failed"):
            await transport.send(
                Request("POST", f"https://x.example:{port}/", {"Authorization": f"Token {SECRET}"})
            )
    listener.close()
    assert SECRET.encode() not in b"".join(heard)
