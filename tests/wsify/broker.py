"""The memory broker: subscriptions by channel, nothing kept."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any

from channel import Channel


class Subscription:
    def __init__(self) -> None:
        self.messages: Channel[str] = Channel()
        self.done: Channel[None] = Channel()


class Broker:
    def __init__(self) -> None:
        self._subscriptions: dict[str, list[Subscription]] = defaultdict(list)
        self._goroutines: set[asyncio.Task[None]] = set()

    def go(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._goroutines.add(task)
        task.add_done_callback(self._goroutines.discard)
        return task

    def subscribe(self, channel: str) -> Subscription:
        subscription = Subscription()
        self._subscriptions[channel].append(subscription)
        self.go(self._unsubscribe_when_done(channel, subscription))
        return subscription

    def publish(self, channel: str, message: str) -> None:
        for subscription in self._subscriptions[channel]:
            self.go(subscription.messages.send(message))

    def forget(self, subscriptions: list[tuple[str, Subscription]]) -> None:
        """What the end of the request's context does to subscriptions that no one can name any more."""
        for channel, subscription in subscriptions:
            self._end(channel, subscription)

    async def _unsubscribe_when_done(self, channel: str, subscription: Subscription) -> None:
        async for _ in subscription.done:
            self._end(channel, subscription)
            return

    def _end(self, channel: str, subscription: Subscription) -> None:
        if subscription in self._subscriptions[channel]:
            subscription.messages.close()
            self._subscriptions[channel].remove(subscription)
