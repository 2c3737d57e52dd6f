"""What settings say of figures and traces: what hosts are called, and where traces go.

Knows: settings. Must not know: OpenTelemetry (that is `bot.otel`, loaded where it is wanted), what is told of.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit
from uuid import UUID

from bot import tracing
from bot.errors import SettingsError
from bot.settings import Settings

MISSING = (
    "SHIPBELL_OTLP_URL is set, and OpenTelemetry is not installed; install `shipbell[otel]`, or unset it."
)


def names(settings: Settings) -> dict[str, str]:
    """Return what hosts are called in figures: `forge`, `index:NAME`; all others are called `other`."""
    found = {
        _host(url): f"index:{name}"
        for name, site in settings.indexes.items()
        for url in (site.url, site.upload_url, site.simple_url)
    }
    return found | {_host(url): "forge" for url in (settings.github_web_url, settings.github_api_url)}


def _host(url: str) -> str:
    """Return the address's host, with its port where it is not the scheme's usual one."""
    parts = urlsplit(url)
    usual = parts.port in {None, {"https": 443, "http": 80}.get(parts.scheme)}
    return (parts.hostname or "") + ("" if usual else f":{parts.port}")


@asynccontextmanager
async def recording(settings: Settings, process: UUID) -> AsyncIterator[None]:
    """Send traces to the collector that the settings name, if they do; SettingsError where the extra is missing."""
    if not settings.otlp_url:
        yield
        return
    try:
        from bot import otel  # noqa: PLC0415 - only who wants traces has it, and pays for loading it
    except ImportError as error:
        raise SettingsError([MISSING]) from error
    made = otel.provider(otel.exporter(settings.otlp_url), str(process))
    tracing.use(otel.Otel(made.get_tracer("shipbell")))
    try:
        yield
    finally:
        tracing.use(None)
        await asyncio.to_thread(made.shutdown)
