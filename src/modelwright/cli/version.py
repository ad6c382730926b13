"""`version`: which modelwright this is."""

from modelwright import __version__
from modelwright.cli.console import say


def version() -> None:
    """Print the version."""
    say(f"modelwright {__version__}")
