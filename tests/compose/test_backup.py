"""docs/how-to/backup.md, to the letter."""

from datetime import UTC, datetime, timedelta

from tests.compose.stack import Stack

WAIT = {"Prefer": "wait=20"}


def test_a_backup_is_restored_and_its_tasks_go_on(stack: Stack) -> None:
    with stack.operator() as client:
        done = client.post("/api/tasks", json={"task": "echo", "payload": {"a": 1}}, headers=WAIT, timeout=30).json()
        later = {"task": "echo", "run_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
        waiting = client.post("/api/tasks", json=later).json()
    dump = stack.pipe("exec", "-T", "postgres", "pg_dump", "-U", "postgres", "-Fc", "taskbell")

    stack.compose("down", "--volumes", "--timeout", "30")
    stack.up("postgres")
    stack.compose("run", "--rm", "migrate")
    restore = ["pg_restore", "-U", "postgres", "-d", "taskbell", "--clean", "--if-exists", "--exit-on-error"]
    stack.pipe("exec", "-T", "postgres", *restore, stdin=dump)
    stack.sql("select taskbell.pause()")
    stack.up()

    with stack.operator() as client:
        assert client.get(f"/api/tasks/{done['id']}").json()["result"] == {"a": 1}
        stack.sql(f"select taskbell.reschedule('{waiting['id']}')")
        held = client.get(f"/api/tasks/{waiting['id']}", headers={"Prefer": "wait=4"}).json()
        assert held["status"] == "queued"  # all is paused
        stack.sql("select taskbell.resume()")
        ended = client.get(f"/api/tasks/{waiting['id']}", headers=WAIT, timeout=30).json()
        assert ended["status"] == "succeeded"
