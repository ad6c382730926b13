"""Guards: what keeps people and keys from those who may not change them."""

from modelwright.core.errors import Denied
from modelwright.core.grants import EVERYTHING, Principal


def refuse_scoped(by: Principal) -> None:
    if by.scopes != EVERYTHING:
        raise Denied("a key with scopes may not make or change keys or users", hint="Use one without")


def refuse_foreign(by: Principal, user: str) -> None:
    if not by.is_admin and by.id != user:
        raise Denied("only an admin may do this for somebody else", field="user")
