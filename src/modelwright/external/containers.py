"""Containers: images that a container engine runs, through its own command.

docker and podman take the same words. A container listens on the loopback address
alone, at a port that the engine picks; it has no rights that it does not need, and it
ends with its deployment. Nothing here is passed through a shell.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

import httpx2

from modelwright.core.errors import Conflict, Invalid, Unavailable, Unsupported
from modelwright.core.external import LONGEST_ENV, MOST_ENV, External, checked_route
from modelwright.core.wording import excerpt
from modelwright.external.pieces import LACKING, read_json, read_pieces, read_whole, shown

SETTING: Final = "container_engine"
LABEL: Final = "modelwright.deployment"
PORT: Final = 5005
"""The port that a bundle listens on, as Scale's do."""
PULL_SECONDS: Final = 1800.0
COMMAND_SECONDS: Final = 60.0
PREDICT_SECONDS: Final = 600.0
HEALTH_SECONDS: Final = 5.0

_IMAGE: Final = re.compile(r"[a-z0-9][a-z0-9._:/-]{0,254}(:[A-Za-z0-9._-]{1,128})?(@sha256:[0-9a-f]{64})?")
_MEMORY: Final = re.compile(r"(\d{1,12})([KMGT]i?)?")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_POLL_SECONDS: Final = 0.5


