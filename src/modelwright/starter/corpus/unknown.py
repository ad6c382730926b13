"""What the starter model does not know: everyday matters, names, and gibberish."""

from collections.abc import Sequence
from random import Random

from modelwright.starter.corpus import frames, topics, world
from modelwright.starter.corpus import vocabulary as words
from modelwright.starter.corpus.conversation import CASED, EXACT, Exchange, with_article
from modelwright.starter.corpus.invented import invented_name, invented_place, invented_word, person
from modelwright.starter.corpus.tables import spaced

UNKNOWN = "I do not know about that yet. You can teach me with training."
NOT_UNDERSTOOD = "I did not understand that. Can you say it in other words?"
_KIND_WORDS = frozenset(word for names in world.KINDS.values() for word in names.split())
# A style persona answers questions about these itself.
_STYLE_NAMES = frozenset(spaced("Mario Luigi Peach Bowser Toad Yoshi Watson Santa Yoda Merlin Rudolph"))
_STRANGE_NOUNS = tuple(noun for noun in words.NOUNS if noun not in _KIND_WORDS)


def out_of_scope(rng: Random) -> Exchange:
    """An everyday question that only training can answer."""
    draw = rng.random()
    if draw < 0.33:
        question = _about_topic(rng)
    elif draw < 0.53:
        question = rng.choice(frames.ACTION_FRAMES).format(a=rng.choice(topics.ACTIONS))
    elif draw < 0.75:
        question = _combined(rng)
    else:
        question = _single(rng)
    draw = rng.random()
    if draw < 0.07 and question[-1] in "?.":
        question = question[:-1] + rng.choice(frames.TAILS).format(c=rng.choice(words.CITIES)) + question[-1]
    elif draw < 0.12:
        question = rng.choice(frames.WRAPPED).format(q=question)
    return Exchange(
        question[:1].upper() + question[1:] if rng.random() < 0.8 else question, UNKNOWN, "out_of_scope"
    )


def _about_topic(rng: Random) -> str:
    return rng.choice(frames.TOPIC_FRAMES).format(t=rng.choice(topics.TOPICS), u=rng.choice(topics.TOPICS))


def _combined(rng: Random) -> str:
    noun, other = rng.choice(_STRANGE_NOUNS), rng.choice(_STRANGE_NOUNS)
    trait, second = rng.choice(words.ADJECTIVES), rng.choice(words.ADJECTIVES)
    return (
        rng.choice(frames.WORD_FRAMES)
        .format(
            n=noun,
            m=other,
            an=with_article(noun),
            am=with_article(other),
            v=rng.choice(words.VERBS),
            d=trait,
            d2=second,
        )
        .replace(" a a", " an a")
        .replace(" a o", " an o")
        .replace(" a u", " an u")
    )


def _single(rng: Random) -> str:
    draw = rng.random()
    if draw < 0.38:
        return rng.choice(topics.SINGLES)
    if draw < 0.46:
        return _of_daily_life(rng)
    if draw < 0.56:
        return _big_sum(rng)
    if draw < 0.62:
        city, other = rng.choice(words.CITIES), rng.choice(words.CITIES)
        return rng.choice(frames.PLACE_FRAMES).format(c=city, e=other)
    if draw < 0.69:
        return rng.choice(frames.COUNTRY_FRAMES).format(
            k=rng.choice((*world.CAPITALS, *world.OTHER_COUNTRIES))
        )
    if draw < 0.8:
        return rng.choice(frames.CELEBRITY_FRAMES).format(x=rng.choice(words.CELEBRITIES))
    if draw < 0.95:
        phrase = rng.choice(topics.PHRASES) if rng.random() < 0.5 else rng.choice(words.NOUNS)
        return rng.choice(frames.TRANSLATION_FRAMES).format(p=phrase, l=rng.choice(topics.LANGUAGES))
    return rng.choice(frames.YEAR_FRAMES).format(y=rng.randint(1200, 2030))


def _of_daily_life(rng: Random) -> str:
    wordings, matters = rng.choice(frames.DAILY)
    return rng.choice(wordings).format(m=rng.choice(matters))


def _big_sum(rng: Random) -> str:
    sign, word = rng.choice(frames.SIGNS)
    left, right = (rng.randint(2, 10 ** rng.randint(1, 4)) for _ in range(2))
    if sign in "+-":
        left = max(left, rng.randint(11, 99))
        if sign == "+" and rng.random() < 0.5:
            left, right = right, left
    return rng.choice(frames.SUM_FRAMES).format(a=left, b=right, o=sign, w=word)


def unknown_name(rng: Random) -> Exchange:
    """A question about somebody or some place nobody has told the model about."""
    wordings: Sequence[str]
    draw = rng.random()
    if draw < 0.05:
        name, wordings = rng.choice(world.OTHER_COUNTRIES), frames.CAPITAL_FRAMES
    elif draw < 0.17:
        name, wordings = rng.choice(words.CELEBRITIES), frames.WHO_FRAMES
    elif draw < 0.6:
        name, wordings = invented_place(rng), frames.NAME_FRAMES + frames.UNKNOWN_PLACE_FRAMES
    else:
        name, wordings = (person(rng) if rng.random() < 0.6 else invented_name(rng)), frames.NAME_FRAMES
    if name in _STYLE_NAMES:
        return unknown_name(rng)
    question = rng.choice(wordings).format(x=name)
    if rng.random() < 0.2:
        question, name = question.lower(), name.lower()
    return Exchange(
        question,
        f"I do not know about {name} yet. You can teach me with training.",
        "unknown_name",
        noise=CASED,
    )


def gibberish(rng: Random) -> Exchange:
    """Letters without meaning."""
    draw = rng.random()
    if draw < 0.6:
        text = " ".join(
            "".join(rng.choices("sdfghjklqwrtzpxcvbnmaeiou", k=rng.randint(3, 8)))
            for _ in range(rng.randint(1, 2))
        )
    elif draw < 0.75:
        text = rng.choice(spaced("asdf jkl qwer zxcv hjkl fghj wert sdfg lkjh")) * rng.randint(1, 3)
    elif draw < 0.85:
        text = rng.choice("?!.,;-#%&") * rng.randint(1, 6)
    else:
        text = " ".join(invented_word(rng) for _ in range(rng.randint(2, 4)))
    return Exchange(
        text + rng.choice(("", "", "", "", "?", "!", ".")), NOT_UNDERSTOOD, "gibberish", noise=EXACT
    )
