"""Who acts. Knows nothing of keys, carriers or tables.

So far there is one principal, the local admin of a server that only this
machine can reach.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Principal:
    """A user, service account or group that acts; `name` signs revisions."""

    name: str


LOCAL_ADMIN: Final = Principal("local")
"""Whoever can reach a keyless server on the loopback address."""
