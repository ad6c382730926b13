"""Replay: what the starter knows, drawn afresh from the corpus it was made of.

A model that learns something new forgets what it is not reminded of, and first
of all to say that it does not know. Knows only the starter; other bases have
their users' datasets.
"""

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Final

from modelwright.core.chat import Message
from modelwright.core.dataset import Dialogue
from modelwright.core.digest import Digest
from modelwright.starter import published_digest
from modelwright.starter.corpus.conversation import Conversation
from modelwright.starter.corpus.mix import conversations, family_items

REFUSALS: Final = 0.4
"""Share of the rows in which the right answer is that it does not know."""
_REFUSING: Final = ("unknown_name", "out_of_scope", "beyond_the_world")


class StarterReplay:
    """Implements core.training_ports.Replay."""

    def rows(self, base: Digest, count: int, seed: int) -> Iterator[Dialogue]:
        """So many fresh conversations; none for another base."""
        if base != published_digest():
            return
        refusing = round(count * REFUSALS)
        drawn = list(islice(conversations(seed, curriculum=False), count - refusing))
        for place, family in enumerate(_REFUSING):
            wanted = (refusing + place) // len(_REFUSING)
            drawn += family_items(family, seed, wanted)
        Random(seed).shuffle(drawn)
        yield from map(_dialogue, drawn)


def _dialogue(conversation: Conversation) -> Dialogue:
    messages = tuple(Message(message.role, message.content) for message in conversation.messages)
    return Dialogue(messages, (len(messages) - 1,))
