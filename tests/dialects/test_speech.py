"""A model whose projector hears takes sounds: those of three routes."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
from openai.types.audio import (
    Transcription,
    TranscriptionTextDeltaEvent,
    TranscriptionTextDoneEvent,
)

from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.core.revision import BlobRecord
from modelwright.core.weight_files import NamedBlob
from modelwright.core.weights import WeightFacts
from modelwright.dialects.ai_middleware.stance import Stance
from modelwright.dialects.native import Identity
from modelwright.engines.bodies import turn
from modelwright.engines.echo import EchoEngines
from modelwright.web.server import Edge, build_asgi
from tests.dialects.conftest import BORN, House

pytestmark = pytest.mark.anyio

WAV = b"RIFF\x24\0\0\0WAVEfmt " + bytes(20)
EARS = WeightFacts("projector", "gguf", "clip", 1, "F16", metadata={"clip.has_audio_encoder": True})
TEXT = WeightFacts("model", "gguf", "llama", 1, "F16", context_length=512, embedding_length=8)


class Listening(EchoEngines):
    """Keeps what the engine is asked."""

    heard: list[Any] = []  # noqa: RUF012 - emptied by the fixture

    async def chat(self, needs: Any, messages: Any, parameters: Any, *more: Any) -> AsyncIterator[Any]:
        self.heard.append((needs, messages, parameters.as_dict()))
        async for event in super().chat(needs, messages, parameters, *more):
            yield event


@pytest.fixture
async def hearing(opening: Callable[..., Any]) -> AsyncIterator[House]:
    """A house with a model "ears", whose projector hears."""
    Listening.heard.clear()
    async with opening(engines=Listening) as house:
        files = []
        for name, facts in (("words", TEXT), ("ears", EARS)):
            digest = Digest.of(name.encode())
            await house.catalogue.add_blob(BlobRecord(digest, len(name), facts))
            files.append(NamedBlob("", digest))
        async for _ in house.services.models.create(LOCAL_ADMIN, "ears", SpecDraft(files=tuple(files))):
            pass
        yield house


def speech(client: Any, content: bytes = WAV, **texts: str) -> Any:
    files = {"audio": ("a.wav", content, "audio/wav")}
    return client.post("/ai/speech-to-text", files=files, data={"format": "wav", **texts})


async def test_a_model_that_hears_says_so(hearing: House) -> None:
    shown = (await hearing.client.post("/api/show", json={"model": "ears"})).json()
    assert "audio" in shown["capabilities"]
    assert "vision" not in shown["capabilities"]


async def test_speech_reaches_the_engine_and_its_answer_is_the_text(hearing: House) -> None:
    answer = await speech(hearing.client, model="ears")
    assert answer.status_code == 200, answer.text
    assert answer.json()["message"] == "Speech converted to text"
    assert answer.json()["data"]["text"].startswith("Write down what is said")  # the echo of the order
    (needs, messages, _) = Listening.heard[-1]
    assert needs.projector == Digest.of(b"ears")
    assert messages[-1].images == (WAV,)


async def test_the_setting_names_the_model_where_a_client_does_not(hearing: House) -> None:
    edge = Edge(Identity("1", "", 1, BORN, ""), ai_middleware=Stance("corrected", {"llama2": "ears"}, "ears"))
    transport = httpx2.ASGITransport(app=build_asgi(hearing.services, edge))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:11434") as client:
        assert (await speech(client)).status_code == 200
        assert (await speech(client, model="llama2")).status_code == 200, "and a fixed name stands for one"


@pytest.mark.parametrize(
    ("fields", "content", "status", "said"),
    [
        ({}, WAV, 400, "no model is set that hears"),
        ({"model": "test"}, WAV, 400, "does not support audio"),
        ({"model": "nothing"}, WAV, 404, "nothing"),
        ({"model": "ears"}, b"RIFF", 400, "no sound that is known"),
        ({"model": "ears"}, b"\x89PNG\r\n\x1a\n", 400, "no sound that is known"),
    ],
)
async def test_speech_is_refused_clearly(
    hearing: House, fields: dict[str, str], content: bytes, status: int, said: str
) -> None:
    answer = await speech(hearing.client, content, **fields)
    assert (answer.status_code, said in answer.text) == (status, True), answer.text
    assert not Listening.heard


async def test_a_body_that_is_no_form_is_refused(hearing: House) -> None:
    answer = await hearing.client.post("/ai/speech-to-text", json={"audio": "x"})
    assert (answer.status_code, "multipart/form-data" in answer.text) == (400, True)


async def test_openais_input_audio_is_heard(hearing: House) -> None:
    sound = {"data": base64.b64encode(WAV).decode(), "format": "wav"}
    parts = [{"type": "text", "text": "What is said?"}, {"type": "input_audio", "input_audio": sound}]
    body = {"model": "ears", "messages": [{"role": "user", "content": parts}]}
    assert (await hearing.client.post("/v1/chat/completions", json=body)).status_code == 200
    assert Listening.heard[-1][1][-1].images == (WAV,)
    deaf = await hearing.client.post("/v1/chat/completions", json=body | {"model": "test"})
    assert (deaf.status_code, "does not support audio" in deaf.text) == (400, True)


async def test_the_engine_is_given_a_sound_as_one(hearing: House) -> None:
    await speech(hearing.client, model="ears")
    content: Any = turn(Listening.heard[-1][1][-1])["content"]
    assert content[0] == {
        "type": "input_audio",
        "input_audio": {"data": base64.b64encode(WAV).decode(), "format": "wav"},
    }
    assert content[1]["type"] == "text"


def transcribe(client: Any, content: bytes = WAV, **texts: str) -> Any:
    """A recording as OpenAI's clients send it."""
    return client.post(
        "/v1/audio/transcriptions", files={"file": ("a.wav", content)}, data={"model": "ears", **texts}
    )


