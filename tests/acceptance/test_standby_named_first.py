"""An address with several hosts, the standby first: whoever writes finds the primary."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psycopg

from db import startup
from db.beating import worker_beats
from db.settings import ROOT
from tests.acceptance.own_servers import OwnPostgres
from tests.admin_site.conftest import environment
from tests.servers import Processes

ADA = {"DJANGO_SUPERUSER_USERNAME": "ada", "DJANGO_SUPERUSER_PASSWORD": "geheim", "DJANGO_SUPERUSER_EMAIL": ""}


def run(env: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout.strip()


def test_every_part_finds_the_one_that_takes_writes(
    own_postgres: OwnPostgres, processes: Processes, tmp_path: Path
) -> None:
    database = own_postgres.database
    with own_postgres.replica(tmp_path / "replica") as replica:
        here, first = f":{own_postgres.port}/", f":{replica.port},127.0.0.1:{own_postgres.port}/"
        both, to_migrate = database.url.replace(here, first), database.migrate_url.replace(here, first)
        env = environment(database) | {"DATABASE_URL": both, "MIGRATE_DATABASE_URL": to_migrate}
        with psycopg.connect(replica.url, autocommit=True) as standby:
            standby.execute("select pg_wal_replay_pause()")  # what is written from now on is not to be read there
        database.connect("superuser").execute("delete from taskbell.migration where name = 'functions/why.sql'")
        assert "applied functions/why.sql" in run(env, "-m", "db.migrate")
        run(env, "-m", "admin_site.migrate")
        run(env | ADA, "-m", "admin_site.manage", "createsuperuser", "--noinput")
        assert startup.admin_user_exists(both)
        assert run(env, "-m", "scripts.psql", "--no-psqlrc", "-qtA", "-c", "select pg_is_in_recovery()") == "f"
        processes.worker(database, DATABASE_URL=both)
        assert worker_beats(both, socket.gethostname())
        base = processes.admin(database, DATABASE_URL=both)
        with httpx.Client(base_url=base, follow_redirects=True, trust_env=False) as browser:
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.get("/admin/login/").text)
            assert token
            entry = {"username": "ada", "password": "geheim", "csrfmiddlewaretoken": token[1]}
            browser.post(
                "/admin/login/", data=entry, headers={"Referer": base}
            ).raise_for_status()  # which is written down
            assert "/admin/logout/" in browser.get("/admin/").text
