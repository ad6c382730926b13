"""Shown: what dialects' entries for a model have in common, whatever their ids."""

from modelwright.core.card import Card
from modelwright.core.errors import Invalid, NotFound
from modelwright.core.grants import Level, Principal
from modelwright.service.models import Models
from modelwright.service.views import ModelSummary


async def located(
    models: Models, principal: Principal, dialect: str, id: str, *, field: str = "model"
) -> str:
    """The name that an id stands for; what could be neither is absent, as any other."""
    try:
        return await models.aliases.locate(principal, dialect, id, field=field)
    except Invalid:
        raise NotFound("model", id, field=field) from None


def as_asked(key: str, located: str) -> str:
    """The key of a name, with the revision that the located one asks for."""
    _, _, number = located.rpartition("@")
    return f"{key}@{number}" if number.isdigit() and "@" in located else key


class Shown:
    """A model that the caller may know of; an entry says where its summary is."""

    __slots__ = ()

    @property
    def asked(self) -> str:
        """Its key and the revision that was asked for; empty where none was."""
        raise LookupError(type(self).__name__)

    @property
    def summary(self) -> ModelSummary:
        raise LookupError(type(self).__name__)

    @property
    def key(self) -> str:
        """The key of its name, which is the same for all of its revisions."""
        return self.summary.key

    @property
    def name(self) -> str:
        """What the services are told; they change and delete no revision."""
        return self.asked or self.key

    @property
    def card(self) -> Card:
        return self.summary.card

    @property
    def is_legible(self) -> bool:
        """Whether the caller may see what it is made of."""
        return self.summary.level >= Level.READ

    @property
    def is_writable(self) -> bool:
        return self.summary.level >= Level.WRITE
