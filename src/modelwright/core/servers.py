"""Servers: which of those that work on one database live.

A server's lease ends by itself. What a server has in hand carries the server's id;
whoever finds an id that is in the book no more may take up what carries it. An id is
never used again, so a change that asks for the id can only be made by its holder.
"""

from typing import Final, Protocol

LEASE_SECONDS: Final = 30.0
"""How long a server is believed to live after it was last heard of."""
BEAT_SECONDS: Final = 2.0
"""How often a server says that it lives, and looks what others did."""


class ServerBook(Protocol):
    """The servers on one database, by the clock of that database."""

    async def enter(self, server: str, seconds: float) -> None:
        """Write down a server, which lives for so many seconds."""
        ...

    async def renew(self, server: str, seconds: float) -> bool:
        """Strike out those whose lease has ended, and let this one live on.

        False when it was struck out itself: what it had in hand is others' by now.
        """
        ...

    async def leave(self, server: str) -> None:
        """Strike a server out."""
        ...

    async def lives(self, server: str) -> bool:
        """Whether a server's lease has not ended."""
        ...
