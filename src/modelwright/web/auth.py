"""Who is asking.

While no key exists the server listens on the loopback address only, and whoever
reaches it is the local admin. Credentials that a client sends all the same (many
libraries insist on a key) are not looked at.
"""

from starlette.requests import Request

from modelwright.core.grants import LOCAL_ADMIN, Principal


def principal_of(request: Request) -> Principal:
    """The principal that a request acts as."""
    return LOCAL_ADMIN
