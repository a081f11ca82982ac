"""An event for one who waits."""

import asyncio

import pytest

from api.news import News


async def test_who_waits_goes_on_when_it_is_told() -> None:
    news = News()
    waiting = asyncio.create_task(news.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    news.tell()
    news.tell()
    news.clear()  # taken before it came to its turn: it was told all the same
    async with asyncio.timeout(1):
        await waiting


async def test_news_that_has_come_is_not_waited_for_until_it_is_taken() -> None:
    news = News()
    news.tell()
    async with asyncio.timeout(1):
        await news.wait()
        await news.wait()
    news.clear()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await news.wait()


async def test_one_waits_at_a_time_and_another_after_it_gave_up() -> None:
    news = News()
    waiting = asyncio.create_task(news.wait())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="already"):
        await news.wait()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    again = asyncio.create_task(news.wait())
    await asyncio.sleep(0)
    news.tell()
    async with asyncio.timeout(1):
        await again
