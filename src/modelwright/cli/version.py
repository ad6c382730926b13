"""`version`: which modelwright this is."""

from modelwright import __version__
from modelwright.cli.console import JsonOption, print_json, say


def version(as_json: JsonOption = False) -> None:
    """Print the version."""
    if as_json:
        print_json({"version": __version__})
    else:
        say(f"modelwright {__version__}")
