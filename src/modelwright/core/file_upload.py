"""File uploads: a file that comes in parts, and the book of those.

Knows no wire and no bytes: a part is a blob's digest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from modelwright.core.digest import Digest

UploadState: TypeAlias = Literal["pending", "completed", "cancelled", "expired"]


@dataclass(frozen=True, slots=True)
class FileUpload:
    """A file to come; `size` in bytes as announced, `file` the dataset it became.

    `keep_seconds`: how long that one is to be kept, None = for ever.
    """

    id: str
    owner: str
    name: str
    purpose: str
    size: int
    media_type: str
    created_at: datetime
    expires_at: datetime
    state: UploadState = "pending"
    keep_seconds: int | None = None
    file: str = ""


@dataclass(frozen=True, slots=True)
class UploadPart:
    """A piece of a file to come; in which order is said at the end."""

    id: str
    upload: str
    digest: Digest
    size: int
    created_at: datetime


class UploadBook(Protocol):
    """Which uploads there are, and their parts."""

    async def add(self, upload: FileUpload) -> None: ...

    async def find(self, upload: str) -> FileUpload | None: ...

    async def end(self, upload: FileUpload) -> bool:
        """Write how a pending upload ended; False when it is not pending any more."""
        ...

    async def add_part(self, part: UploadPart) -> None: ...

    async def parts(self, upload: str) -> Sequence[UploadPart]: ...
