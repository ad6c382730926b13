"""Cards: what stands beside a spec, and names that are minted."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.card import LARGEST, Card
from modelwright.core.errors import Corrupt, Invalid, TooLarge
from modelwright.core.minting import candidates

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
CARDS = st.builds(
    Card,
    TEXTS,
    TEXTS,
    TEXTS,
    st.tuples(TEXTS),
    st.dictionaries(TEXTS, JSON),
    TEXTS,
    st.booleans(),
    st.dictionaries(TEXTS, st.dictionaries(TEXTS, JSON)),
)


@given(CARDS)
def test_a_card_comes_back_from_its_bytes(card: Card) -> None:
    assert Card.from_canonical(card.canonical()) == card


def test_a_card_that_says_nothing_has_no_digest() -> None:
    assert Card().digest is None
    assert str(Card("Mario").digest) == str(Card("Mario").digest)
    assert Card("Mario").digest != Card("Luigi").digest


def test_extras_of_one_dialect_leave_others_alone() -> None:
    card = Card().with_extra("sgp", {"a": 1}).with_extra("openwebui", {"b": [2]})
    assert card.extra("sgp") == {"a": 1}
    assert card.with_extra("sgp", {}).extras == {"openwebui": {"b": [2]}}


def test_what_a_card_cannot_hold_is_refused() -> None:
    with pytest.raises(TooLarge, match="4 MiB"):
        Card(picture="x" * LARGEST).canonical()
    with pytest.raises(Invalid, match="cannot hold"):
        Card(capabilities={"x": float("nan")}).canonical()
    with pytest.raises(Corrupt):
        Card.from_canonical(b'{"format":2}')


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("mario", ["mario:latest", "mario-2:latest", "mario-3:latest"]),
        ("mario:7b", ["mario:7b", "mario-2:7b"]),
        ("Mario (Bros.)", ["mario-bros:latest", "mario-bros-2:latest"]),
        ("../../etc/passwd", ["etc-passwd:latest"]),
        ("🍄", ["model:latest", "model-2:latest"]),
    ],
)
def test_a_name_is_minted_from_anything(wanted: str, names: list[str]) -> None:
    assert [str(name) for name in islice(candidates(wanted, "library"), len(names))] == names


@given(st.text(), st.integers(0, 20))
def test_minted_names_are_legal_and_differ(wanted: str, count: int) -> None:
    names = list(islice(candidates(wanted, "library"), count))
    assert len({name.key for name in names}) == count
