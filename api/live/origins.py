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
    return host is not None and _same(origin, f"{urlsplit(origin).scheme}://{host}")  # a proxy may have ended TLS


def _same(origin: str, url: str) -> bool:
    place = _place(origin)
    return place is not None and place == _place(url)


def _place(url: str) -> tuple[str, str, int | None] | None:
    """Return scheme, host, port; None where there is no host, as in the origin `null`."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    host = "localhost" if parts.hostname in LOOPBACK else parts.hostname
    return (parts.scheme, host, port) if host else None
