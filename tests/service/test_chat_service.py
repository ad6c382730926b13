"""What a model is asked, and with what, for each request."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from modelwright.core.chat import ChatRequest, Done, EmbedRequest, GenerateRequest, Message, TextDelta
from modelwright.core.digest import Digest
from modelwright.core.errors import NotFound
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.core.names import Name
from modelwright.core.parameters import Parameters
from modelwright.core.revision import BlobRecord, NewRevision
from modelwright.core.spec import AdapterLayer, ModelSpec
from modelwright.core.weight_files import NamedBlob
from modelwright.core.weights import WeightFacts

pytestmark = pytest.mark.anyio

BASE = Digest.of(b"weights")
SHOTS = (Message("user", "2+2"), Message("assistant", "4"))
USER = Message("user", "hello there")


@pytest.fixture
async def mario(world):
    parameters = Parameters.of({"temperature": 0.5, "stop": ["a", "b"], "num_ctx": 512})
    await world.create("mario", system="You are Mario.", messages=SHOTS, parameters=parameters)
    return world


async def ask(world, *messages: Message, **rest):
    request = ChatRequest("mario", messages or (USER,), **rest)
    return [event async for event in world.chat.chat(LOCAL_ADMIN, request)]


async def test_system_then_examples_then_the_conversation(mario) -> None:
    await ask(mario)
    assert list(mario.engines.asked[-1].messages) == [Message("system", "You are Mario."), *SHOTS, USER]


async def test_a_system_message_of_the_request_replaces_the_models(mario) -> None:
    await ask(mario, Message("system", "Be brief."), USER)
    assert list(mario.engines.asked[-1].messages) == [Message("system", "Be brief."), *SHOTS, USER]


async def test_a_request_wins_over_the_model_and_the_model_over_its_base(mario) -> None:
    await ask(mario, parameters=Parameters.of({"temperature": 1, "stop": ["c"]}))
    asked = mario.engines.asked[-1].parameters.as_dict()
    assert asked == {"num_ctx": 512, "num_predict": 128, "stop": ["c"], "temperature": 1}


async def test_neither_prompt_nor_parameters_ask_for_another_engine(mario) -> None:
    await ask(mario)
    await ask(mario, Message("system", "Other."), USER, parameters=Parameters.of({"top_k": 1}))
    first, second = (replace(asked.needs, constant=()) for asked in mario.engines.asked[-2:])
    assert first == second


@pytest.mark.parametrize(
    ("asked", "context"), [({}, 512), ({"num_ctx": 1024}, 1024), ({"num_ctx": 99_999}, 2048)]
)
async def test_the_context_is_what_is_asked_for_up_to_what_was_trained(mario, asked, context) -> None:
    await ask(mario, parameters=Parameters.of(asked))
    assert mario.engines.asked[-1].needs.context == context


async def test_the_answer_streams_and_ends_once(mario) -> None:
    *pieces, last = await ask(mario)
    assert "".join(piece.text for piece in pieces if isinstance(piece, TextDelta)) == "hello there"
    assert isinstance(last, Done)
    assert last.reason == "stop"
    assert last.usage.completion_tokens == 2


async def test_generate_leaves_the_examples_out(mario) -> None:
    request = GenerateRequest("mario", "hi", system="Be brief.")
    assert [event async for event in mario.chat.generate(LOCAL_ADMIN, request)]
    assert list(mario.engines.asked[-1].messages) == [Message("system", "Be brief."), Message("user", "hi")]


async def test_raw_text_goes_to_the_engine_as_it_is(mario) -> None:
    request = GenerateRequest("mario", "one two", raw=True)
    events = [event async for event in mario.chat.generate(LOCAL_ADMIN, request)]
    assert "".join(event.text for event in events[:-1]) == "one two"
    assert not mario.engines.asked


async def test_without_messages_a_model_is_loaded_or_let_go(mario) -> None:
    loaded = [event async for event in mario.chat.chat(LOCAL_ADMIN, ChatRequest("mario", ()))]
    assert [event.reason for event in loaded] == ["load"]
    running = await mario.chat.running(LOCAL_ADMIN)
    assert [view.summary.name.short for view in running] == ["mario"]
    request = GenerateRequest("mario", "", keep_alive=0)
    unloaded = [event async for event in mario.chat.generate(LOCAL_ADMIN, request)]
    assert [event.reason for event in unloaded] == ["unload"]
    assert await mario.chat.running(LOCAL_ADMIN) == ()


async def test_a_model_deleted_while_warm_is_no_longer_listed(mario) -> None:
    await ask(mario)
    await mario.models.delete(LOCAL_ADMIN, "mario")
    assert await mario.chat.running(LOCAL_ADMIN) == ()


async def test_vectors_have_unit_length_also_when_cut(mario) -> None:
    found = await mario.chat.embed(LOCAL_ADMIN, EmbedRequest("mario", ("a", "b"), dimensions=8))
    assert [len(vector) for vector in found.vectors] == [8, 8]
    assert all(math.isclose(math.fsum(x * x for x in vector), 1) for vector in found.vectors)


async def test_an_unknown_model_is_not_found_before_anything_runs(world) -> None:
    with pytest.raises(NotFound, match="'nope' not found"):
        await anext(world.chat.chat(LOCAL_ADMIN, ChatRequest("nope", (USER,))))


async def test_adapters_and_their_scales_reach_the_engine_in_one_order(world) -> None:
    digests = sorted(Digest.of(name) for name in (b"one", b"two"))
    for digest in digests:
        await world.catalogue.add_blob(
            BlobRecord(digest, 3, WeightFacts("adapter", "gguf", "llama", 9, "F16"))
        )
    layers = tuple(AdapterLayer(digest, 3, scale) for digest, scale in zip(digests, (0.5, 2.0), strict=True))
    base = (await world.models.show(LOCAL_ADMIN, "starter")).resolved
    facts = {
        "base": base.base,
        "parent": "",
        "manifest": None,
        "size": 7,
        "author": "local",
        "kind": "create",
    }
    for adapters in (layers, layers[::-1]):
        spec = ModelSpec(weights=base.weights, adapters=adapters)
        new = NewRevision(Name.parse("mario"), spec, created_at=datetime.now(UTC), **facts)
        await world.catalogue.commit(new)
        await ask(world)
        needs = world.engines.asked[-1].needs
        assert (needs.adapters, needs.scales) == (tuple(digests), (0.5, 2.0))


async def test_an_engine_is_asked_for_with_the_projector(world) -> None:
    eyes = Digest.of(b"eyes")
    facts = WeightFacts("projector", "gguf", "clip", 10, "F16")
    await world.catalogue.add_blob(BlobRecord(eyes, 4, facts))
    files = (NamedBlob("", BASE), NamedBlob("", eyes))
    await world.create("seeing", parent=None, files=files)
    assert (await world.models.show(LOCAL_ADMIN, "seeing")).projector == facts
    for name, projector in {"seeing": eyes, "starter": None}.items():
        request = ChatRequest(name, (Message("user", "hi"),))
        assert [event async for event in world.chat.chat(LOCAL_ADMIN, request)]
        assert world.engines.asked[-1].needs.projector == projector


async def test_a_weight_file_s_chat_template_brings_its_stop_texts(world) -> None:
    digest, text = Digest.of(b"chatml"), "{% for m in messages %}<|im_start|>{{ m.content }}{% endfor %}"
    facts = WeightFacts("model", "gguf", "llama", 7, "F16", 2048, 256, chat_template=text)
    await world.catalogue.add_blob(BlobRecord(digest, 7, facts))
    await world.create("base", parent=None, files=(NamedBlob("", digest),))
    await world.create("own", parent="base", parameters=Parameters.of({"stop": ["x"]}))
    found = []
    for name in ("base", "own", "starter"):
        events = [event async for event in world.chat.chat(LOCAL_ADMIN, ChatRequest(name, (USER,)))]
        assert isinstance(events[-1], Done)
        found.append(world.engines.asked[-1].parameters.get("stop"))
    assert found == [("<|im_start|>", "<|im_end|>"), ("x",), None]
