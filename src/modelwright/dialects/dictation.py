"""Dictation: a recording as a question to a model that hears.

Knows no dialect's form.
"""

from typing import Final

from modelwright.core.chat import ChatRequest, Message
from modelwright.core.parameters import Parameters
from modelwright.core.sounds import check_sound

ORDER: Final = "Write down what is said in this recording, word for word, and nothing else."


def dictation(
    model: str, sound: bytes, *, field: str, hints: tuple[str, ...] = (), temperature: float | None = None
) -> ChatRequest:
    """The question what is said in `sound`, which came in `field`.

    `hints` are sentences that follow the order; without a temperature the model's own
    holds, and 0 where it has none. Raises Invalid or TooLarge for what is
    no sound, or for a temperature out of range.
    """
    check_sound(sound, field=field)
    spoken = Message("user", " ".join((ORDER, *hints)), images=(sound,))
    asked = Parameters.of({"temperature": temperature})
    return ChatRequest(model, (spoken,), parameters=asked, usual=Parameters.of({"temperature": 0}))
