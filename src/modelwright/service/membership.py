"""Membership: this server's place among those that work on one database.

It says again and again that it lives, by a lease that ends by itself. Those parts that
have something in hand are told at each beat to look what others did, and when the
lease was lost, that what they have is in their hand no more. Where one process alone
has the database, as with SQLite, there is nothing to say.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from secrets import token_hex
from typing import Protocol

from modelwright.core.errors import ModelwrightError
from modelwright.core.servers import BEAT_SECONDS, LEASE_SECONDS, ServerBook

_LOG = logging.getLogger(__name__)


class Part(Protocol):
    """A part of the server that has things in hand."""

    async def look(self) -> None:
        """Take up what no living server has in hand; heed what others asked for."""
        ...

    def lose(self) -> None:
        """Let go of everything in hand."""
        ...


class Membership:
    """A server among others; without a book it is the only one.

    `lease` and `beat` in seconds: it is taken for dead that long after its last beat.
    """

    def __init__(
        self, book: ServerBook | None = None, *, lease: float = LEASE_SECONDS, beat: float = BEAT_SECONDS
    ) -> None:
        self._book = book
        self._lease = lease
        self._beat = beat
        self._parts: list[Part] = []
        self.id = token_hex(8)
        """What is taken in hand carries it; another one after each loss of the lease."""

    @contextmanager
    def joined(self, part: Part) -> Iterator[None]:
        """Tell a part for as long as it is entered."""
        self._parts.append(part)
        try:
            yield
        finally:
            self._parts.remove(part)

    async def is_another(self, server: str) -> bool:
        """Whether a thing's holder is a server that lives, and not this one."""
        return self._book is not None and server != self.id and await self._book.lives(server)

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None, None]:
        """Be a member while it is entered; by its end nothing may be in hand."""
        if self._book is None:
            yield
            return
        await self._book.enter(self.id, self._lease)
        task = asyncio.create_task(self._live(self._book))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            with suppress(ModelwrightError):  # else the lease ends by itself
                await self._book.leave(self.id)

    async def _live(self, book: ServerBook) -> None:
        renewed = time.monotonic()
        while True:
            await asyncio.sleep(self._beat)
            began = time.monotonic()
            try:
                if not await book.renew(self.id, self._lease):
                    await self._begin_anew(book)
                renewed = began
                for part in self._parts:
                    await part.look()
            except ModelwrightError as error:  # the database is away: the server says so elsewhere
                _LOG.warning("this server could not say that it lives: %s", error)
                if time.monotonic() - renewed >= self._lease:
                    self._lose()
            except Exception:  # a bug of ours must not let a living server be taken for dead
                _LOG.exception("what other servers did")

    async def _begin_anew(self, book: ServerBook) -> None:
        """Go on as another server would: what this one had in hand is others' by now."""
        self._lose()
        fresh = token_hex(8)
        await book.enter(fresh, self._lease)
        self.id = fresh
        _LOG.warning("this server was taken for dead by others, and begins anew")

    def _lose(self) -> None:
        for part in self._parts:
            part.lose()
