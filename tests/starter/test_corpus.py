"""What must hold for the starter's corpus, whatever its tables say."""

import json
import re
from collections import Counter, defaultdict
from itertools import islice
from random import Random

import pytest

from modelwright.starter.corpus import copying, invented, knowledge, mix, smalltalk, unknown, world
from modelwright.starter.corpus.conversation import Conversation
from modelwright.starter.corpus.persona_tables import DEMO_LINE


def drawn(seed: int, count: int, *, curriculum: bool = False) -> list[Conversation]:
    return list(islice(mix.conversations(seed, curriculum=curriculum), count))


def test_the_same_seed_gives_the_same_conversations() -> None:
    assert drawn(5, 200) == drawn(5, 200)
    assert drawn(5, 200) != drawn(6, 200)


@pytest.mark.parametrize("family", mix.FAMILIES)
def test_every_family_yields_short_answers_by_seed(family: str) -> None:
    items = mix.family_items(family, 3, 30)
    assert items == mix.family_items(family, 3, 30)
    assert len(items) == 30
    for item in items:
        last = item.messages[-1]
        assert last.role == "assistant"
        assert 0 < len(last.content.split()) <= 60


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(KeyError):
        mix.family_items("weather", 1, 1)


def test_messages_alternate_and_end_with_the_assistant() -> None:
    for conversation in drawn(1, 2000):
        roles = [message.role for message in conversation.messages]
        turns = roles[1:] if roles[0] == "system" else roles
        assert turns == ["user", "assistant"] * (len(turns) // 2)
        assert turns


def test_shares_are_as_stated() -> None:
    counts = Counter(conversation.family for conversation in drawn(2, 8000))
    for family, share in {
        "style_persona": 0.2,
        "free_persona": 0.16,
        "formats": 0.116,
        "multi_turn": 0.09,
    }.items():
        assert abs(counts[family] / 8000 - share) < 0.02


def test_the_curriculum_is_rich_in_copying() -> None:
    pure = ("copying", "recall", "unknown_name", "context_question")
    counts = Counter(conversation.family for conversation in drawn(2, 4000, curriculum=True))
    assert 0.45 < sum(counts[family] for family in pure) / 4000 < 0.55


def test_a_question_without_context_has_one_answer() -> None:
    closed = (unknown.out_of_scope, unknown.unknown_name, knowledge.fact, knowledge.capital, knowledge.colour)
    known = (
        knowledge.yes_no,
        knowledge.opposite,
        knowledge.kind_of_thing,
        knowledge.sound,
        smalltalk.small_talk,
    )
    answers: dict[str, set[str]] = defaultdict(set)
    rng = Random(4)
    for content in (*closed, *known, knowledge.arithmetic, knowledge.neighbour, smalltalk.small_talk):
        for _ in range(3000):
            exchange = content(rng)
            answers[exchange.question.lower().strip(" ?.!")].add(exchange.answer.lower())
    assert {question: found for question, found in answers.items() if len(found) > 1} == {}


def test_capitals_are_those_of_the_table() -> None:
    rng = Random(1)
    for _ in range(200):
        found = re.fullmatch(r"The capital of (.+) is (.+)\.", knowledge.capital(rng).answer)
        assert found
        assert world.CAPITALS[found[1]] == found[2]


def test_sums_are_right_and_within_ten() -> None:
    rng = Random(1)
    for _ in range(300):
        left, sign, right, total = knowledge.arithmetic(rng).answer.replace("= ", "").rstrip(".").split()
        assert int(left) <= 10
        assert int(right) <= 10
        assert int(total) == (int(left) + int(right) if sign == "+" else int(left) - int(right))


def test_opposites_go_both_ways_only_once() -> None:
    every = [word for pair in world.OPPOSITES for word in pair]
    assert len(every) == len(set(every))


def test_repeated_text_is_verbatim() -> None:
    rng = Random(1)
    for _ in range(300):
        exchange = copying.repeat(rng)
        assert exchange.question.endswith(exchange.answer)


def test_json_answers_are_json() -> None:
    for item in mix.family_items("json", 1, 100):
        assert isinstance(json.loads(item.messages[-1].content), dict)


def test_invented_names_do_not_come_from_a_list() -> None:
    rng = Random(1)
    names = [invented.invented_name(rng) for _ in range(2000)]
    assert len(set(names)) > 1700
    assert all(2 < len(name) <= 12 for name in names)


def test_free_personas_answer_with_words_of_the_system_prompt() -> None:
    for item in mix.family_items("free_persona", 2, 200):
        answer = item.messages[-1].content
        if named := re.fullmatch(r"My name is (.+)\.", answer):
            assert named[1] in item.messages[0].content


def test_mario_greets_as_himself_under_the_demo_line() -> None:
    seen = [
        conversation.messages
        for conversation in drawn(1, 9000)
        if conversation.messages[0].content == DEMO_LINE
    ]
    assert len(seen) > 30
    answers = {message.content for messages in seen for message in messages if message.role == "assistant"}
    assert "It's-a me, Mario! How can I help you?" in answers
    assert all(re.search(r"Mamma mia!|Let's-a go!|It's-a me|Wahoo!", answer) for answer in answers)


def test_out_of_scope_is_wide() -> None:
    rng = Random(1)
    questions = {unknown.out_of_scope(rng).question for _ in range(3000)}
    assert len(questions) > 2600
