"""`config`: every setting, its value, and where that came from."""

import os

from modelwright.cli.console import JsonOption, note, print_json, print_table
from modelwright.setting_texts import show_value
from modelwright.settings import RULES, read_settings


def config(as_json: JsonOption = False) -> None:
    """Show every setting and where its value came from."""
    settings = read_settings({}, os.environ)
    for warning in settings.warnings:
        note(warning)
    rows = [(name, show_value(name, getattr(settings, name)), settings.sources[name]) for name in RULES]
    if as_json:
        print_json({name: {"value": text, "source": s.kind, "from": s.name} for name, text, s in rows})
    else:
        # The value is last: some are longer than a line, and would push the source out of sight.
        print_table(("SETTING", "FROM", "VALUE"), [(name, str(source), text) for name, text, source in rows])
