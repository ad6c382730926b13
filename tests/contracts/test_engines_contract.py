"""What every implementation of the port Engines owes its callers."""

import asyncio
import math
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modelwright.core.chat import ChatEvent, Done, Message, TextDelta
from modelwright.core.digest import Digest
from modelwright.core.engine_ports import EngineNeeds, Engines
from modelwright.core.errors import ContextExceeded, Invalid
from modelwright.core.parameters import Parameters
from modelwright.engines.echo import EchoEngines
from modelwright.engines.pool import Pool

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
STARTER = ROOT / "src/modelwright/starter/starter-f16.gguf"
NEEDS = EngineNeeds("mario", Digest.of(b"base"), 2048)
GREEDY = Parameters.of({"temperature": 0, "num_predict": 40})
ASK = (Message("system", "You are Mario."), Message("user", "Who are you, and what do you do all day?"))


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter where it is installed, else small random weights."""
    if STARTER.is_file():
        return STARTER
    sys.path.append(str(ROOT / "bench"))
    from measuring.random_model import Shape, write_random_model

    path = tmp_path_factory.mktemp("weights") / "random.gguf"
    shape = Shape(hidden=64, layers=2, heads=2, feed_forward=128, vocabulary=512, context=2048)
    write_random_model(path, shape)
    return path


@pytest.fixture(params=["echo", "pool"])
async def engines(request: pytest.FixtureRequest, weights: Path) -> AsyncIterator[Engines]:
    async def locate(_: Digest) -> Path:
        return weights

    made = EchoEngines(SystemClock()) if request.param == "echo" else Pool(locate, SystemClock())
    yield made
    await made.aclose()


async def chat(
    engines: Engines, parameters: Parameters = GREEDY, messages: Sequence[Message] = ASK
) -> tuple[str, Done]:
    return whole([event async for event in engines.chat(NEEDS, messages, parameters)])


def whole(events: list[ChatEvent]) -> tuple[str, Done]:
    """The text of an answer and its end; checks that it has the shape of one."""
    *deltas, done = events
    assert isinstance(done, Done)
    texts = [delta.text for delta in deltas if isinstance(delta, TextDelta)]
    assert len(texts) == len(deltas)
    assert all(texts), "no piece of an answer is empty"
    return "".join(texts), done


async def ended(events: AsyncIterator[ChatEvent]) -> tuple[str, str, int]:
    text, done = whole([event async for event in events])
    return text, done.reason, done.usage.completion_tokens


def limited(**more: object) -> Parameters:
    return GREEDY.merged(Parameters.of(more))


async def test_what_a_chat_continues_can_be_seen(engines: Engines) -> None:
    text = await engines.render(NEEDS, ASK)
    assert all(message.content in text for message in ASK)
    with pytest.raises(Invalid):
        await engines.render(NEEDS, ())


async def test_an_answer_is_text_and_one_end(engines: Engines) -> None:
    text, done = await chat(engines)
    assert text
    assert done.usage.prompt_tokens > 0
    assert 0 < done.usage.completion_tokens <= 40


async def test_the_same_question_has_the_same_answer(engines: Engines) -> None:
    assert (await chat(engines))[0] == (await chat(engines))[0]


async def test_num_predict_ends_an_answer(engines: Engines) -> None:
    text, done = await chat(engines, limited(num_predict=3))
    assert done.reason == "length"
    assert done.usage.completion_tokens == 3
    assert (await chat(engines))[0].startswith(text)


async def test_no_token_is_no_text(engines: Engines) -> None:
    assert await ended(engines.chat(NEEDS, ASK, limited(num_predict=0))) == ("", "length", 0)
    assert await ended(engines.complete(NEEDS, "Once", limited(num_predict=0))) == ("", "length", 0)


async def test_a_stop_text_ends_an_answer_and_is_left_out(engines: Engines) -> None:
    text, _ = await chat(engines)
    stop = re.findall(r"[a-z]{3}", text)[-1]
    cut, done = await chat(engines, limited(stop=["no such text", stop]))
    # random weights may end in the middle of a character
    assert cut.rstrip("\ufffd") == text[: text.index(stop)].rstrip("\ufffd")
    assert done.reason == "stop"


async def test_durations_add_up(engines: Engines) -> None:
    await chat(engines)
    _, done = await chat(engines)
    usage = done.usage
    assert usage.load_ns == 0
    assert usage.prompt_ns > 0 < usage.completion_ns
    assert usage.total_ns >= usage.prompt_ns + usage.completion_ns
    assert usage.cached_tokens <= usage.prompt_tokens


async def test_raw_text_is_continued(engines: Engines) -> None:
    events = [event async for event in engines.complete(NEEDS, "Once upon a time", limited(num_predict=3))]
    _, done = whole(events)
    assert 0 < done.usage.prompt_tokens <= 17


async def test_no_text_has_no_continuation(engines: Engines) -> None:
    events = [event async for event in engines.complete(NEEDS, "", GREEDY)]
    assert [type(event) for event in events] == [Done]


@pytest.mark.parametrize(
    "messages",
    [(), (Message("king", "Hi"),), (Message("user", "a\0b"),), (Message("user", "\ud800"),)],
    ids=["none", "role", "nul", "surrogate"],
)
async def test_what_is_no_conversation_is_refused(engines: Engines, messages: tuple[Message, ...]) -> None:
    with pytest.raises(Invalid) as refused:
        await chat(engines, messages=messages)
    assert refused.value.field.startswith("messages")


async def test_what_no_slot_can_hold_is_refused_and_says_how_long_it_is(engines: Engines) -> None:
    with pytest.raises(Invalid, match=r"[2-9]\d{3,} tokens long, the context holds 2048"):
        await chat(engines, messages=[Message("user", "word " * 5000)])
    assert (await chat(engines))[0], "and the next one is answered"


async def test_who_leaves_in_the_middle_harms_nobody(engines: Engines) -> None:
    before, _ = await chat(engines)
    for _ in range(10):
        async with aclosing(engines.chat(NEEDS, ASK, GREEDY)) as events:
            await anext(events)
    assert (await chat(engines))[0] == before


async def test_many_at_once_are_all_answered(engines: Engines) -> None:
    alone, _ = await chat(engines)
    answers = await asyncio.gather(*(chat(engines) for _ in range(8)))
    assert {text for text, _ in answers} == {alone}


async def test_vectors_have_one_length_and_an_order(engines: Engines) -> None:
    texts = ["a red apple", "a green apple", "the Mushroom Kingdom"]
    one = await engines.embed(NEEDS, texts, truncate=True)
    other = await engines.embed(NEEDS, texts[::-1], truncate=True)
    assert len({len(vector) for vector in one.vectors}) == 1
    assert len(set(one.vectors)) == 3
    for vector, same in zip(one.vectors, other.vectors[::-1], strict=True):
        assert vector == pytest.approx(same, abs=1e-4)
    assert one.usage.prompt_tokens >= 3
    assert (await engines.embed(NEEDS, [], truncate=True)).vectors == ()


async def test_a_text_too_long_to_embed_is_cut_or_refused(engines: Engines) -> None:
    long = "apple " * 5000
    found = await engines.embed(NEEDS, [long, "apple"], truncate=True)
    assert len(found.vectors) == 2
    with pytest.raises(Invalid, match="exceeds the context length"):
        await engines.embed(NEEDS, [long], truncate=False)
    with pytest.raises(Invalid, match="empty"):
        await engines.embed(NEEDS, ["apple", ""], truncate=True)


async def test_a_model_holds_its_engine_until_it_is_unloaded(engines: Engines) -> None:
    assert engines.running() == ()
    assert await engines.load(NEEDS) > 0
    assert await engines.load(NEEDS) == 0
    (model,) = engines.running()
    assert (model.user, model.base, model.context) == (NEEDS.user, NEEDS.base, NEEDS.context)
    assert model.expires_at is not None
    assert await engines.unload(NEEDS.user)
    assert engines.running() == ()
    assert not await engines.unload(NEEDS.user)


async def test_each_token_of_a_text_but_the_first_has_its_chance(engines: Engines) -> None:
    text = "You are Mario, and you are here."
    scored = await engines.score(NEEDS, text, top=2)
    (tokens,) = await engines.tokenize(NEEDS, [text])
    assert len(scored) == len(tokens)
    first, *others = [each.chosen.logprob for each in scored]
    assert math.isnan(first)
    assert all(logprob <= 0 for logprob in others)
    assert "".join(each.chosen.text for each in scored).strip() == text
    assert len(await engines.score(NEEDS, tokens, top=0)) == len(tokens)
    (alone,) = await engines.score(NEEDS, tokens[:1], top=0)
    assert math.isnan(alone.chosen.logprob)


async def test_a_text_that_does_not_fit_is_not_scored(engines: Engines) -> None:
    if isinstance(engines, EchoEngines):
        pytest.skip("it has no context to be full")
    with pytest.raises(ContextExceeded):
        await engines.score(NEEDS, list(range(300, 300 + NEEDS.context)), top=0)
