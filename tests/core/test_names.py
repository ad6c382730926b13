"""A model has one name, however it is spelled, and a wrong one is explained."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid
from modelwright.core.names import ModelRef, Name, NameParts, slug, split
from tests.effort import least_effort

DEFAULTS = NameParts(None, "registry.ollama.ai", "library", "model", "latest")
GOOD = {"host": "h", "namespace": "n", "model": "m", "tag": "t"}


def is_valid(**parts: str) -> bool:
    try:
        Name(**GOOD | parts)
    except Invalid:
        return False
    return True


def from_path(text: str) -> Name:
    parts = text.split("/")
    if len(parts) != 4:
        raise Invalid("a manifest's path has four parts")
    return Name(*parts)


def check_parts(case: dict[str, Any]) -> None:
    parts = split(case["input"])
    for name in ("host", "namespace", "model", "tag"):
        assert (getattr(parts, name) or "") == case[name]
    assert (parts.scheme or "") == case["protocol_scheme"]
    given = (parts.host, parts.namespace, parts.model, parts.tag)
    filled = zip(given, ("registry.ollama.ai", "library", "", "latest"), strict=True)
    assert (
        "/".join(default if part is None else part for part, default in filled)
        == case["filepath_with_defaults"]
    )


def check_complete(case: dict[str, Any]) -> None:
    parts = split(case["input"])
    given = {part: getattr(parts, part) or "" for part in GOOD}
    assert is_valid(**given) == case["valid"]
    if case["valid"]:
        assert Name.parse(case["input"]).full == case["string"]


def check_part(case: dict[str, Any]) -> None:
    if case["part"] == "digest":
        assert Digest.parse(case["input"])
    else:
        assert is_valid(**{case["part"]: case["input"]}) == case["valid"]


def check_path(case: dict[str, Any]) -> None:
    if case["valid"]:
        name = from_path(case["input"])
        assert all(getattr(name, part) == case[part] for part in GOOD)
    else:
        with pytest.raises(Invalid):
            from_path(case["input"])


def check_default(case: dict[str, Any]) -> None:
    assert Name.parse(case["input"]).full == case["string"]


def check_shortest(case: dict[str, Any]) -> None:
    assert str(Name.parse(case["input"])) == case["shortest"]


def check_namespace(case: dict[str, Any]) -> None:
    assert is_valid(namespace=case["input"]) == case["valid"]


CHECKS = {
    "parse_bare": check_parts,
    "valid_without_defaults": check_complete,
    "parse_default": check_default,
    "valid_part": check_part,
    "from_filepath": check_path,
    "display_shortest": check_shortest,
    "valid_namespace": check_namespace,
}


@pytest.mark.conformance("names")
def test_names_are_ollamas(case: dict[str, Any]) -> None:
    CHECKS[case["kind"]](case)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "it is empty"),
        ("bad name!", 'the model may hold letters, digits and _ . -, not " "'),
        ("n/m:", "the tag is empty"),
        ("//m", "the host is empty"),
        ("-m", "the model must begin with a letter, a digit or _"),
        (".hidden", "the model must begin with"),
        ("../../etc/passwd", "it has more than three parts"),
        ("../etc/passwd", "the host must begin with"),
        ("a" * 81, "the model has 81 characters, at most 80 are allowed"),
        ("registry.example.com:5000/m", "after a host comes a namespace"),
        ("ftp://h/n/m", "the scheme must be http or https"),
        ("mário", 'not "á"'),
        ("mario\0", r'not "\\x00"'),
        ("mario\n", r'not "\\n"'),
        ("mario\ud800", r'not "\\ud800"'),
        ("mario\u0663", "not"),
        ("mario@3", 'not "@"'),
    ],
)
def test_a_wrong_name_is_explained(text: str, fault: str) -> None:
    with pytest.raises(Invalid, match=fault) as caught:
        Name.parse(text, field="from")
    assert caught.value.field == "from"
    assert "[host/][namespace/]model[:tag]" in caught.value.hint


def test_a_huge_name_is_refused_at_once_and_quoted_in_part() -> None:
    def refused() -> None:
        for text in ("a" * 10_000_000, "a/" * 5_000_000, "a:" * 5_000_000, "a@" * 5_000_000):
            with pytest.raises(Invalid) as caught:
                ModelRef.parse(text)
            assert len(str(caught.value)) < 500

    assert least_effort(refused) < 1


def test_a_scheme_is_no_part_of_the_name() -> None:
    assert Name.parse("http://h/n/m") == Name.parse("h/n/m")


@pytest.mark.parametrize(
    ("text", "shown", "short"),
    [
        ("Mario", "Mario:latest", "Mario"),
        ("bob/mario:v1", "bob/mario:v1", "bob/mario:v1"),
        ("REGISTRY.OLLAMA.AI/Library/m:Latest", "m:Latest", "m"),
        ("h/library/m", "h/library/m:latest", "h/library/m"),
    ],
)
def test_a_name_is_shown_as_short_as_it_can_be(text: str, shown: str, short: str) -> None:
    assert (str(Name.parse(text)), Name.parse(text).short) == (shown, short)


FIRST = string.ascii_letters + string.digits + "_"


def part(others: str, longest: int) -> st.SearchStrategy[str]:
    rest = st.text(FIRST + others, max_size=longest - 1)
    return st.builds(lambda first, rest: first + rest, st.sampled_from(FIRST), rest)


NAMES = st.builds(Name, part(".-:", 350), part("-", 80), part(".-", 80), part(".-", 80))
SHORT_NAMES = st.builds(lambda text: Name.parse(text), part(".-", 80))


@given(NAMES | SHORT_NAMES)
def test_every_form_of_a_name_is_read_as_the_same_name(name: Name) -> None:
    assert Name.parse(name.full) == name
    for text in (str(name), name.short, name.full.upper(), name.full.swapcase()):
        assert Name.parse(text).key == name.key


@given(st.text(st.characters()) | st.text(alphabet="ab/:.@-_ 3\0"))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        shown = str(ModelRef.parse(text))
    except Invalid as error:
        shown = str(error)
    assert shown.encode()


@given(st.text())
def test_a_slug_is_a_legal_model_part(wanted: str) -> None:
    assert Name.parse(slug(wanted)).model == slug(wanted)
    assert Name.parse(slug(wanted) + "-99999").tag == "latest"
    assert slug(slug(wanted)) == slug(wanted)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("Mario (Bros.)", "mario-bros"),
        ("Café Straße", "cafe-strasse"),
        ("../../etc/passwd", "etc-passwd"),
        ("gpt-4.1_mini", "gpt-4.1_mini"),
        ("マリオ", "model"),
        ("", "model"),
        ("x" * 10_000_000, "x" * 64),
    ],
)
def test_a_slug_resembles_what_was_wanted(wanted: str, expected: str) -> None:
    assert slug(wanted) == expected


@pytest.mark.parametrize(
    ("text", "name", "revision"),
    [
        ("mario", "mario:latest", None),
        ("mario@3", "mario:latest", 3),
        ("bob/mario:v1@999999999", "bob/mario:v1", 999_999_999),
    ],
)
def test_a_reference_may_name_a_revision(text: str, name: str, revision: int | None) -> None:
    ref = ModelRef.parse(text)
    assert (str(ref.name), ref.revision) == (name, revision)
    assert ModelRef.parse(str(ref)) == ref


@pytest.mark.parametrize(
    "end", ["0", "x", "-1", "+1", "01", "", " 1", "1 ", "1.0", "1_0", "\u0661", "1000000000", "9" * 5000]
)
def test_a_wrong_revision_is_refused(end: str) -> None:
    with pytest.raises(Invalid, match="invalid revision") as caught:
        ModelRef.parse(f"mario@{end}", field="from")
    assert caught.value.field == "from"
    assert len(str(caught.value)) < 500
