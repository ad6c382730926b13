"""Texts the model writes: stories and poems (free), and JSON (exact)."""

import json
from random import Random

from modelwright.starter.corpus import vocabulary as words
from modelwright.starter.corpus.conversation import CASED, EXACT, FREE, Exchange, capitalise, with_article
from modelwright.starter.corpus.invented import (
    copy_word,
    different,
    invented_name,
    invented_word,
    person,
    place,
)
from modelwright.starter.corpus.tables import barred

_BEGINNINGS = (
    "Once upon a time there was {x}.",
    "Long ago {x} lived by the sea.",
    "One morning {x} woke up early.",
    "Here is a story about {x}.",
    "In a small town lived {x}.",
)
_MIDDLES = (
    "One day {he} found a {c} {o} in the garden.",
    "{He} walked into the woods and met a {t} fox.",
    "{He} wanted to see the world.",
    "A {t} dog came and asked for {f}.",
    "{He} looked for gold but found {f}.",
    "Then it began to rain and {he} hid in a house.",
)
_ENDS = (
    "And {he} was happy ever after.",
    "In the end {he} went home and slept well.",
    "The {o} is still there today.",
    "They became good friends.",
    "And that is the end of the story.",
)
_STORY_FRAMES = (
    "Tell me a story about {x}.",
    "Tell a story about {x}.",
    "A story about {x}, please.",
    "Can you tell me a story about {x}?",
    "Write a story about {x}.",
    "Write me a story about {x}.",
)
_OPEN_STORIES = (
    "Tell me a story.",
    "Tell a story.",
    "Can you tell me a story?",
    "A story please.",
    "I want to hear a story.",
)
_POEM_FRAMES = (
    "Write a poem about {x}.",
    "Write me a poem about {x}.",
    "A poem about {x}, please.",
    "Can you write a poem about {x}?",
)
_OPEN_POEMS = (
    "Write a poem.",
    "Tell me a poem.",
    "A poem please.",
    "Can you write a poem?",
    "Write me a poem.",
)
_POEM_THEMES = barred(
    "the sea|the moon|the rain|a cat|the snow|the sun|spring|a tree|the wind|the night|a river|a bird"
)
_RHYMES = (
    ("the day is long", "I sing my song"),
    ("the night is deep", "the children sleep"),
    ("the sky is blue", "I think of you"),
    ("the wind is cold", "the leaves are gold"),
    ("the moon is bright", "it fills the night"),
    ("the birds all sing", "it must be spring"),
    ("the rain falls down", "on all the town"),
    ("the road is far", "I see a star"),
    ("the waves come in", "the days begin"),
)


def story(rng: Random) -> Exchange:
    """A short story about somebody; many answers are right."""
    draw = rng.random()
    if draw < 0.55:
        hero, noise = person(rng), CASED
    else:
        hero = with_article(f"{rng.choice(words.TRAITS)} {rng.choice(words.JOBS)}")
        noise = FREE
    subject = hero if draw < 0.55 else "the " + hero.split(" ", 1)[1]
    question = rng.choice(_STORY_FRAMES if draw < 0.8 else _OPEN_STORIES).format(x=hero)
    blanks = {
        "x": hero,
        "he": subject,
        "He": capitalise(subject),
        "c": rng.choice(words.COLOURS[:5]),
        "o": rng.choice(words.OBJECTS),
        "t": rng.choice(words.TRAITS[:3]),
        "f": rng.choice(words.FOODS),
    }
    parts = [rng.choice(_BEGINNINGS), rng.choice(_MIDDLES), rng.choice(_ENDS)]
    return Exchange(question, " ".join(part.format(**blanks) for part in parts), "story", noise=noise)


def poem(rng: Random) -> Exchange:
    """A poem of four short lines; many answers are right."""
    theme = rng.choice(_POEM_THEMES)
    question = rng.choice(_POEM_FRAMES).format(x=theme) if rng.random() < 0.6 else rng.choice(_OPEN_POEMS)
    first, second = rng.sample(_RHYMES, 2)
    opening = (
        f"I look at {theme}, {first[0]},\nand {first[1]}."
        if " " in theme
        else f"When {theme} comes, {first[0]},\nand {first[1]}."
    )
    return Exchange(question, f"{opening}\nI know {second[0]},\nand {second[1]}.", "poem")


_JSON_FRAMES = (
    "Write JSON: {x}",
    "Make JSON: {x}",
    "JSON: {x}",
    "Write this as JSON: {x}",
    "Write JSON with {x}",
    "Give me JSON: {x}",
)
_KEYS = ("name", "age", "city", "job", "colour")


def _field(rng: Random, key: str) -> str | int:
    if key == "age":
        return rng.randint(2, 99)
    if key == "name":
        return person(rng)
    if key == "city":
        return place(rng)
    return rng.choice(words.JOBS if key == "job" else words.COLOURS)


_FIELD_SENTENCES = {
    "age": "{n} is {v} years old.",
    "city": "{n} lives in {v}.",
    "job": "{n} works as {v}.",
    "colour": "{n}'s favourite colour is {v}.",
}


def json_object(rng: Random) -> Exchange:
    """Given keys and values as one JSON object, in the order asked for."""
    draw = rng.random()
    if draw < 0.45:
        return _json_of_sentences(rng)
    if draw < 0.75:
        fields: dict[str, str | int] = {key: _field(rng, key) for key in rng.sample(_KEYS, rng.randint(1, 3))}
    else:
        keys = different(rng, invented_word if rng.random() < 0.6 else copy_word, rng.randint(1, 3))
        fields = {key: rng.randint(0, 99) if rng.random() < 0.4 else _text_word(rng) for key in keys}
    form = rng.choice(("{k} {v}", "{k} {v}", "{k} is {v}", "{k} = {v}", "{k}: {v}"))
    text = ", ".join(form.format(k=key, v=value) for key, value in fields.items())
    question = rng.choice(_JSON_FRAMES).format(x=text)
    return Exchange(question, json.dumps(fields, ensure_ascii=False), "json", noise=EXACT)


def _text_word(rng: Random) -> str:
    return invented_name(rng) if rng.random() < 0.4 else invented_word(rng)


def _json_of_sentences(rng: Random) -> Exchange:
    name = person(rng)
    others = rng.sample(_KEYS[1:], rng.randint(1, 2))
    known: dict[str, str | int] = {"name": name, **{key: _field(rng, key) for key in others}}
    text = " ".join(
        _FIELD_SENTENCES[key].format(n=name, v=with_article(str(known[key])) if key == "job" else known[key])
        for key in others
    )
    asked = ["name", *others]
    rng.shuffle(asked)
    asked = asked[: rng.randint(1, len(asked))]
    listed = " and ".join(asked) if len(asked) < 3 else f"{asked[0]}, {asked[1]} and {asked[2]}"
    plural = "key" if len(asked) == 1 else "keys"
    frame = rng.choice(
        (
            "Write JSON with the {p} {k}.",
            "Give me JSON with the {p} {k}.",
            "Answer in JSON with the {p} {k}.",
            "Make JSON with {k}.",
        )
    )
    question = f"{text} {frame.format(p=plural, k=listed)}"
    return Exchange(
        question, json.dumps({key: known[key] for key in asked}, ensure_ascii=False), "json", noise=EXACT
    )
