"""The form of /ai/speech-to-text as a question to a model that hears."""

from contextlib import aclosing

from starlette.requests import Request

from modelwright.core.chat import ChatRequest, TextDelta
from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.grants import Principal
from modelwright.core.sounds import MOST_BYTES
from modelwright.dialects.ai_middleware.stance import Stance
from modelwright.dialects.body import Limits
from modelwright.dialects.dictation import dictation
from modelwright.dialects.multipart import read_form
from modelwright.service.chat import Chat


async def read_speech(request: Request, stance: Stance, limits: Limits) -> ChatRequest:
    """The question: a file "audio" and, if given, a text "model".

    The original hands a text "format" on to its service; here the file says itself
    what it is. Raises Invalid for what is no sound, Unsupported where no model is named.
    """
    async with read_form(request, "audio", MOST_BYTES, limits) as form:
        sound = b"".join([piece async for piece in form.content()])
        named = form.texts.get("model", "").strip()
    model = stance.meant(named) or stance.speech_model
    if not model:
        raise Unsupported(
            "no model is set that hears",
            field="model",
            hint='Name one in the field "model", or set ai_middleware_speech_model',
        )
    return dictation(model, sound, field="audio")


async def transcribed(chat: Chat, principal: Principal, question: ChatRequest) -> str:
    """What the model writes down; raises as a chat does."""
    async with aclosing(chat.chat(principal, question)) as events:
        text = "".join([event.text async for event in events if isinstance(event, TextDelta)])
    if not text.strip():
        raise Invalid("nothing is said in the recording", field="audio")
    return text.strip()
