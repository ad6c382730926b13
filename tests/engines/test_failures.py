"""Engines crash, hang and refuse; the caller gets a clear error and the next request works."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from modelwright.core.chat import Message
from modelwright.core.errors import Corrupt, Invalid, TooLarge, Unavailable, Unsupported
from modelwright.core.parameters import RULES, Parameters

pytestmark = pytest.mark.anyio
Start = Callable[..., Any]
Eventually = Callable[[Callable[[], bool], float], Awaitable[float]]

ENDLESS = Parameters.of({"temperature": 0, "num_predict": 5000})
CONTEXT = 4096


@contextmanager
def takes_at_most(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


async def interrupted(engines: Any, needs: Any, number: signal.Signals) -> None:
    """Read an answer whose engine gets a signal in the middle."""
    count = 0
    async with aclosing(engines.pool.chat(needs, (Message("user", "Go on."),), ENDLESS)) as events:
        async for _ in events:
            count += 1
            if count == 5:
                (pid,) = engines.pids()
                os.kill(pid, number)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
async def test_a_killed_engine_is_an_error_and_the_next_request_works(
    start: Start, slow: Path, number: signal.Signals
) -> None:
    engines = start(parallel=1)
    needs = engines.needs(slow, context=CONTEXT)
    await engines.pool.load(needs)
    message = rf"stopped while answering \({number.name}\)"
    with takes_at_most(8.0), pytest.raises(Unavailable, match=message):
        await interrupted(engines, needs, number)
    with takes_at_most(20.0):
        assert await engines.answer(needs)


async def test_all_answers_of_a_killed_engine_fail_and_those_waiting_go_on(start: Start, slow: Path) -> None:
    engines = start(parallel=2)
    needs = engines.needs(slow, context=CONTEXT)
    await engines.pool.load(needs)
    (pid,) = engines.pids()
    running = [asyncio.create_task(engines.events(needs, ENDLESS)) for _ in range(2)]
    await asyncio.sleep(0.3)
    waiting = asyncio.create_task(engines.answer(needs))
    await asyncio.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    results = await asyncio.gather(*running, return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)
    assert await waiting


async def test_another_engine_is_not_harmed(start: Start, slow: Path, tiny: Path) -> None:
    engines = start(parallel=1)
    expected = await engines.answer(engines.needs(tiny))
    (bystander,) = engines.pids()
    other = engines.needs(slow, context=CONTEXT)
    await engines.pool.load(other)
    (victim,) = engines.pids() - {bystander}
    running = asyncio.create_task(engines.events(other, ENDLESS))
    await asyncio.sleep(0.2)
    os.kill(victim, signal.SIGKILL)
    assert await engines.answer(engines.needs(tiny)) == expected
    with pytest.raises(Unavailable):
        await running
    assert bystander in engines.pids()


async def test_a_hung_engine_is_killed(start: Start, slow: Path) -> None:
    engines = start(parallel=1, watchdog_seconds=1.0)
    needs = engines.needs(slow, context=CONTEXT)
    await engines.pool.load(needs)
    with takes_at_most(20.0), pytest.raises(Unavailable, match="did not respond for 1 s"):
        await interrupted(engines, needs, signal.SIGSTOP)
    assert await engines.answer(needs)


async def test_a_slow_prompt_is_no_hang(start: Start, slow: Path) -> None:
    engines = start(parallel=1, watchdog_seconds=1.5)
    needs = engines.needs(slow, context=CONTEXT)
    prompt = (Message("user", "What then? " * 90),)
    events = [event async for event in engines.pool.chat(needs, prompt, Parameters.of({"num_predict": 1}))]
    assert events[-1].usage.prompt_ns > 1.5e9, "the prompt must take longer than the watchdog waits"


async def test_an_engine_that_fails_again_and_again_rests(start: Start, tiny: Path) -> None:
    engines = start()
    needs = engines.needs(tiny)
    for _ in range(3):
        await engines.answer(needs)
        (pid,) = engines.pids()
        os.kill(pid, signal.SIGKILL)
        while engines.pool.running():
            await asyncio.sleep(0.01)
    with pytest.raises(Unavailable, match=r"failed 3 times in a minute.*SIGKILL") as raised:
        await engines.answer(needs)
    assert raised.value.retry_after >= 1
    await asyncio.sleep(1.1)
    assert await engines.answer(needs), "it is tried again after the rest"


async def test_weights_that_cannot_be_loaded_are_refused_with_the_engines_reason(
    start: Start, tiny: Path, tmp_path: Path
) -> None:
    engines = start()
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(tiny.read_bytes()[:2000] + os.urandom(50_000))
    needs = engines.needs(bad)
    for _ in range(5):
        with pytest.raises(Unsupported, match=r"the engine cannot load these weights: .+") as raised:
            await engines.answer(needs)
        assert str(tmp_path) not in raised.value.message
    assert await engines.answer(engines.needs(tiny)), "others are served"
    assert len(engines.pids()) == 1


async def test_weights_that_abort_the_engine_do_not_abort_us(
    start: Start, tiny: Path, tmp_path: Path
) -> None:
    engines = start()
    bad = tmp_path / "twice.gguf"
    bad.write_bytes(tiny.read_bytes().replace(b"word100", b"word101"))  # a token that is there already
    with pytest.raises(Unsupported, match=r"died while loading these weights \(SIGABRT\): llama-vocab"):
        await engines.answer(engines.needs(bad))
    assert await engines.answer(engines.needs(tiny))


async def test_missing_weights_are_named(start: Start, tmp_path: Path) -> None:
    engines = start()
    needs = engines.needs(tmp_path / "gone.gguf")
    for _ in range(5):
        with pytest.raises(Corrupt, match=str(needs.base)):
            await engines.answer(needs)


async def test_where_a_socket_path_would_be_too_long_a_port_with_a_key_serves(
    start: Start, tiny: Path, tmp_path: Path
) -> None:
    engines = start(runtime_dir=tmp_path / ("x" * 100))
    assert await engines.answer(engines.needs(tiny))
    (pid,) = engines.pids()
    port = listening_port(pid)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as stranger:
        assert (await stranger.get("/slots")).status_code == 401
        assert (await stranger.post("/completion", json={"prompt": "a"})).status_code == 401


async def test_only_we_can_reach_the_socket(start: Start, tiny: Path) -> None:
    engines = start()
    await engines.answer(engines.needs(tiny))
    (pid,) = engines.pids()
    lines = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    (path,) = [line[7] for line in lines if len(line) == 8 and line[5] == "01" and held(pid, line[6])]
    folder = Path(path).parent
    assert folder.stat().st_mode & 0o077 == 0
    await engines.pool.aclose()
    assert not folder.exists()


async def test_closing_ends_what_still_loads(start: Start, slow: Path) -> None:
    engines = start()
    waiting = asyncio.create_task(engines.answer(engines.needs(slow)))
    await asyncio.sleep(0.05)
    closing = asyncio.create_task(engines.pool.aclose())
    await asyncio.sleep(0.02)
    closing.cancel()  # a second signal: no more waiting
    await asyncio.wait([closing])
    with pytest.raises(Unavailable):
        await waiting
    assert not engines.pids()


async def test_what_is_too_long_or_no_text_is_refused(start: Start, tiny: Path) -> None:
    engines = start()
    needs = engines.needs(tiny, context=256)
    with pytest.raises(Invalid, match="tokens long, the context holds 256"):
        [event async for event in engines.pool.chat(needs, (Message("user", "x" * 2000),), Parameters())]
    for messages in ((), (Message("user", "a\0b"),), (Message("user", "\ud800"),), (Message("king", "a"),)):
        with pytest.raises(Invalid):
            [event async for event in engines.pool.chat(needs, messages, Parameters())]
    with pytest.raises(TooLarge, match="limit"):
        [event async for event in engines.pool.complete(needs, "x" * 20_000_000, Parameters())]


def held(pid: int, inode: str) -> bool:
    """Whether a process has this socket open."""
    return any(f"socket:[{inode}]" == str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir())


def listening_port(pid: int) -> int:
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and held(pid, fields[9]):
            return int(fields[1].rpartition(":")[2], 16)
    raise AssertionError("it listens nowhere")


async def busy_slots(engines: Any) -> int:
    """Slots at work, as the engine itself says; ask it seldom, asking delays it."""
    (socket,) = [str(path) for path in engines.runtime_dir.glob("*.sock")]
    transport = httpx2.AsyncHTTPTransport(uds=socket)
    async with httpx2.AsyncClient(transport=transport, base_url="http://engine", trust_env=False) as client:
        return sum(slot["is_processing"] for slot in (await client.get("/slots")).json())


@pytest.mark.parametrize(
    ("text", "events_before"), [("Go on.", 5), ("What then? " * 300, 0)], ids=["decode", "prefill"]
)
async def test_who_leaves_frees_the_slot(
    start: Start, slow: Path, tmp_path: Path, text: str, events_before: int
) -> None:
    engines = start(parallel=1, runtime_dir=tmp_path / "run")
    engines.runtime_dir = tmp_path / "run"
    needs = engines.needs(slow, context=CONTEXT)
    await engines.pool.load(needs)
    events = engines.pool.chat(needs, (Message("user", text),), ENDLESS)
    for _ in range(events_before):
        await anext(events)
    if not events_before:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(events), 1.0)
    await events.aclose()
    await asyncio.sleep(2.0)
    assert await busy_slots(engines) == 0


async def test_who_leaves_the_queue_harms_nobody(start: Start, tiny: Path) -> None:
    engines = start(parallel=1)
    needs = engines.needs(tiny)
    await engines.pool.load(needs)
    tasks = [asyncio.create_task(engines.answer(needs)) for _ in range(20)]
    await asyncio.sleep(0.01)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, str) for result in results[1::2])
    assert len(set(results[1::2])) == 1


async def test_who_leaves_while_it_loads_harms_nobody(
    start: Start, tiny: Path, eventually: Eventually
) -> None:
    engines = start()
    needs = engines.needs(tiny, keep_alive=0.0)
    leaving = asyncio.create_task(engines.answer(needs))
    await asyncio.sleep(0.03)
    leaving.cancel()
    await asyncio.wait([leaving])
    await eventually(lambda: not engines.pids(), 60)
    assert await engines.answer(needs)


@pytest.mark.parametrize("edge", ["minimum", "maximum"])
async def test_the_engine_takes_every_value_that_we_allow(start: Start, tiny: Path, edge: str) -> None:
    engines = start()
    needs = engines.needs(tiny)
    for name, rule in RULES.items():
        if rule.effective and rule.per_request and rule.type in ("int", "float"):
            limit = {} if name == "num_predict" else {"num_predict": 2}
            parameters = Parameters.of(
                {name: getattr(rule, edge), "mirostat": 0, **limit} | {name: getattr(rule, edge)}
            )
            assert await engines.events(needs, parameters), name
    assert len(engines.pids()) == 1
