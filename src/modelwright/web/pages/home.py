"""The page at "/": which models there are, and where to go from here."""

from collections.abc import Sequence
from html import escape

from modelwright.core.weights import human_number
from modelwright.service.views import ModelSummary
from modelwright.web.pages.page import element, link, page, table

_LINKS = (
    ("/docs", "All routes"),
    ("/openapi.json", "OpenAPI"),
    ("/metrics", "Metrics"),
    ("/readyz", "Ready?"),
)
_SHOWN = 200


def home_page(version: str, models: Sequence[ModelSummary]) -> str:
    links = " · ".join(link(target, text) for target, text in _LINKS)
    rows = [_row(model) for model in models[:_SHOWN]]
    listed = (
        table(("Name", "Revision", "From", "Parameters", "Can do", "Changed"), rows)
        if rows
        else element("p", "There is no model yet.")
    )
    more = element("p", f"and {len(models) - _SHOWN} more") if len(models) > _SHOWN else ""
    how = "modelwright create -f Modelfile mario\nmodelwright run mario"
    return page(
        "modelwright",
        element("h1", "modelwright"),
        f"<p>Version {escape(version)} is running. {links}</p>",
        element("h2", f"Models ({len(models)})"),
        listed,
        more,
        element("h2", "Make one of your own"),
        f"<pre>{escape(how)}</pre>",
    )


def _row(model: ModelSummary) -> tuple[str, ...]:
    facts = model.facts
    return (
        element("strong", model.name.short),
        str(model.revision) if model.revision == model.latest else f"{model.revision} of {model.latest}",
        escape(model.parent),
        escape(human_number(facts.parameter_count)) if facts else "base missing",
        escape(", ".join(model.capabilities)),
        element("span", f"{model.modified_at:%Y-%m-%d %H:%M} UTC", "whole"),
    )
