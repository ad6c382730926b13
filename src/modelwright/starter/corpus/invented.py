"""Invented names and words in endless supply, which only copying can answer."""

from collections.abc import Callable
from random import Random

from modelwright.starter.corpus import vocabulary as words
from modelwright.starter.corpus.tables import spaced

Drawer = Callable[[Random], str]

_ONSETS = tuple(
    spaced("b c d f g h j k l m n p r s t v w z b d k l m n r t v th br tr gr kr dr st sh ch fl gl")
)
_VOWELS = tuple(spaced("a e i o u a e i o u ai ee ia"))
_CODAS = ("", "", "", "", "n", "r", "l", "s", "m", "d", "k", "x", "th")
_WILD_ONSETS = tuple(
    spaced(
        "b bl br c ch cl cr d dr f fl fr g gl gr h j k kl kn kr l m n p ph pl pr q qu r s sc sh sk sl sp st sv"
        " sw t th tr tw v vl w wh x y z zh zw"
    )
)
_WILD_VOWELS = tuple(
    spaced(
        "a e i o u y aa ae ai ao au ay ea ee ei eo eu ey ia ie io iu oa oe oi oo ou oy ua ue ui uo ya ye yo yu ye"
    )
)
_WILD_CODAS = ("",) * 22 + tuple(
    spaced(
        "b c ck d f ff g gh k l ld ll lm lt m mp n nd ng nk nt p r rd rk rl rm rn rt s sh sk ss st t th v x z"
    )
)
_ENDINGS = tuple(
    spaced(
        "ville ton burg ia land mere dale stad shire ford wick ham berg grad polis or us ix is os ella ina ette ara"
        " ora ira een ard on en"
    )
)
_LONGEST = 12

_OWN_WORDS = tuple(
    dict.fromkeys(
        words.NOUNS
        + words.VERBS
        + words.ADJECTIVES
        + words.FOODS
        + words.JOBS
        + words.TRAITS
        + words.OBJECTS
        + words.COLOUR_NAMES
        + words.HOBBIES
        + words.PETS
        + words.STOCK_WORDS
        + words.CITIES
    )
)
_SINGLE_WORDS = tuple(word for word in _OWN_WORDS if " " not in word)


def _syllable(rng: Random) -> str:
    onset = "" if rng.random() < 0.08 else rng.choice(_ONSETS)
    coda = rng.choice(_CODAS) if rng.random() < 0.6 else ""
    return onset + rng.choice(_VOWELS) + coda


def _wild_syllable(rng: Random) -> str:
    return rng.choice(_WILD_ONSETS) + rng.choice(_WILD_VOWELS) + rng.choice(_WILD_CODAS)


def _letters(rng: Random) -> str:
    draw = rng.random()
    count = 1 if draw < 0.12 else 2 if draw < 0.67 else 3 if draw < 0.96 else 4
    syllable = _syllable if rng.random() < 0.6 else _wild_syllable
    text = "".join(syllable(rng) for _ in range(count))
    if rng.random() < 0.2:
        text += rng.choice(_ENDINGS)
    text = text[:_LONGEST]
    return text if len(text) > 2 else text + rng.choice(_VOWELS) + rng.choice(_ONSETS)


def invented_word(rng: Random) -> str:
    """A word nobody has used, in lower case."""
    return _letters(rng)


def invented_name(rng: Random) -> str:
    """A name nobody has, such as "Qualgra"."""
    text = _letters(rng)
    if rng.random() < 0.04 and len(text) > 3:
        return text[:-2].capitalize() + text[-2:].upper()
    return text.capitalize()


def person(rng: Random) -> str:
    """A person: a real first name, an invented one, or one of both behind a title."""
    draw = rng.random()
    if draw < 0.4:
        return rng.choice(words.FIRST_NAMES)
    if draw < 0.93:
        return invented_name(rng)
    return (
        f"{rng.choice(words.TITLES)} {rng.choice(words.FIRST_NAMES) if draw < 0.95 else invented_name(rng)}"
    )


def invented_place(rng: Random) -> str:
    """A place that does not exist."""
    name = invented_name(rng)
    draw = rng.random()
    if draw < 0.03:
        return f"Port {name}"
    if draw < 0.06:
        return f"Lake {name}"
    if draw < 0.09:
        return f"{name} City"
    return name


def place(rng: Random) -> str:
    """A real city or an invented place."""
    return rng.choice(words.CITIES) if rng.random() < 0.35 else invented_place(rng)


def copy_word(rng: Random) -> str:
    """A word to be copied letter by letter."""
    draw = rng.random()
    if draw < 0.35:
        word = rng.choice(_SINGLE_WORDS)
    elif draw < 0.6:
        word = invented_word(rng)
    elif draw < 0.8:
        word = invented_name(rng)
    elif draw < 0.87:
        word = rng.choice(words.FIRST_NAMES)
    elif draw < 0.93:
        return str(rng.randrange(10 ** rng.randint(1, 4)))
    else:
        word = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(1, 5)))
    draw = rng.random()
    return word.upper() if draw < 0.1 else word.lower() if draw < 0.25 else word


def different(rng: Random, draw: Drawer, count: int) -> list[str]:
    """That many texts of the drawer that differ from one another, whatever their case."""
    found: dict[str, str] = {}
    while len(found) < count:
        text = draw(rng)
        found.setdefault(text.lower(), text)
    return list(found.values())


def order_word(rng: Random) -> str:
    """A word for orders such as "End every answer with W."."""
    draw = rng.random()
    if draw < 0.4:
        return rng.choice(words.STOCK_WORDS)
    return invented_name(rng) if draw < 0.75 else copy_word(rng)
