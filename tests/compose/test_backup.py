"""docs/how-to/backup.md, to the letter. An older release's dump: tests/db/test_restore.py."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from db.settings import ROOT
from tests.compose.stack import Stack

WAIT = {"Prefer": "wait=20"}
PAGE = (ROOT / "docs/how-to/backup.md").read_text()
BACK_UP, _REHEARSAL, RESTORE, RESUME = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)


def test_a_backup_is_restored_and_its_tasks_go_on(stack: Stack, tmp_path: Path) -> None:
    with stack.operator() as client:
        done = client.post("/api/tasks", json={"task": "echo", "payload": {"a": 1}}, headers=WAIT, timeout=30).json()
        later = {"task": "echo", "run_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
        waiting = client.post("/api/tasks", json=later).json()
    stack.run("sh", "-e", "-c", BACK_UP, cwd=tmp_path)

    stack.compose("down", "--volumes", "--timeout", "30")
    stack.run("sh", "-e", "-c", RESTORE, cwd=tmp_path)

    with stack.operator() as client:
        assert client.get(f"/api/tasks/{done['id']}").json()["result"] == {"a": 1}
        stack.sql(f"select taskbell.reschedule('{waiting['id']}')")
        held = client.get(f"/api/tasks/{waiting['id']}", headers={"Prefer": "wait=4"}).json()
        assert held["status"] == "queued"  # all is paused
        stack.run("sh", "-e", "-c", RESUME)
        ended = client.get(f"/api/tasks/{waiting['id']}", headers=WAIT, timeout=30).json()
        assert ended["status"] == "succeeded"