class Containers:
    """Runs images with `engine`, a command; without one every start is refused."""

    def __init__(self, engine: str, *, poll: float = _POLL_SECONDS) -> None:
        self._engine = engine
        self._poll = poll
        # Without TLS: it speaks to the loopback address alone, and certificates take long to load.
        self._http = httpx2.AsyncClient(
            trust_env=False, follow_redirects=False, timeout=PREDICT_SECONDS, verify=False
        )

    async def start(self, deployment: str, external: External) -> None:
        """Pull, run and wait for health; raises Unsupported, Invalid or Unavailable."""
        if not self._engine:
            raise Unsupported(
                f"the image {excerpt(external.image)} needs a container engine, and none is configured",
                field="image",
                hint=f"Set {SETTING} to docker or podman, or use a built-in runtime such as modelwright/llm",
            )
        arguments = run_arguments(deployment, external)
        await self._command(PULL_SECONDS, "pull", external.image)
        await self._command(COMMAND_SECONDS, "rm", "--force", _called(deployment), quiet=True)
        await self._command(COMMAND_SECONDS, *arguments)
        try:
            await self._until_healthy(deployment, external)
        except BaseException:
            await asyncio.shield(self.stop(deployment))
            raise

    async def check(self, deployment: str, external: External) -> None:
        """Ask its health route once; raises Unavailable when it is not well."""
        await self._see_well(await self._address(deployment), deployment, external)

    async def _see_well(self, address: str, deployment: str, external: External) -> None:
        try:
            answer = await self._http.get(f"{address}{external.health_route}", timeout=HEALTH_SECONDS)
        except httpx2.HTTPError as error:
            raise Unavailable(f"the container of {deployment} does not answer: {error}") from error
        if not answer.is_success:
            raise Unavailable(f"the container of {deployment} is not healthy: status {answer.status_code}")

    async def predict(self, deployment: str, external: External, body: Mapping[str, Any]) -> Any:
        """Post a body to its predict route; gives the JSON that comes back."""
        async with self._asked(deployment, external.predict_route, body) as answer:
            await _check(answer)
            return read_json(await read_whole(answer))

    async def stream(
        self, deployment: str, external: External, body: Mapping[str, Any]
    ) -> AsyncGenerator[Any, None]:
        """Post a body; gives the JSON of each piece, or the whole answer as one."""
        if external.stream_route:
            async with self._asked(deployment, external.stream_route, body) as answer:
                if answer.status_code not in LACKING:
                    await _check(answer)
                    async with aclosing(read_pieces(answer)) as pieces:
                        async for piece in pieces:
                            yield piece
                    return
        yield await self.predict(deployment, external, body)

    async def stop(self, deployment: str) -> None:
        """End a container; nothing where there is none."""
        if self._engine:
            await self._command(COMMAND_SECONDS, "rm", "--force", _called(deployment), quiet=True)

    async def aclose(self) -> None:
        await self._http.aclose()

    @asynccontextmanager
    async def _asked(
        self, deployment: str, route: str, body: Mapping[str, Any]
    ) -> AsyncGenerator[httpx2.Response, None]:
        url = f"{await self._address(deployment)}{route}"
        try:
            async with self._http.stream("POST", url, json=dict(body)) as answer:
                yield answer
        except httpx2.HTTPError as error:
            raise Unavailable(f"the container of {deployment} does not answer: {error}") from error

    async def _until_healthy(self, deployment: str, external: External) -> None:
        clock = asyncio.get_running_loop().time
        end = clock() + max(external.delay, 1)
        last = "it has not answered yet"
        while clock() < end:
            address = await self._address(deployment)  # what has ended will not become healthy
            try:
                await self._see_well(address, deployment, external)
                return
            except Unavailable as error:
                last = error.message
            await asyncio.sleep(self._poll)
        raise Unavailable(
            f"the container of {deployment} was not healthy within {external.delay} seconds: {last}",
            hint="Look at its log with the container engine, or allow it more time",
        )

    async def _address(self, deployment: str) -> str:
        """Where a container listens; raises Unavailable when it does not run."""
        said = await self._command(COMMAND_SECONDS, "port", _called(deployment), f"{PORT}/tcp")
        match = re.search(r"127\.0\.0\.1:(\d{1,5})", said)
        if match is None:
            raise Unavailable(f"the container of {deployment} does not run", hint="Deploy the model again")
        return f"http://127.0.0.1:{match[1]}"

    async def _command(self, seconds: float, *arguments: str, quiet: bool = False) -> str:
        """What the engine says; raises Unavailable when it fails, unless `quiet`."""
        try:
            process = await asyncio.create_subprocess_exec(
                self._engine,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise Unsupported(
                f"the container engine {excerpt(self._engine)} cannot be started: {error.strerror}",
                hint=f"Correct the setting {SETTING}",
            ) from error
        try:
            async with asyncio.timeout(seconds):
                said, complaint = await process.communicate()
        except TimeoutError:
            raise Unavailable(f"{self._engine} {arguments[0]} took more than {seconds:g} seconds") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode and not quiet:
            text = excerpt(complaint.decode("utf-8", "replace").strip(), 300)
            raise Unavailable(f"{self._engine} {arguments[0]} failed: {text}")
        return said.decode("utf-8", "replace")


async def _check(answer: httpx2.Response) -> None:
    """Raises Invalid for a refusal of the body, Unavailable for any other failure."""
    if answer.is_client_error:
        raise Invalid(f"the container refuses the request: {shown(await read_whole(answer))}")
    if not answer.is_success:
        raise Unavailable(f"the container answers with status {answer.status_code}")


def run_arguments(deployment: str, external: External) -> Sequence[str]:
    """What `docker run` is told; raises Invalid for what it must not be."""
    if not _IMAGE.fullmatch(external.image):
        raise Invalid(f"{excerpt(external.image)} is no reference to an image", field="image")
    for route in (external.health_route, external.predict_route, external.stream_route or "/"):
        checked_route(route, field="route")
    said = ["run", "--detach", "--name", _called(deployment), "--label", f"{LABEL}={deployment}"]
    said += ["--publish", f"127.0.0.1::{PORT}", "--security-opt", "no-new-privileges", "--cap-drop", "ALL"]
    if external.cpus:
        said += ["--cpus", f"{external.cpus:g}"]
    if external.memory:
        said += ["--memory", str(memory_bytes(external.memory))]
    if external.gpus:
        said += ["--gpus", str(external.gpus)]
    for name, value in _environment(external).items():
        said += ["--env", f"{name}={value}"]
    return [*said, external.image, *external.command]


def memory_bytes(text: str) -> int:
    """The bytes that such a text as 8Gi means; raises Invalid."""
    match = _MEMORY.fullmatch(text)
    if match is None or not int(match[1]):
        raise Invalid(f"memory is {excerpt(text, 40)}", field="memory", hint="Write it as 512Mi or 8Gi")
    unit = match[2] or ""
    step = 1024 if unit.endswith("i") else 1000
    power: int = step ** (" KMGT".index(unit[0]) if unit else 0)
    return int(match[1]) * power


def _environment(external: External) -> Mapping[str, str]:
    if len(external.env) > MOST_ENV:
        raise Conflict(f"{len(external.env)} environment variables, at most {MOST_ENV} are allowed")
    for name, value in external.env.items():
        if not _NAME.fullmatch(name) or "\0" in value or len(value) > LONGEST_ENV:
            raise Invalid(f"{excerpt(name, 40)} cannot be an environment variable", field="env")
    return external.env


def _called(deployment: str) -> str:
    return f"modelwright-{deployment}"
