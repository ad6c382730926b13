"""What all prompts of a model begin with is computed once, and kept over a restart."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelwright.core.chat import Message, Usage
from modelwright.core.parameters import Parameters
from modelwright.engines.prefixes import PrefixFiles

pytestmark = pytest.mark.anyio
Start = Callable[..., Any]
Eventually = Callable[[Callable[[], bool], float], Awaitable[float]]

FEW = Parameters.of({"temperature": 0, "num_predict": 4})
SYSTEM = Message("system", "You are Mario, who mends pipes and rides dinosaurs. " * 10)
OTHER = Message("system", "You are Luigi, who is afraid of ghosts and of the dark. " * 10)
MOST = 10**9


async def ask(engines: Any, needs: Any, question: str = "Who?", *turns: Message) -> Usage:
    """Ask a model whose prompts begin with `needs.constant`."""
    asked = (*needs.constant, *turns, Message("user", question))
    return [event async for event in engines.pool.chat(needs, asked, FEW)][-1].usage


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.kv"))


@pytest.fixture(params=["without adapters", "with adapters"])
def model(request: pytest.FixtureRequest, tiny: Path, loras: list[Path]) -> Callable[..., Any]:
    """Makes the needs of a model with a system text."""
    has = request.param == "with adapters"

    def needs_of(engines: Any, constant: tuple[Message, ...] = (SYSTEM,), **more: Any) -> Any:
        given = {"loras": loras[:1], "scales": (1.0,)} if has else {}
        return engines.needs(tiny, **{**given, "constant": constant, **more})

    return needs_of


async def test_it_is_computed_once_and_after_a_restart_not_again(
    start: Start, model: Callable[..., Any], tmp_path: Path, eventually: Eventually
) -> None:
    cached = []
    for _ in range(2):
        engines = start(prefix_dir=tmp_path, prefix_bytes=MOST)
        for question in ("Who are you?", "What is this?"):
            usage = await ask(engines, model(engines), question)
            cached.append(usage.cached_tokens)
            await eventually(lambda: len(kept(tmp_path)) == 1, 60)
        await engines.pool.aclose()
    prompt = usage.prompt_tokens
    assert cached[0] == 0
    assert all(each > prompt - 40 > 256 for each in cached[1:]), (cached, prompt)


async def test_answers_are_the_same_from_a_file(
    start: Start, model: Callable[..., Any], tmp_path: Path, eventually: Eventually
) -> None:
    texts = []
    for folder in (None, tmp_path, tmp_path):
        engines = start(prefix_dir=folder, prefix_bytes=MOST)
        needs = model(engines)
        asked = (*needs.constant, Message("user", "Who are you?"))
        events = [event async for event in engines.pool.chat(needs, asked, FEW)]
        texts.append("".join(event.text for event in events[:-1]))
        await engines.pool.aclose()
    assert texts[0] == texts[1] == texts[2]


async def test_nothing_that_a_user_said_is_kept(
    start: Start, model: Callable[..., Any], tmp_path: Path, tiny: Path, eventually: Eventually
) -> None:
    engines = start(prefix_dir=tmp_path, prefix_bytes=MOST)
    await ask(engines, model(engines), "My secret is 4711. " * 15)
    await eventually(lambda: len(kept(tmp_path)) == 1, 60)
    sizes = [kept(tmp_path)[0].stat().st_size]
    await engines.pool.aclose()
    kept(tmp_path)[0].unlink()
    engines = start(prefix_dir=tmp_path, prefix_bytes=MOST)
    await ask(engines, model(engines), "Hi")
    await eventually(lambda: len(kept(tmp_path)) == 1, 60)
    assert [kept(tmp_path)[0].stat().st_size] == sizes
    assert kept(tmp_path)[0].stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", ["flipped", "cut", "without a checksum"])
async def test_a_damaged_file_is_removed_and_made_again(
    start: Start, model: Callable[..., Any], tmp_path: Path, eventually: Eventually, damage: str
) -> None:
    engines = start(prefix_dir=tmp_path, prefix_bytes=MOST)
    await ask(engines, model(engines))
    await eventually(lambda: len(kept(tmp_path)) == 1, 60)
    await engines.pool.aclose()
    (path,) = kept(tmp_path)
    content = bytearray(path.read_bytes())
    if damage == "without a checksum":
        path.with_suffix(".sha256").unlink()
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 2] ^= 4
        path.write_bytes(content)
    engines = start(prefix_dir=tmp_path, prefix_bytes=MOST)
    usage = await ask(engines, model(engines))
    assert usage.cached_tokens == 0
    await eventually(lambda: [each.name for each in kept(tmp_path)] == [path.name], 60)
    await engines.pool.aclose()
    engines = start(prefix_dir=tmp_path, prefix_bytes=MOST)
    assert (await ask(engines, model(engines))).cached_tokens > 256


async def test_a_file_that_the_engine_refuses_is_removed(
    start: Start, model: Callable[..., Any], tmp_path: Path, eventually: Eventually
) -> None:
    engines = start(prefix_dir=tmp_path, prefix_bytes=MOST)
    await ask(engines, model(engines))
    await eventually(lambda: len(kept(tmp_path)) == 1, 60)
    await engines.pool.aclose()
    files, key = PrefixFiles(tmp_path, MOST), kept(tmp_path)[0].stem
    (tmp_path / (name := files.unfinished())).write_bytes(b"of another version of the engine")
    assert await files.keep(name, key, 500)
    engines = start(prefix_dir=tmp_path, prefix_bytes=MOST)
    usage = await ask(engines, model(engines))
    assert usage.cached_tokens == 0
    await eventually(lambda: bool(kept(tmp_path)) and kept(tmp_path)[0].stat().st_size > 1000, 60)


async def test_who_may_not_use_a_model_finds_nothing_of_it(
    start: Start, model: Callable[..., Any], tmp_path: Path, eventually: Eventually
) -> None:
    engines = start(prefix_dir=tmp_path, prefix_bytes=MOST, parallel=1)
    mario, luigi = (model(engines, scope=scope, asker=scope) for scope in ("mario's", "luigi's"))
    found = [(await ask(engines, needs)).cached_tokens for needs in (mario, luigi)]
    assert found == [0, 0]
    await eventually(lambda: len(kept(tmp_path)) == 2, 60)
    assert (await ask(engines, mario)).cached_tokens > 256
    assert (await ask(engines, luigi)).cached_tokens > 256


async def test_one_user_of_a_model_finds_nothing_that_another_said(
    start: Start, model: Callable[..., Any], tmp_path: Path, eventually: Eventually
) -> None:
    engines = start(prefix_dir=tmp_path, prefix_bytes=MOST, parallel=1)
    mario, luigi = (model(engines, scope="theirs", asker=asker) for asker in ("mario", "luigi"))
    await ask(engines, mario, "first")
    await eventually(lambda: len(kept(tmp_path)) == 1, 60)
    secret = "The treasure lies under the third palm tree. " * 10
    before = await ask(engines, mario, secret)
    guess = await ask(engines, luigi, secret)
    again = await ask(engines, luigi, secret)
    assert guess.cached_tokens == before.cached_tokens, "no more than what they share"
    assert again.cached_tokens == again.prompt_tokens - 1


async def test_a_model_may_be_warm_before_its_first_request(
    start: Start, model: Callable[..., Any], tmp_path: Path
) -> None:
    engines = start(prefix_dir=tmp_path, prefix_bytes=MOST)
    tokens = await engines.pool.warm(model(engines))
    assert len(kept(tmp_path)) == 1
    usage = await ask(engines, model(engines))
    assert tokens > 256
    assert usage.cached_tokens >= tokens - 8
    assert await engines.pool.warm(model(engines, constant=())) == 0


async def test_other_text_is_another_file_and_the_longest_unused_goes(
    start: Start, model: Callable[..., Any], tmp_path: Path
) -> None:
    engines = start(prefix_dir=tmp_path, prefix_bytes=MOST)
    await engines.pool.warm(model(engines))
    (first,) = kept(tmp_path)
    await engines.pool.aclose()
    engines = start(prefix_dir=tmp_path, prefix_bytes=first.stat().st_size * 3 // 2)
    await engines.pool.warm(model(engines, constant=(OTHER,)))
    (left,) = kept(tmp_path)
    assert left != first
    assert not first.with_suffix(".sha256").exists()


async def test_what_was_used_last_stays(tmp_path: Path) -> None:
    files = PrefixFiles(tmp_path, 25)
    for key in ("first", "second", "first", "third"):
        if not await files.find(key):
            name = files.unfinished()
            (tmp_path / name).write_bytes(b"0123456789")
            assert await files.keep(name, key, 7)
        await asyncio.sleep(0.02)  # a file's time is no finer everywhere
    assert [await files.find(key) for key in ("first", "second", "third")] == [7, 0, 7]


async def test_short_beginnings_and_no_limit_make_no_files(
    start: Start, model: Callable[..., Any], tmp_path: Path
) -> None:
    engines = start(prefix_dir=tmp_path, prefix_bytes=MOST)
    assert await engines.pool.warm(model(engines, constant=(Message("system", "You are Mario."),))) > 0
    none = start(prefix_dir=tmp_path, prefix_bytes=0)
    assert await none.pool.warm(model(none)) > 256
    assert kept(tmp_path) == []


async def test_who_asks_on_at_once_has_the_same_slot(
    start: Start, model: Callable[..., Any], tmp_path: Path
) -> None:
    """A beginning too short for a file keeps its slot busy once, to find that out, and not again."""
    engines = start(prefix_dir=tmp_path, prefix_bytes=MOST, prefix_tokens=310, parallel=2)
    short = [
        Message("system", f"You are {name}, who mends pipes. " * 9) for name in ("Mario", "Luigi", "Peach")
    ]
    for turn in range(3):
        for constant in short:
            needs = model(engines, constant=(constant,))
            await ask(engines, needs, f"Who are you, {turn}?")
            usage = await ask(engines, needs, "What is this?")
            assert turn == 0 or usage.cached_tokens > 100, (turn, usage)
    assert kept(tmp_path) == []


async def test_a_conversation_goes_on_after_others_and_after_a_sleep(
    start: Start, model: Callable[..., Any], tmp_path: Path
) -> None:
    engines = start(prefix_dir=tmp_path, prefix_bytes=MOST, parallel=2, sleep_seconds=1.0)
    turns = (Message("user", "Hello."), Message("assistant", "Hello!"))
    await ask(engines, model(engines))
    await asyncio.sleep(0.3)
    await ask(engines, model(engines, constant=(OTHER,)), "Go on.", *turns)
    usage = await ask(engines, model(engines), "Go on.", *turns)
    assert usage.cached_tokens > 256
    await asyncio.sleep(2.5)
    usage = await ask(engines, model(engines), "And on.", *turns)
    assert usage.cached_tokens > 256, "from the file, since a sleeping engine forgets"


async def test_text_that_begins_alike_is_kept_as_well(start: Start, tiny: Path, tmp_path: Path) -> None:
    constant = "Once upon a time there was a plumber. " * 12
    for expected in (False, True):
        engines = start(prefix_dir=tmp_path, prefix_bytes=MOST)
        needs = replace(engines.needs(tiny), constant=constant)
        events = [event async for event in engines.pool.complete(needs, constant + "He said:", FEW)]
        assert (events[-1].usage.cached_tokens > 256) == expected
        await engines.pool.aclose()
