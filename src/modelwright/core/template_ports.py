"""Port of model templates: what the services need to remember them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from modelwright.core.model_template import StoredTemplate


@dataclass(frozen=True, slots=True)
class Audience:
    """Whose templates are wanted: one's own, and what is shared in one's account.

    `everything` is for an admin.
    """

    id: str
    account: str = ""
    everything: bool = False


@dataclass(frozen=True, slots=True)
class TemplateRevision:
    """A line of a template's history."""

    number: int
    digest: str
    author: str
    message: str
    created_at: datetime


class TemplateBook(Protocol):
    """Templates with their revisions; every call is one transaction."""

    async def add(self, stored: StoredTemplate, message: str = "") -> None: ...

    async def find(self, template: str, revision: int | None = None) -> StoredTemplate | None:
        """One by its id, also one that was deleted where a revision of it is asked for."""
        ...

    async def list_templates(
        self, audience: Audience, *, name: str = "", account: str | None = None
    ) -> Sequence[StoredTemplate]:
        """The last changed first; `name` in any case, `account` those of one alone."""
        ...

    async def append(self, stored: StoredTemplate, message: str = "") -> StoredTemplate:
        """Add a revision after the last one; the number in `stored` does not count."""
        ...

    async def history(self, template: str) -> Sequence[TemplateRevision]:
        """The oldest first."""
        ...

    async def delete(self, template: str, at: datetime) -> bool:
        """Take it out of sight; what was made of it remembers its revisions."""
        ...
