"""Dictation: a recording as a question to a model that hears.

Knows no dialect's form.
"""

from typing import Final

from modelwright.core.chat import ChatRequest, Message
from modelwright.core.parameters import Parameters
from modelwright.core.sounds import check_sound

ORDER: Final = "Write down what is said in this recording, word for word, and nothing else."


def dictation(
    model: str, sound: bytes, *, field: str, hints: tuple[str, ...] = (), temperature: float = 0
) -> ChatRequest:
    """The question what is said in `sound`, which came in `field`.

    `hints` are sentences that follow the order. Raises Invalid or TooLarge for what is
    no sound, or for a temperature out of range.
    """
    check_sound(sound, field=field)
    spoken = Message("user", " ".join((ORDER, *hints)), images=(sound,))
    return ChatRequest(model, (spoken,), parameters=Parameters.of({"temperature": temperature}))
