"""The closed world as questions with one right answer each."""

from random import Random

from modelwright.starter.corpus import vocabulary as words
from modelwright.starter.corpus import world
from modelwright.starter.corpus.conversation import CASED, Exchange, capitalise, with_article
from modelwright.starter.corpus.facts import FACTS
from modelwright.starter.corpus.invented import person

_COUNTRIES = tuple(world.CAPITALS)
_THINGS = tuple(world.THING_COLOURS)
_ANIMALS = tuple(world.SOUNDS)
_KINDS = {word: kind for kind, names in world.KINDS.items() for word in names.split()} | {
    colour: "colour" for colour in words.COLOURS if colour not in ("orange",)
}
_KIND_WORDS = tuple(_KINDS)
_LIST_NAMES = tuple(world.LISTS)

_CAPITAL_FRAMES = (
    "What is the capital of {x}?",
    "What is the capital of {x}?",
    "What is the capital city of {x}?",
    "Capital of {x}?",
    "Tell me the capital of {x}.",
    "Which city is the capital of {x}?",
    "Name the capital of {x}.",
    "{x} has which capital?",
    "Do you know the capital of {x}?",
    "the capital of {x}",
)
COLOUR_FRAMES = (
    "What colour is {x}?",
    "What colour is {x}?",
    "What is the colour of {x}?",
    "Which colour is {x}?",
    "Which colour has {x}?",
    "Tell me the colour of {x}.",
    "What colour does {x} have?",
    "Colour of {x}?",
)
OPPOSITE_FRAMES = (
    "What is the opposite of {x}?",
    "What is the opposite of {x}?",
    "Opposite of {x}?",
    "The opposite of {x} is?",
    "Tell me the opposite of {x}.",
    "Which word is the opposite of {x}?",
    "Name the opposite of {x}.",
)
SUM_FRAMES = (
    "What is {a} {o} {b}?",
    "{a} {o} {b}",
    "{a}{o}{b}",
    "{a} {o} {b} = ?",
    "How much is {a} {o} {b}?",
    "What is {a} {w} {b}?",
    "Calculate {a} {o} {b}.",
    "{a} {w} {b}?",
)
KIND_FRAMES = (
    "What is {x}?",
    "What is {x}?",
    "What kind of thing is {x}?",
    "Tell me what {x} is.",
    "What sort of thing is {x}?",
)
SOUND_FRAMES = (
    "What does {x} say?",
    "What sound does {x} make?",
    "What is the sound of {x}?",
    "How does {x} sound?",
    "Which sound does {x} make?",
    "What noise does {x} make?",
)


def capital(rng: Random) -> Exchange:
    """A capital the model knows."""
    country = rng.choice(_COUNTRIES)
    city = world.CAPITALS[country]
    asked = country.removeprefix("the ") if rng.random() < 0.15 else country
    return Exchange(
        capitalise(rng.choice(_CAPITAL_FRAMES).format(x=asked)),
        f"The capital of {country} is {city}.",
        "capitals",
        city,
    )


def colour(rng: Random) -> Exchange:
    """The colour of a thing the model knows."""
    thing = rng.choice(_THINGS)
    shade = world.THING_COLOURS[thing]
    return Exchange(
        rng.choice(COLOUR_FRAMES).format(x=thing), f"{capitalise(thing)} is {shade}.", "colours", shade
    )


def yes_no(rng: Random) -> Exchange:
    """Whether a thing has a colour, true or false."""
    thing = rng.choice(_THINGS)
    shade = world.THING_COLOURS[thing]
    asked = shade if rng.random() < 0.5 else rng.choice([c for c in words.COLOURS if c != shade])
    verdict = "Yes" if asked == shade else "No"
    frame = rng.choice(
        ("Is {x} {c}?", "Is {x} {c}?", "Is {x} {c}, yes or no?", "Is it true that {x} is {c}?")
    )
    return Exchange(frame.format(x=thing, c=asked), f"{verdict}, {thing} is {shade}.", "yes_no", verdict)


def opposite(rng: Random) -> Exchange:
    """The opposite of a word."""
    one, other = rng.choice(world.OPPOSITES)
    if rng.random() < 0.5:
        one, other = other, one
    return Exchange(
        rng.choice(OPPOSITE_FRAMES).format(x=one), f"The opposite of {one} is {other}.", "opposites", other
    )


def neighbour(rng: Random) -> Exchange:
    """What comes before or after a day, a month or a number."""
    step, word = rng.choice(((1, "after"), (-1, "before")))
    draw = rng.random()
    if draw < 0.65:
        noun, names = ("day", world.DAYS) if draw < 0.35 else ("month", world.MONTHS)
        place = rng.randrange(len(names))
        known, found = names[place], names[(place + step) % len(names)]
    else:
        noun = "number"
        start = rng.randint(1, 20) if step < 0 else rng.randint(0, 19)
        known, found = str(start), str(start + step)
    frame = rng.choice(
        (
            "What comes {w} {x}?",
            "What {n} comes {w} {x}?",
            "Which {n} comes {w} {x}?",
            "What is the {n} {w} {x}?",
        )
    )
    return Exchange(
        frame.format(w=word, x=known, n=noun), f"{found} comes {word} {known}.", "before_after", found
    )


