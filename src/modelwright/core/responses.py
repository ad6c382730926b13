"""KeptResponse: an answer that is kept for who asked, to be found or continued.

What it says is its dialect's affair: here it is bytes.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class KeptResponse:
    """One answer; `owner` is a principal's id, `previous` what it continues."""

    id: str
    owner: str
    created_at: datetime
    content: bytes
    previous: str = ""