async def test_openais_transcription_is_what_the_model_writes_down(hearing: House) -> None:
    answer = await transcribe(hearing.client)
    assert answer.status_code == 200, answer.text
    told = Transcription.model_validate(answer.json())
    assert told.text.startswith("Write down what is said")  # the echo of the order
    assert told.usage is not None
    assert told.usage.type == "tokens"
    assert Listening.heard[-1][1][-1].images == (WAV,)


async def test_a_transcription_may_be_told_the_language_and_what_came_before(hearing: House) -> None:
    await transcribe(hearing.client, language="de", prompt="Herr Öz spricht.", temperature="0.5")
    asked = Listening.heard[-1][1][-1].content
    assert '"de"' in asked
    assert '"Herr Öz spricht."' in asked


async def test_a_transcription_can_be_plain_text(hearing: House) -> None:
    whole = (await transcribe(hearing.client)).json()["text"]
    plain = await transcribe(hearing.client, response_format="text")
    assert plain.headers["content-type"] == "text/plain; charset=utf-8"
    assert plain.text == whole + "\n"


async def test_a_transcription_that_is_streamed_says_the_same(hearing: House) -> None:
    whole = (await transcribe(hearing.client)).json()
    streamed = await transcribe(hearing.client, stream="true")
    assert streamed.headers["content-type"].startswith("text/event-stream")
    frames = [json.loads(line[6:]) for line in streamed.text.splitlines() if line.startswith("data: {")]
    *pieces, last = frames
    deltas = [TranscriptionTextDeltaEvent.model_validate(piece).delta for piece in pieces]
    done = TranscriptionTextDoneEvent.model_validate(last)
    assert "".join(deltas) == done.text == whole["text"]
    assert last["usage"]["total_tokens"] == whole["usage"]["total_tokens"]


@pytest.mark.parametrize(
    ("texts", "content", "status", "said"),
    [
        ({"model": ""}, WAV, 400, '"model" is required'),
        ({"model": "test"}, WAV, 400, "does not support audio"),
        ({"model": "nothing"}, WAV, 404, "nothing"),
        ({}, b"RIFF", 400, "no sound that is known"),
        ({"response_format": "srt"}, WAV, 400, 'response_format "srt" is not supported'),
        ({"response_format": "text", "stream": "true"}, WAV, 400, "stream"),
        ({"temperature": "warm"}, WAV, 400, "temperature"),
        ({"temperature": "nan"}, WAV, 400, "temperature"),
        ({"stream": "maybe"}, WAV, 400, "stream"),
        ({"include[]": "logprobs"}, WAV, 400, "include"),
        ({"timestamp_granularities[]": "word"}, WAV, 400, "timestamp_granularities"),
        ({"language": "the one of " + "x" * 80}, WAV, 400, "language"),
    ],
)
async def test_a_transcription_is_refused_clearly(
    hearing: House, texts: dict[str, str], content: bytes, status: int, said: str
) -> None:
    answer = await transcribe(hearing.client, content, **texts)
    assert (answer.status_code, said in answer.json()["error"]["message"]) == (status, True), answer.text
    assert not Listening.heard


async def test_a_recording_is_heard_at_no_heat_unless_somebody_says_one(hearing: House) -> None:
    """A custom model's own parameters, and those of what it was made from, are nobody's to override."""
    await hearing.create("warm", **{"from": "ears", "parameters": {"temperature": 0.6}})
    await hearing.create("heir", **{"from": "warm", "system": "Write in capitals."})
    for model, own in (("ears", 0), ("warm", 0.6), ("heir", 0.6)):
        for asked in (speech, transcribe):
            assert (await asked(hearing.client, model=model)).status_code == 200
            assert Listening.heard[-1][2]["temperature"] == own, (model, asked)
        assert (await transcribe(hearing.client, model=model, temperature="0.25")).status_code == 200
        assert Listening.heard[-1][2]["temperature"] == 0.25
        assert (await transcribe(hearing.client, model=model, temperature="0")).status_code == 200
        assert Listening.heard[-1][2]["temperature"] == 0