def arithmetic(rng: Random) -> Exchange:
    """A sum or difference of two numbers from 0 to 10."""
    left, right = rng.randint(0, 10), rng.randint(0, 10)
    plus = rng.random() < 0.6
    if not plus and left < right:
        left, right = right, left
    total = left + right if plus else left - right
    sign, word = ("+", "plus") if plus else ("-", "minus")
    question = rng.choice(SUM_FRAMES).format(a=left, b=right, o=sign, w=word)
    return Exchange(question, f"{left} {sign} {right} = {total}.", "sums", str(total))


def bigger(rng: Random) -> Exchange:
    """The bigger of two numbers up to 20."""
    small, big = sorted(rng.sample(range(21), 2))
    one, other = (small, big) if rng.random() < 0.5 else (big, small)
    frame = rng.choice(
        ("Which is bigger, {a} or {b}?", "Which number is bigger, {a} or {b}?", "What is bigger, {a} or {b}?")
    )
    return Exchange(frame.format(a=one, b=other), f"{big} is bigger than {small}.", "bigger", str(big))


def count(rng: Random) -> Exchange:
    """Counting within 0 to 10."""
    if rng.random() < 0.5:
        first, last = 1, rng.randint(3, 10)
        question = rng.choice(
            ("Count to {b}.", "Count from 1 to {b}.", "Please count to {b}.", "Can you count to {b}?")
        )
    else:
        first = rng.randint(0, 7)
        last = rng.randint(first + 2, 10)
        question = rng.choice(("Count from {a} to {b}.", "Count up from {a} to {b}."))
    answer = ", ".join(map(str, range(first, last + 1))) + "."
    return Exchange(question.format(a=first, b=last), answer, "count")


def listing(rng: Random) -> Exchange:
    """The first two, three or four of a kind, always in the same order."""
    kind = rng.choice(_LIST_NAMES)
    size = rng.randint(2, 4)
    names = world.LISTS[kind][:size]
    number = world.NUMBER_WORDS[size] if rng.random() < 0.7 else str(size)
    frame = rng.choice(
        ("Name {n} {k}.", "List {n} {k}.", "Tell me {n} {k}.", "Give me {n} {k}.", "Can you name {n} {k}?")
    )
    answer = capitalise(", ".join(names[:-1]) + f" and {names[-1]}.")
    return Exchange(frame.format(n=number, k=kind), answer, "lists")


def kind_of_thing(rng: Random) -> Exchange:
    """What kind of thing something is."""
    word = rng.choice(_KIND_WORDS)
    kind = _KINDS[word]
    if kind == "colour":
        frame = rng.choice(("What is {x}?", "What kind of thing is {x}?"))
        return Exchange(frame.format(x=word), f"{capitalise(word)} is a colour.", "kinds", kind)
    thing = with_article(word)
    question = rng.choice(KIND_FRAMES).format(x=thing)
    return Exchange(question, f"{capitalise(thing)} is {with_article(kind)}.", "kinds", kind)


def sound(rng: Random) -> Exchange:
    """The sound of an animal."""
    animal = rng.choice(_ANIMALS)
    thing = with_article(animal)
    noise = world.SOUNDS[animal]
    asked = thing if rng.random() < 0.8 else f"the {animal}"
    return Exchange(
        rng.choice(SOUND_FRAMES).format(x=asked), f"{capitalise(thing)} says {noise}.", "sounds", noise
    )


def fact(rng: Random) -> Exchange:
    """One of the facts known by heart."""
    answer, short, wordings = rng.choice(FACTS)
    return Exchange(rng.choice(wordings), answer, "facts", short)


def something_of_colour(rng: Random) -> Exchange:
    """Any thing of a colour; there are several right answers."""
    thing = rng.choice(_THINGS)
    shade = world.THING_COLOURS[thing]
    frame = rng.choice(
        ("Name something {c}.", "Tell me something {c}.", "What is {c}, for example?", "Name a {c} thing.")
    )
    question = frame.format(c=shade).replace("a orange", "an orange")
    return Exchange(question, f"{capitalise(thing)} is {shade}.", "something_of_colour")


def say_hello(rng: Random) -> Exchange:
    """A greeting to somebody by name."""
    name = person(rng)
    frame = rng.choice(
        (
            "Say hello to {x}.",
            "Please say hello to {x}.",
            "Greet {x}.",
            "Say hi to {x}.",
            "Can you say hello to {x}?",
        )
    )
    return Exchange(frame.format(x=name), f"Hello, {name}!", "hello_to", noise=CASED)
