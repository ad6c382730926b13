"""Compatibility: the version of Ollama whose API is spoken, and REQUIRES.

A model may say from which version on it can run (Ollama, `REQUIRES`); upstream
stores that, we hold it against the version we report.
"""

import re
from typing import Final

from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.wording import excerpt

API_VERSION: Final = "0.34.2"
"""The version of Ollama's API spoken here; plain digits, because clients parse it."""

_NUMBER = r"(0|[1-9][0-9]{0,8})"
_IDENTIFIERS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION: Final = re.compile(
    rf"v?{_NUMBER}(?:\.{_NUMBER}(?:\.{_NUMBER}(?P<before>-{_IDENTIFIERS})?(?:\+{_IDENTIFIERS})?)?)?", re.ASCII
)


def check_requires(version: str, *, field: str = "requires") -> None:
    """Raise Invalid for what is no version, Unsupported for one after ours."""
    wanted = _numbers(version, field)
    if wanted > _numbers(API_VERSION, field):
        raise Unsupported(
            f"the model requires Ollama {version} or later, this server speaks the API of {API_VERSION}",
            field=field,
            hint="Upgrade modelwright, or lower REQUIRES",
        )


def _numbers(version: str, field: str) -> tuple[int, int, int, bool]:
    """Major, minor, patch, whether it is a release: compared as versions are."""
    match = _VERSION.fullmatch(version)
    if match is None:
        raise Invalid(
            f"requires must be a valid semver (e.g. 0.14.0), not {excerpt(version, 60)}", field=field
        )
    major, minor, patch = (int(match.group(index) or 0) for index in (1, 2, 3))
    return major, minor, patch, match.group("before") is None
