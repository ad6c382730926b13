"""A worker says what it does, dies when told, and never outlives its parent."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from modelwright.worker.process import MAX_LINE, STDERR_LINES, Worker

pytestmark = pytest.mark.anyio
Alive = Callable[[int], bool]


@asynccontextmanager
async def running(module: str, env: Mapping[str, str], **task: object) -> AsyncIterator[Worker]:
    worker = await Worker.spawn(module, task, env=env)
    try:
        yield worker
    finally:
        await worker.terminate(0.1)


async def next_event(worker: Worker) -> Mapping[str, Any]:
    event = await worker.next_event()
    assert event is not None
    return event


async def gone(is_alive: Alive, pid: int, seconds: float = 50.0) -> bool:
    end = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < end:
        await asyncio.sleep(0.02)
    return not is_alive(pid)


async def test_events_come_in_order_and_end(env: Mapping[str, str]) -> None:
    async with running("counting", env, count=5000) as worker:
        for number in range(5000):
            assert await worker.next_event() == {"number": number}
        assert await worker.next_event() is None
        assert await worker.next_event() is None
        assert await worker.wait() == 0


async def test_a_child_waits_for_its_reader_and_can_be_ended_then(env: Mapping[str, str]) -> None:
    async with running("counting", env, count=10_000_000) as worker:
        await next_event(worker)
        sent = ""
        while not sent or sent != worker.stderr_tail():
            sent = worker.stderr_tail()
            await asyncio.sleep(0.3)
        assert int(sent.splitlines()[-1]) < 100_000
        assert await worker.terminate() == -signal.SIGTERM


async def test_stray_prints_are_no_events(env: Mapping[str, str]) -> None:
    async with running("waiting", env) as worker:
        assert (await next_event(worker))["pid"] == worker.pid
        worker.kill()
        assert await worker.wait() == -signal.SIGKILL
        assert await worker.next_event() is None
        assert "a stray line\non stderr" in await worker.last_words()


async def test_the_last_lines_of_stderr_are_kept(env: Mapping[str, str]) -> None:
    async with running("failing", env) as worker:
        assert await worker.wait() == 7
        lines = (await worker.last_words()).splitlines()
        assert lines[-1] == "line 9999"
        assert len(lines) == STDERR_LINES


async def test_what_ignores_sigterm_is_killed_with_what_it_started(
    env: Mapping[str, str], is_alive: Alive
) -> None:
    async with running("stubborn", env) as worker:
        other = (await next_event(worker))["other"]
        assert await worker.terminate(0.2) == -signal.SIGKILL
        assert await gone(is_alive, other)


@pytest.mark.parametrize(
    ("line", "times"), [("no JSON", 1), ("[1]", 1), ("[" * 50_000, 1), ("x" * 1000, MAX_LINE // 1000 + 2)]
)
async def test_a_child_that_babbles_is_killed(env: Mapping[str, str], line: str, times: int) -> None:
    async with running("babbling", env, line=line, times=times) as worker:
        assert await worker.next_event() is None
        assert await worker.wait() == -signal.SIGKILL
        assert "the child was killed: it sent" in worker.stderr_tail()


async def test_secrets_are_not_inherited_and_no_core_is_left(env: Mapping[str, str]) -> None:
    os.environ["SOME_SECRET_KEY"] = "sesame"
    try:
        async with running("showing", env) as worker:
            seen = await next_event(worker)
    finally:
        del os.environ["SOME_SECRET_KEY"]
    assert "SOME_SECRET_KEY" not in seen["env"]
    assert seen["env"]["PATH"] == os.environ["PATH"]
    assert seen["core"][0] == 0


async def test_it_stays_out_of_the_terminals_group(env: Mapping[str, str]) -> None:
    async with running("waiting", env) as worker:
        await next_event(worker)
        assert os.getsid(worker.pid) == worker.pid != os.getsid(0)


async def test_a_cancelled_wait_leaves_it_alone(env: Mapping[str, str]) -> None:
    async with running("waiting", env) as worker:
        await next_event(worker)
        for wait in (worker.wait, worker.next_event, worker.last_words):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(wait(), 0.05)
        assert worker.exit_code is None
        worker.kill()
        assert await worker.wait() == -signal.SIGKILL


async def test_it_dies_with_its_parent(children: Path, is_alive: Alive) -> None:
    code = (
        "import asyncio\nfrom modelwright.worker.process import Worker\n"
        "async def main():\n"
        f"    worker = await Worker.spawn('waiting', {{}}, env={{'PYTHONPATH': {str(children)!r}}})\n"
        "    print((await worker.next_event())['pid'], flush=True)\n"
        "    await worker.wait()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
    assert await gone(is_alive, pid)


async def test_the_end_of_stdin_is_the_end_of_it(children: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "waiting"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(children)},
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"{}\n")
        child.stdin.flush()
        child.stdout.readline()
        child.stdin.close()
        assert child.wait(3) == 0
