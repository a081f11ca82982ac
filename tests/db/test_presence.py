from collections.abc import Callable

import pytest

from db.presence import SAME, Kind, Presence


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What was logged so far, without the time it took."""
    return lambda: [record.getMessage().split(" after ")[0] for record in caplog.records]


def test_the_first_part_speaks_for_all_and_the_last_one_says_that_it_is_back(said: Callable[[], list[str]]) -> None:
    presence = Presence()
    presence.lost("pool", "no\nroute")
    presence.lost("pool", "no route")
    presence.lost("heart", "", sentence="no heartbeat", kind=Kind.UNSURE)
    presence.lost("listener", "no route")
    assert said() == ["the database does not answer, trying again: no route"]
    for part in ("heart", "pool"):
        presence.found(part, "this part again")
        assert presence.away()
    assert not presence.away("pool")
    presence.found("listener")
    assert not presence.away()
    assert said() == ["the database does not answer, trying again: no route", "the database is back"]


def test_a_part_that_was_alone_in_trouble_says_so_itself(said: Callable[[], list[str]]) -> None:
    presence = Presence()
    presence.lost("heart", "", sentence="no heartbeat is accepted", kind=Kind.UNSURE)
    presence.found("pool")
    presence.found("heart", "heartbeats are accepted again")
    assert said() == ["no heartbeat is accepted", "heartbeats are accepted again"]


def test_an_attempt_from_before_another_ones_success_proves_nothing(said: Callable[[], list[str]]) -> None:
    presence = Presence()
    presence.found("pool")
    presence.lost("pool", "timed out", since=0.0)
    assert not presence.away()
    assert said() == []


def test_a_connection_that_broke_alone_makes_one_line_and_a_second_time_in_a_row_two(
    said: Callable[[], list[str]],
) -> None:
    presence = Presence()
    presence.broke("listener", "LISTEN", "terminated")
    assert said() == []
    presence.found("listener")
    assert said() == ["LISTEN broke, and is there again: terminated"]
    presence.broke("listener", "LISTEN", "terminated")
    presence.broke("listener", "LISTEN", "terminated")
    presence.found("listener")
    assert said() == [
        "LISTEN broke, and is there again: terminated",
        "LISTEN breaks again and again; polls carry on: terminated",
        "the database is back",
    ]


def test_what_broke_while_the_database_was_away_is_part_of_that(said: Callable[[], list[str]]) -> None:
    presence = Presence()
    presence.lost("pool", "gone")
    presence.broke("listener", "LISTEN", "gone")
    presence.found("listener")
    presence.found("pool")
    assert said() == ["the database does not answer, trying again: gone", "the database is back"]


def test_a_peer_that_the_kernel_gave_up_is_away_at_once(said: Callable[[], list[str]]) -> None:
    presence = Presence()
    presence.broke("listener", "LISTEN", "could not receive data from server: Connection timed out")
    assert presence.away("listener")
    presence.found("listener")
    assert said()[0].startswith("the database does not answer, trying again: could not receive data")
    assert said()[1:] == ["the database is back"]


REFUSAL = "the database refuses statements: no room (53100)"
GONE = "the database does not answer, trying again: no route"


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be moved on."""
    times = [1000.0]
    monkeypatch.setattr("db.presence.time.monotonic", lambda: times[0])
    return times


def test_troubles_of_different_kinds_do_not_hide_one_another(said: Callable[[], list[str]], now: list[float]) -> None:
    presence = Presence()
    presence.refused("enqueue", "no room", "53100")
    presence.lost("listener", "no route")
    presence.lost("pool", "no route")
    presence.refused("enqueue", "it is read-only", "25006")
    assert said() == [REFUSAL, GONE, "the database refuses statements: it is read-only (25006)"]
    presence.found("pool")
    presence.found("listener")
    assert said()[3:] == ["the database answers again"]
    now[0] += 31
    presence.served("enqueue")
    assert said()[4:] == ["the database serves all statements again"] * 2
    assert not presence.away()


def test_no_heartbeat_and_no_answer_are_one_trouble_if_they_begin_together(
    said: Callable[[], list[str]], now: list[float]
) -> None:
    presence = Presence()
    presence.lost("heart", "", sentence="no heartbeat", kind=Kind.UNSURE)
    now[0] += SAME / 2
    presence.lost("listener", "no route")
    now[0] += SAME
    presence.lost("listener", "no route")
    presence.found("listener")
    presence.found("heart", "heartbeats again")
    assert said() == ["no heartbeat", "heartbeats again"]
    presence.lost("heart", "", sentence="no heartbeat", kind=Kind.UNSURE)
    now[0] += SAME + 1
    presence.lost("listener", "no route")
    presence.found("listener")
    presence.found("heart", "heartbeats again")
    assert said()[2:] == ["no heartbeat", GONE, "the database answers again", "heartbeats again"]


def test_connections_that_end_again_and_again_do_not_hide_that_there_are_none(said: Callable[[], list[str]]) -> None:
    presence = Presence()
    presence.broke("listener", "LISTEN", "terminated")
    presence.broke("listener", "LISTEN", "terminated")
    presence.lost("listener", "no route")
    assert said() == ["LISTEN breaks again and again; polls carry on: terminated", GONE]


def test_refused_statements_are_told_once_until_each_of_them_succeeds_and_none_is_refused_for_a_while(
    said: Callable[[], list[str]], now: list[float]
) -> None:
    presence = Presence()
    presence.refused("complete", "no room", "53100")
    for _ in range(20):
        presence.refused("enqueue", "no room", "53100")
        now[0] += 5
        presence.served("enqueue")  # a small one still fits
    now[0] += 31
    presence.served("enqueue")
    assert presence.away(), "nobody has seen it complete anything yet"
    presence.served("complete")
    assert not presence.away()
    assert said() == [REFUSAL, "the database serves all statements again"]
    presence.refused("complete", "no room", "53100")
    presence.refused("cancel", "no room", "53100")
    now[0] += 61
    presence.served("complete")
    assert not presence.away(), "that nobody cancels anything more proves nothing, another success something"


def test_what_only_reads_proves_nothing_of_what_was_refused(said: Callable[[], list[str]], now: list[float]) -> None:
    presence = Presence()
    presence.refused("cancel", "no room", "53100")
    for _ in range(100):
        now[0] += 5.9
        presence.served("poll")
    assert said() == [REFUSAL]
    now[0] += 20
    presence.served("poll")
    assert said() == [REFUSAL, "the database has refused nothing for 10 min"]
