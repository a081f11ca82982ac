"""How long an idle system takes: SQL enqueue to handler to its result heard, and POST to websocket message."""

import contextlib
import http.client
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
from websockets.sync.client import ClientConnection, connect

from tests.benchmarks import bare_worker, rates
from tests.benchmarks.figure import Figure, middle, quantiles
from tests.benchmarks.stage import KEY, SETTLE, Place, Stage
from tests.benchmarks.stage import connect as connect_to

PACE = 0.02  # seconds between two rounds: an idle system
RATE = 200  # tasks a second, for the p99
TURNS = 5  # the ways take turns, so that what else the machine does meets all of them
WARM_UP = 10  # rounds of each turn that are not counted
# Listening starts in the commit that enqueues, so that nothing rings unheard and no further round trip is measured.
PREPARE = """
create function public.enqueue_and_listen(queue text) returns uuid language plpgsql as $$
declare v_id uuid := taskbell.enqueue('stamp', queue => enqueue_and_listen.queue);
begin
  execute format('listen %I', 'task_' || replace(v_id::text, '-', ''));
  return v_id;
end $$;
create table public.floor (n int);
"""
BARE = "bare round trip"  # see bare_worker.py
BARE_CLAIM = "bare insert → claimed"  # the first half of it
HANDLER = "SQL enqueue → handler"
AT_RATE = f"POST → websocket message at {RATE} tasks a second"
BARE_AT_RATE = f"{BARE} at {RATE} a second"
Rounds = tuple[list[float], list[float]]


def measure(stage: Stage, rounds: int, repeats: int, seconds: float) -> list[Figure]:
    """Return p50 and p99 of each way, beside a bare round trip of three commits at the same pace on the same database."""
    found: dict[str, list[tuple[float, float]]] = {}
    reached: list[float] = []
    for _ in range(repeats):
        with stage.place() as place:
            measured, rate = _once(place, rounds, seconds)
            reached.append(rate)
            for name, taken in measured.items():
                found.setdefault(name, []).append(quantiles(taken))
    goals: dict[str, dict[str, Any]] = {
        HANDLER: {"at_most": 2.5},
        "SQL enqueue → result heard": {"at_most": 3.2},
        "POST → websocket message": {"at_most": 6.0, "ratio_at_most": 4.0},
    }
    floors = dict.fromkeys(goals, BARE) | {HANDLER: BARE_CLAIM, AT_RATE: BARE_AT_RATE}
    figures = []
    for name, pairs in found.items():
        floor = floors.get(name)
        for place_of, quantile in enumerate(("p50", "p99")):
            more: dict[str, Any] = {}
            if floor:
                more = {"floor_name": floor, "floor": [pair[place_of] for pair in found[floor]]}
            if quantile == "p50":
                more |= goals.get(name, {})
            elif name == AT_RATE:
                more |= {"at_most": 15.0, "note": f"{middle(reached):,.0f} a second were reached"}
            figures.append(Figure("Latency", f"{name}, {quantile}", "ms", [pair[place_of] for pair in pairs], **more))
    return figures


def _once(place: Place, rounds: int, seconds: float) -> tuple[dict[str, list[float]], float]:
    """Return the seconds of each round by way, and the rate that was reached of the one that has a rate."""
    place.sql.execute(PREPARE)
    place.sql.execute("grant all on table public.floor to public")
    place.know("stamp")
    place.worker()
    base, _ = place.api()
    time.sleep(SETTLE)
    place.app.prepare_threshold = 0

    def three_commits() -> None:
        for _ in range(3):
            place.app.execute("insert into public.floor values (1)")

    place.sql.execute(bare_worker.TABLES)
    found: dict[str, list[float]] = {}
    for _ in range(TURNS):
        each = rounds // TURNS
        claimed, back = bare_round_trips(place, each)
        handled, heard = by_sql(place, each)
        for name, taken in {
            "three commits, nothing else": _paced(three_commits, each),
            BARE_CLAIM: claimed,
            BARE: back,
            HANDLER: handled,
            "SQL enqueue → result heard": heard,
            "POST → websocket message": by_http(base, each),
        }.items():
            found.setdefault(name, []).extend(taken)
    found[BARE_AT_RATE] = rates.bare(place, RATE, seconds)
    found[AT_RATE], rate = rates.ours(base, RATE, seconds)
    return found, rate


def bare_round_trips(place: Place, rounds: int) -> Rounds:
    """Return the seconds from a bare insert to its claim, and to the hearing of its end, in three commits by two processes."""
    client = connect_to(place.database.url)
    client.execute("listen bare_done")
    sent: list[float] = []

    def there_and_back() -> None:
        sent.append(time.monotonic())
        client.execute(bare_worker.SEND)
        assert list(client.notifies(timeout=10, stop_after=1)), "nothing came back"

    with bare_worker.started(place.database.url), client:
        back = _paced(there_and_back, rounds)
        newest = "select claimed from public.bare_done order by id desc limit %s"
        claimed = [row[0] for row in client.execute(newest, [rounds]).fetchall()]
    return [at - began for at, began in zip(claimed, reversed(sent), strict=False)], back


def by_sql(place: Place, rounds: int) -> Rounds:
    """Return the seconds from the call of enqueue to the handler, and to its result heard."""
    waiter = psycopg.connect(place.database.url, autocommit=True, prepare_threshold=0)
    started: list[float] = []
    heard: list[float] = []
    ids = []
    for _ in range(rounds + WARM_UP):
        time.sleep(PACE)
        began = time.monotonic()
        row = waiter.execute("select public.enqueue_and_listen('default')").fetchone()
        assert row
        for ring in waiter.notifies(timeout=10):
            if '"succeeded"' in ring.payload:
                break
        else:
            raise AssertionError(f"{row[0]} was not heard of")
        heard.append(time.monotonic() - began)
        started.append(began)
        ids.append(row[0])
        waiter.execute("unlisten *")
    waiter.close()
    query = "select id, result::text::float8 from taskbell.finished where id = any(%s)"
    ran = dict(place.sql.execute(query, [ids]).fetchall())
    handled = [ran[id_] - began for id_, began in zip(ids, started, strict=True)]
    return handled[WARM_UP:], heard[WARM_UP:]


def by_http(base: str, rounds: int) -> list[float]:
    """Return the seconds from a POST to the websocket message that its task has succeeded."""
    with _client(base) as (client, socket):
        return _paced(lambda: _post_and_hear(client, socket), rounds)


@contextlib.contextmanager
def _client(base: str) -> Iterator[tuple[http.client.HTTPConnection, ClientConnection]]:
    address = urlsplit(base)
    client = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
    with connect(f"{base.replace('http', 'ws', 1)}/ws", compression=None, ping_interval=None, proxy=None) as socket:
        yield client, socket
    client.close()


def _post_and_hear(client: http.client.HTTPConnection, socket: ClientConnection) -> None:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    client.request("POST", "/api/tasks", b'{"task": "stamp"}', headers)
    answer = json.loads(client.getresponse().read())
    join = {"command": "join", "args": {"channel": answer["id"], "token": answer["token"]}}
    socket.send(json.dumps(join))
    while json.loads(socket.recv(timeout=10))["status"] != "succeeded":
        pass


def _paced(act: Callable[[], None], rounds: int) -> list[float]:
    """Return how long each act takes, with a rest between two."""
    times = []
    for _ in range(rounds + WARM_UP):
        time.sleep(PACE)
        began = time.monotonic()
        act()
        times.append(time.monotonic() - began)
    return times[WARM_UP:]
