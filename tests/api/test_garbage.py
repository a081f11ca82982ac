"""The garbage collector passes over what the API imported."""

import os
import subprocess
import sys

from db.settings import ROOT
from tests.servers import SECRET, Database

START = """
import asyncio, gc
from api.app import app

async def start():
    before = gc.get_freeze_count()
    async with app.router.lifespan_context(app):
        print(before, gc.get_freeze_count(), sum(type(one) is type(asyncio) for one in gc.get_objects()))

asyncio.run(start())
"""


def test_what_was_imported_is_frozen_once_the_api_has_started(database: Database) -> None:
    settings = {"ENVIRONMENT": "development", "DATABASE_URL": database.url, "REDIS_URL": "", "SECRET_KEY": SECRET}
    done = subprocess.run(
        [sys.executable, "-c", START], cwd=ROOT, env=os.environ | settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    before, frozen, modules_looked_at = map(int, done.stdout.split())
    assert before == 0
    assert frozen > 10_000
    assert modules_looked_at < 10
