"""Several turns: what the user told before, repeating, and "And of Italy?"."""

from collections.abc import Callable
from random import Random

from modelwright.starter.corpus import vocabulary as words
from modelwright.starter.corpus import world
from modelwright.starter.corpus.conversation import Content, Conversation, converse, drawn
from modelwright.starter.corpus.invented import copy_word, invented_name, invented_word, person, place
from modelwright.starter.corpus.questions import noisy
from modelwright.starter.corpus.smalltalk import PERSONAL

Turn = tuple[str, str]
_OWN_NAME = (
    "What is my name?",
    "Who am I?",
    "Do you know my name?",
    "Tell me my name.",
    "What was my name?",
    "Do you remember my name?",
)


def _told_name(rng: Random) -> tuple[Turn, Turn]:
    name = person(rng)
    told = rng.choice(
        (
            "My name is {x}.",
            "I am {x}.",
            "I'm {x}.",
            "Call me {x}.",
            "Hello, I am {x}.",
            "Hi, my name is {x}.",
            "my name is {x}",
        )
    )
    return (told.format(x=name), f"Nice to meet you, {name}!"), (
        rng.choice(_OWN_NAME),
        f"Your name is {name}.",
    )


def _told_home(rng: Random) -> tuple[Turn, Turn]:
    town = place(rng)
    told = rng.choice(("I live in {x}.", "I live in {x}.", "My home is {x}.", "I am living in {x}."))
    asked = rng.choice(
        ("Where do I live?", "Where is my home?", "Do you know where I live?", "Tell me where I live.")
    )
    return (told.format(x=town), f"{town} sounds nice!"), (asked, f"You live in {town}.")


def _told_colour(rng: Random) -> tuple[Turn, Turn]:
    shade = rng.choice(words.COLOUR_NAMES)
    told = rng.choice(("My favourite colour is {x}.", "I like the colour {x}.", "I love the colour {x}."))
    asked = rng.choice(
        (
            "What is my favourite colour?",
            "Which colour do I like?",
            "Do you know my favourite colour?",
            "My favourite colour?",
        )
    )
    return (told.format(x=shade), f"{shade.capitalize()} is a nice colour!"), (
        asked,
        f"Your favourite colour is {shade}.",
    )


def _told_pet(rng: Random) -> tuple[Turn, Turn]:
    name, pet = (
        (invented_name(rng) if rng.random() < 0.6 else rng.choice(words.FIRST_NAMES)),
        rng.choice(("dog", "dog", "cat", "rabbit")),
    )
    told = rng.choice(("My {p} is called {x}.", "My {p}'s name is {x}.", "I have a {p} called {x}."))
    asked = rng.choice(
        (
            "What is the name of my {p}?",
            "What is my {p} called?",
            "What is my {p}'s name?",
            "How is my {p} called?",
        )
    )
    return (told.format(x=name, p=pet), f"{name} is a nice name!"), (
        asked.format(p=pet),
        f"Your {pet} is called {name}.",
    )


def _told_secret(rng: Random) -> tuple[Turn, Turn]:
    word = copy_word(rng) if rng.random() < 0.5 else invented_word(rng)
    told = rng.choice(
        (
            "The secret word is {x}.",
            "My secret word is {x}.",
            "Remember the word {x}.",
            "The password is {x}.",
        )
    )
    noun = "password" if "password" in told else "word" if "Remember" in told else "secret word"
    asked = rng.choice(
        (
            f"What is the {noun}?",
            f"What was the {noun}?",
            f"Tell me the {noun}.",
            f"Do you remember the {noun}?",
        )
    )
    return (told.format(x=word), "Okay, I will remember that."), (asked, f"The {noun} is {word}.")


def _told_number(rng: Random) -> tuple[Turn, Turn]:
    number = rng.randint(0, 10 ** rng.randint(1, 4))
    told = rng.choice(("My number is {x}.", "My lucky number is {x}.", "Remember the number {x}."))
    kind = "lucky number" if "lucky" in told else "number"
    owner, yours = ("the", "The") if "Remember" in told else ("my", "Your")
    asked = rng.choice(
        ("What is {o} {k}?", "What was {o} {k}?", "Tell me {o} {k}.", "Do you remember {o} {k}?")
    )
    return (told.format(x=number), "Okay, I will remember that."), (
        asked.format(o=owner, k=kind),
        f"{yours} {kind} is {number}.",
    )


