"""What all pages share: the frame, the style, and how text becomes HTML."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files


def page(title: str, *parts: str) -> str:
    """A whole page; `parts` are HTML already."""
    style = files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body><main>{''.join(parts)}</main></body></html>"
    )


def element(name: str, text: str, css: str = "") -> str:
    """One element that holds text."""
    attribute = f' class="{escape(css)}"' if css else ""
    return f"<{name}{attribute}>{escape(text)}</{name}>"


def link(target: str, text: str) -> str:
    return f'<a href="{escape(target)}">{escape(text)}</a>'


def table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table; its cells are HTML already."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
