"""Rights: everything about who may what, in one value, built in one place."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex
from types import MappingProxyType
from typing import Final

from modelwright.core.audit import AuditLog
from modelwright.core.leases import LeaseBook
from modelwright.core.people import People
from modelwright.core.ports import Clock
from modelwright.core.sharing import Grants
from modelwright.service.access import Access
from modelwright.service.accounts import Accounts
from modelwright.service.audit import Audit, Ledger
from modelwright.service.counts import SharedCounts
from modelwright.service.particulars import Particulars
from modelwright.service.quotas import Quotas
from modelwright.service.sharing import Sharing

_NONE: Final[Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Books:
    """Where it is written down."""

    people: People
    grants: Grants
    log: AuditLog
    leases: LeaseBook | None = None
    """Where quotas are counted that several servers share; None = there is one server."""


@dataclass(frozen=True, slots=True)
class Rights:
    """The services about people."""

    accounts: Accounts
    sharing: Sharing
    quotas: Quotas
    audit: Audit
    particulars: Particulars


def build_rights(
    books: Books,
    access: Access,
    clock: Clock,
    *,
    token: str = "",
    keyless: bool = True,
    quotas: Mapping[str, int] = _NONE,
    session: timedelta = timedelta(days=7),
) -> Rights:
    """Put the services together; nothing runs yet."""
    accounts = Accounts(books.people, books.log, clock, token=token, keyless=keyless, session=session)
    counts = None if books.leases is None else SharedCounts(books.leases, token_hex(8))
    limits = Quotas(books.log, clock, quotas, counts)
    ledger = Ledger(books.log, clock, limits.count_tokens)
    access.be_witnessed(ledger.saw)
    return Rights(
        accounts,
        Sharing(access, accounts, books.grants, clock),
        limits,
        Audit(books.log, ledger, accounts.note_uses, limits.keep),
        Particulars(books.people, books.log, clock),
    )
