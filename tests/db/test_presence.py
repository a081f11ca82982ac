from collections.abc import Callable

import pytest

from db.presence import Presence


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What was logged so far, without the time it took."""
    return lambda: [record.getMessage().split(" after ")[0] for record in caplog.records]


def test_the_first_part_speaks_for_all_and_the_last_one_says_that_it_is_back(said: Callable[[], list[str]]) -> None:
    presence = Presence()
    presence.lost("pool", "no\nroute")
    presence.lost("pool", "no route")
    presence.lost("heart", "", sentence="no heartbeat")
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
    presence.lost("heart", "", sentence="no heartbeat is accepted")
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


def test_refused_statements_are_told_once_until_each_of_them_succeeds(
    said: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("db.presence.time.monotonic", lambda: now)
    presence = Presence()
    refusal = "the database refuses statements: no room (53100)"
    presence.refused("complete", "no room (53100)")
    presence.refused("enqueue", "no room (53100)")
    presence.served("enqueue")  # a small one still fits
    now += 3
    presence.served("poll")
    assert presence.away(), "nobody has seen it complete anything yet"
    presence.served("complete")
    assert not presence.away()
    assert said() == [refusal, "the database serves all statements again"]
    presence.refused("cancel", "no room (53100)")
    now += 61
    presence.served("poll")
    assert not presence.away(), "what nobody tries again is forgotten"
    assert said() == [refusal, "the database serves all statements again"] * 2
