"""What tells a pooler from a server."""

import psycopg

from db.listen_probe import is_pooled, ring_from_elsewhere
from tests.servers import Database


async def test_a_server_that_answers_itself_is_no_pooler_and_its_ring_is_heard(database: Database) -> None:
    async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as connection:
        assert not await is_pooled(connection)
        await connection.execute("listen probe")
        await ring_from_elsewhere({"conninfo": database.url}, "probe")
        heard = [ring.channel async for ring in connection.notifies(timeout=5, stop_after=1)]
    assert heard == ["probe"]
