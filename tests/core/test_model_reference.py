"""Ollama's source suffixes are understood and taken off."""

from typing import Any

import pytest

from modelwright.core.errors import Invalid
from modelwright.core.model_reference import Source, SourcedName, split_source
from modelwright.core.names import split

# Names to pull from Ollama's cloud have no meaning here: a caller refuses them by their source.
REFUSED = {
    "explicit cloud with size maps to legacy dash cloud tag",
    "legacy cloud with size remains stable",
    "explicit cloud without tag maps to cloud tag",
    "host port without tag keeps host port and appends cloud tag",
}


def check_reference(case: dict[str, Any]) -> None:
    if "wantErr" in case:
        with pytest.raises(Invalid, match=case["wantErr"]):
            SourcedName.parse(case["input"])
        return
    found = SourcedName.parse(case["input"])
    assert (found.base, found.source) == (case["wantBase"], case["wantSource"])
    cloud = found.source is Source.CLOUD
    assert cloud == case.get("wantCloud", False) == case.get("wantStripOK", False)
    assert (found.source is Source.LOCAL) == case.get("wantLocal", False)
    assert (found.base if cloud else case["input"]) == case["wantStripped"]


def check_pull_name(case: dict[str, Any]) -> None:
    if "wantErr" in case:
        with pytest.raises(Invalid, match=case["wantErr"]):
            SourcedName.parse(case["input"])
    elif case["name"] in REFUSED:
        assert SourcedName.parse(case["input"]).source is Source.CLOUD
    else:
        assert SourcedName.parse(case["input"]).base == case["wantName"]


def check_tag(case: dict[str, Any]) -> None:
    assert (split(case["input"]).tag is not None) == case["want"]


def check_suffix(case: dict[str, Any]) -> None:
    base, source = split_source(case["input"])
    assert (base, source, bool(source)) == (case["wantBase"], case["wantSource"], case["wantExplicit"])


CHECKS = {
    "ParseRef": check_reference,
    "NormalizePullName": check_pull_name,
    "HasExplicitTag": check_tag,
    "ParseSourceSuffix": check_suffix,
}


@pytest.mark.conformance("modelref")
def test_source_suffixes_are_ollamas(case: dict[str, Any]) -> None:
    CHECKS[case["kind"]](case)


def test_errors_say_where_and_quote_little() -> None:
    with pytest.raises(Invalid) as caught:
        SourcedName.parse("x" * 10_000_000 + ":cloud:local", field="source")
    assert caught.value.field == "source"
    assert len(str(caught.value)) < 300
