"""`make docs`: writes docs/reference from what is true: settings, the catalogue's COMMENTs, OpenAPI.

`--check` writes nothing and exits 1 when a page is not what it would write.
"""

import importlib
import os
import sys
import tempfile
from pathlib import Path

import psycopg

from db import catalogue, embedded
from db.logins import APP, DATABASE, MIGRATOR, ensure_logins
from db.migrate import migrate
from db.settings import ROOT, Settings
from scripts.docs_pages import http_page, settings_page, sql_page

FOLDER = ROOT / "docs" / "reference"


def main() -> None:
    """Write the pages, or compare them."""
    pages = {"settings.md": settings_page(Settings), "sql.md": _sql(), "http.md": http_page(_openapi())}
    checking = "--check" in sys.argv
    stale = [name for name, text in pages.items() if _differs(FOLDER / name, text)]
    for name in stale if not checking else []:
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_text(pages[name], encoding="utf-8")
        print(f"wrote docs/reference/{name}")
    if stale and checking:
        raise SystemExit(f"not up to date, run `make docs`: {', '.join(stale)}")


def _differs(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text(encoding="utf-8") != text


def _sql() -> str:
    """Migrate a database of our own and read its catalogue."""
    with tempfile.TemporaryDirectory() as folder:
        server = embedded.Postgres(Path(folder) / "postgres", embedded.free_port(), "docs", options={"fsync": "off"})
        process = embedded.start(server, Path(folder) / "log")
        try:
            ensure_logins(server.url(), migrator_password="docs", app_password="docs")  # noqa: S106 - gone in a second
            migrate(server.url(MIGRATOR, "docs", DATABASE), app_login=APP)
            with psycopg.connect(server.url(database=DATABASE)) as connection:
                return sql_page(
                    catalogue.functions(connection), catalogue.relations(connection), catalogue.roles(connection)
                )
        finally:
            embedded.stop(process)


def _openapi() -> dict[str, object]:
    """Read the API's description of itself, with settings that no `.env` changes."""
    for name in Settings.model_fields:
        os.environ[name.upper()] = ""
    os.environ |= {"ENVIRONMENT": "development", "DATABASE_URL": "postgresql://docs@127.0.0.1/docs"}
    schema: dict[str, object] = importlib.import_module("api.app").app.openapi()
    return schema


if __name__ == "__main__":
    main()
