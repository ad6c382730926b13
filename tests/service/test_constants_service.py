"""Engines are told what all prompts of a model begin with."""

import pytest

from modelwright.core.chat import ChatRequest, GenerateRequest, Message
from modelwright.core.grants import LOCAL_ADMIN, Principal

pytestmark = pytest.mark.anyio

SYSTEM = Message("system", "You are Mario.")
FEW = (Message("user", "Hi!"), Message("assistant", "It's-a me!"))
HELLO = Message("user", "Hello.")


@pytest.fixture
async def mario(world):
    await world.create("mario", system="You are Mario.", messages=FEW)
    return world


async def told(world, *messages: Message, model: str = "mario"):
    """What the engine was told of a conversation's constant part."""
    request = ChatRequest(model, messages)
    async for _ in world.chat.chat(LOCAL_ADMIN, request):
        pass
    return world.engines.asked[-1].needs.constant


async def test_it_is_the_system_text_and_the_examples(mario) -> None:
    assert await told(mario, HELLO) == (SYSTEM, *FEW)


async def test_a_conversation_that_begins_like_it_changes_nothing(mario) -> None:
    assert await told(mario, *FEW, HELLO) == (SYSTEM, *FEW)


async def test_another_system_text_has_nothing_in_common_with_it(mario) -> None:
    assert await told(mario, Message("system", "You are Luigi."), HELLO) == ()


async def test_generate_has_the_system_text_only(mario) -> None:
    async for _ in mario.chat.generate(LOCAL_ADMIN, GenerateRequest("mario", "Hello.")):
        pass
    assert mario.engines.asked[-1].needs.constant == (SYSTEM,)


async def test_a_base_has_none(mario) -> None:
    assert await told(mario, HELLO, model="starter") == ()


async def test_a_template_of_its_own_makes_a_text_of_it(mario) -> None:
    template = "{{ .System }}|{{ range .Messages }}[{{ .Role }}: {{ .Content }}]{{ end }}"
    await mario.create("luigi", parent="mario", prompt_template=template)
    found = []

    class Heard(type(mario.engines)):
        async def complete(self, needs, prompt, *more, **others):
            found.append((needs.constant, prompt))
            async for event in super().complete(needs, prompt, *more, **others):
                yield event

    mario.engines.__class__ = Heard
    async for _ in mario.chat.chat(LOCAL_ADMIN, ChatRequest("luigi", (HELLO,))):
        pass
    ((constant, prompt),) = found
    assert prompt.endswith("[user: Hello.]")
    assert constant == prompt.removesuffix("Hello.]")


async def test_warming_computes_it(mario) -> None:
    assert await mario.chat.warm(LOCAL_ADMIN, "mario") == len(
        ["You", "are", "Mario.", "Hi!", "It's-a", "me!"]
    )


async def test_with_several_users_each_finds_only_what_is_theirs(mario) -> None:
    asked = []
    for person in (Principal("1", "peach", "admin"), Principal("2", "toad", "admin"), LOCAL_ADMIN):
        for model in ("mario", "starter"):
            async for _ in mario.chat.chat(person, ChatRequest(model, (HELLO,))):
                pass
            asked.append(mario.engines.asked[-1].needs)
    assert [bool(needs.scope) for needs in asked] == [True] * 4 + [False] * 2
    assert asked[0].scope == asked[2].scope != asked[1].scope
    assert [needs.asker for needs in asked] == ["1", "1", "2", "2", "", ""]
