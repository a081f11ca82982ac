"""Whose pages may open a websocket: browsers let any site try, so the server has to look at Origin."""

from urllib.parse import urlsplit

from db.settings import Settings

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
LOOPBACK = ("127.0.0.1", "::1")  # one machine under three names


def allowed(origin: str | None, host: str | None, settings: Settings) -> bool:
    """Tell whether a page of this origin may connect.

    No origin: no browser, so yes. Our own is what the browser asked for (`host`), or PUBLIC_URL.
    """
    if origin is None:
        return True
    if origin in settings.allowed_origins or _same(origin, settings.public_url):
        return True
    return host is not None and _netloc(origin) == _netloc(f"{urlsplit(origin).scheme}://{host}")


def _same(origin: str, url: str) -> bool:
    return urlsplit(origin).scheme == urlsplit(url).scheme and _netloc(origin) == _netloc(url)


def _netloc(url: str) -> tuple[str, int | None] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    host = "localhost" if parts.hostname in LOOPBACK else parts.hostname
    return (host, port) if host else None