_TOLD: tuple[Callable[[Random], tuple[Turn, Turn]], ...] = (
    _told_name,
    _told_name,
    _told_home,
    _told_colour,
    _told_pet,
    _told_secret,
    _told_number,
)


def _content_turn(rng: Random, content: Content) -> Turn:
    exchange = drawn(rng, content, PERSONAL)
    return noisy(rng, exchange), exchange.answer


def _memory(rng: Random, content: Content) -> list[Turn]:
    """Something told, other talk between, then the question for it."""
    makers = list(dict.fromkeys(rng.sample(_TOLD, 2 if rng.random() < 0.25 else 1)))
    pairs = [maker(rng) for maker in makers]
    turns = [told for told, _ in pairs]
    turns += [_content_turn(rng, content) for _ in range(rng.choice((0, 0, 1, 1, 2)))]
    asked = [asked for _, asked in pairs]
    rng.shuffle(asked)
    return turns + asked[: rng.randint(1, len(asked))]


def _named_by_system(rng: Random) -> Conversation:
    name = person(rng)
    line = rng.choice(
        (
            "The user is called {x}.",
            "The user's name is {x}.",
            "You are talking to {x}.",
            "You help {x}.",
            "The name of the user is {x}.",
        )
    )
    opening = rng.choice(("", "You are a helpful assistant. "))
    if rng.random() < 0.25:
        return converse(
            [(rng.choice(("hello", "Hi", "hi!", "Hello.", "hey")), f"Hello, {name}! How can I help you?")],
            "multi_turn",
            opening + line.format(x=name),
        )
    return converse(
        [(rng.choice(_OWN_NAME), f"Your name is {name}.")], "multi_turn", opening + line.format(x=name)
    )


def _again(rng: Random, content: Content) -> list[Turn]:
    question, answer = _content_turn(rng, content)
    ask = rng.choice(
        (
            "Say that again.",
            "Again, please.",
            "Repeat that.",
            "Can you say that again?",
            "What did you say?",
            "Once more please.",
        )
    )
    return [(question, answer), (ask, answer)]


def _and_of(rng: Random) -> list[Turn]:
    if rng.random() < 0.6:
        lands = rng.sample(tuple(world.CAPITALS), rng.randint(2, 3))
        first, later, facts = (
            "What is the capital of {x}?",
            ("And of {x}?", "And {x}?", "and {x}"),
            world.CAPITALS,
        )
        turns = [(first.format(x=lands[0]), f"The capital of {lands[0]} is {facts[lands[0]]}.")]
        return turns + [
            (rng.choice(later).format(x=land), f"The capital of {land} is {facts[land]}.")
            for land in lands[1:]
        ]
    things = rng.sample(tuple(world.THING_COLOURS), rng.randint(2, 3))
    turns = []
    for position, thing in enumerate(things):
        frame = (
            "What colour is {x}?"
            if not position
            else rng.choice(("And {x}?", "and {x}?", "And what about {x}?"))
        )
        turns.append(
            (frame.format(x=thing), f"{thing[0].upper()}{thing[1:]} is {world.THING_COLOURS[thing]}.")
        )
    return turns


def multi_turn(rng: Random, content: Content) -> Conversation:
    """A dialogue whose last answer needs what came before, or a few unrelated turns."""
    draw = rng.random()
    if 0.6 <= draw < 0.68:
        return _named_by_system(rng)
    if draw < 0.6:
        turns = _memory(rng, content)
    elif draw < 0.76:
        turns = _again(rng, content)
    elif draw < 0.84:
        turns = _and_of(rng)
    else:
        turns = [_content_turn(rng, content) for _ in range(rng.randint(2, 5))]
    return converse(turns, "multi_turn", rng.choice((None, None, "You are a helpful assistant.")))
