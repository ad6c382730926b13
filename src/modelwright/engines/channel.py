"""Channel: requests to one engine child, and the watch over it.

Knows HTTP, and how a child dies; what is asked, and what an answer means, is for
others to know.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

import orjson

from modelwright.core.chat import ChatEvent, Done
from modelwright.core.errors import Unavailable
from modelwright.engines.answers import EventLines, refusal, tree_of
from modelwright.engines.exchange import Address, ConnectionBroken, Exchange
from modelwright.engines.launch import death_text
from modelwright.worker.process import Worker

Read: TypeAlias = Callable[[Mapping[str, Any]], Sequence[ChatEvent]]
"""What a payload of a stream says."""


_AT_ONCE: Final = 0.5
"""Seconds within which an engine that has nothing to do answers, also on a busy machine."""


class Channel:
    """The way to a child; whoever still reads an answer when it ends gets Unavailable.

    A watchdog kills a child that neither sends a byte nor answers /health for
    `watchdog_seconds` (perhaps infinite) while somebody waits for it.
    """

    def __init__(self, worker: Worker, address: Address, watchdog_seconds: float) -> None:
        self._worker = worker
        self._address = address
        self._exchanges: set[Exchange] = set()
        self._fault = ""
        self._patience = watchdog_seconds
        self._watchdog = asyncio.create_task(self._watch())
        self._worker.exited.add_done_callback(self._break_exchanges)

    @property
    def pid(self) -> int:
        return self._worker.pid

    @property
    def exited(self) -> "asyncio.Future[int]":
        """Done when the process has ended, whatever ended it."""
        return self._worker.exited

    async def ask(self, path: str, body: Mapping[str, Any]) -> Any:
        """Post a tree and read one; raises the engine's refusal."""
        async with self._exchange(path, body) as exchange:
            return orjson.loads(await exchange.body())

    async def stream(self, path: str, body: Mapping[str, Any], read: Read) -> AsyncGenerator[ChatEvent, None]:
        """Post a tree and read until Done; leaving early stops the engine's work."""
        lines = EventLines()
        async with self._exchange(path, body) as exchange, aclosing(exchange.pieces()) as pieces:
            async for piece in pieces:
                for payload in lines.feed(piece):
                    for event in read(payload):
                        yield event
                        if isinstance(event, Done):
                            return
        raise Unavailable("the engine ended its answer without saying why")

    async def is_idle(self) -> bool:
        """Whether the child says, at once, that no slot has work; a busy one is silent."""
        try:
            async with asyncio.timeout(_AT_ONCE):
                exchange = await Exchange.start(self._address, "GET", "/slots")
                try:
                    slots = orjson.loads(await exchange.body())
                finally:
                    exchange.close()
        except (TimeoutError, ConnectionBroken):
            return False
        return not any(slot["is_processing"] for slot in slots)

    def kill(self) -> None:
        """End the child now."""
        self._worker.kill()

    async def close(self, grace: float) -> None:
        """End the child within so many seconds."""
        if not self.exited.done():
            self._fault = "it was unloaded"
        self._watchdog.cancel()
        await self._worker.terminate(grace)

    @asynccontextmanager
    async def _exchange(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[Exchange, None]:
        """A request whose answer is good; leaving early stops the engine's work."""
        exchange: Exchange | None = None
        try:
            exchange = await Exchange.start(self._address, "POST", path, orjson.dumps(body))
            self._exchanges.add(exchange)
            status = await exchange.status()
            if status != 200:
                raise refusal(status, tree_of(await exchange.body()))
            yield exchange
        except ConnectionBroken as error:
            raise await self._death(error) from error
        finally:
            if exchange is not None:
                self._exchanges.discard(exchange)
                exchange.close()

    def epitaph(self) -> Unavailable:
        """Why the process ended, as far as is known by now."""
        fault = f": {self._fault}" if self._fault else death_text(self._worker, self._worker.stderr_tail())
        return Unavailable(f"the engine stopped while answering{fault}", hint="Try again, it starts anew")

    async def _death(self, error: ConnectionBroken) -> Unavailable:
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._worker.last_words()
        if self._worker.exit_code is None:
            return Unavailable(f"the engine broke off its answer: {error}")
        return self.epitaph()

    def _break_exchanges(self, _: "asyncio.Future[int]") -> None:
        for exchange in tuple(self._exchanges):
            exchange.close("the engine ended")

    async def _watch(self) -> None:
        """Kill the child when it is silent for too long while it has work."""
        time = asyncio.get_running_loop().time
        while not math.isinf(self._patience):
            await asyncio.sleep(self._patience / 4)
            heard = max((exchange.heard for exchange in self._exchanges), default=time())
            if time() - heard > self._patience / 2 and not await self._is_well():
                self._fault = f"it did not respond for {self._patience:g} s and was killed"
                self._worker.kill()
                return

    async def _is_well(self) -> bool:
        try:
            async with asyncio.timeout(self._patience / 2):
                exchange = await Exchange.start(self._address, "GET", "/health")
                try:
                    return await exchange.status() in (200, 503)  # 503: it loads anew after a sleep
                finally:
                    exchange.close()
        except (TimeoutError, ConnectionBroken):
            return False
