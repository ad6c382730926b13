"""Free personas and facts in the system prompt: everything is copied from there."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from modelwright.starter.corpus import vocabulary as words
from modelwright.starter.corpus.conversation import Content, Conversation, converse, drawn, with_article
from modelwright.starter.corpus.invented import different, invented_name, invented_place, person, place
from modelwright.starter.corpus.persona_tables import STYLE_JOBS
from modelwright.starter.corpus.questions import noisy
from modelwright.starter.corpus.smalltalk import (
    NAME_QUESTIONS,
    PERSONAL,
    WHO_QUESTIONS,
    greeting_text,
    time_of_day,
)
from modelwright.starter.corpus.tables import barred, spaced

_FRAMES = (
    "You are {d}.",
    "You are {d}.",
    "You are {d}.",
    "You are {d}.",
    "You are {d}.",
    "Act as {d}.",
    "Pretend to be {d}.",
    "From now on you are {d}.",
    "Play the role of {d}.",
    "Roleplay as {d}.",
    "I want you to act as {d}.",
    "Imagine you are {d}.",
    "You are now {d}.",
    "You play {d}.",
)
_NAMINGS = (
    "Your name is {n}.",
    "Your name is {n}.",
    "You are called {n}.",
    "You are {n}.",
    "You are {n}.",
    "Call yourself {n}.",
    "People call you {n}.",
    "You go by the name {n}.",
    "I call you {n}.",
)
_TAILS = (
    "Stay in your role.",
    "Keep your answers short.",
    "Answer briefly.",
    "Be friendly.",
    "Always stay in character.",
    "Help the user.",
    "Answer all questions.",
    "Be polite.",
    "You help people.",
    "Stay in character.",
    "Answer in one sentence.",
    "Be kind.",
    "Answer as {n}, the assistant, only.",
    "Answer as {n} only.",
    "Always answer as {n}.",
)
_CLAUSES = barred("""
lives in a cave|loves gold|never sleeps|lives by the sea|can fly|hates rain|lives in a tower|sings all day|
talks to birds|sleeps all day|
guards a bridge|lives on the moon|collects stamps|reads old books|helps people|knows the sea|
travels the world|makes cheese|
works at night|lives in a forest|sells flowers|repairs clocks|tells riddles|feeds the ducks
""")
_ASSISTANTS = (
    "helpful assistant",
    "helpful assistant",
    "friendly assistant",
    "assistant",
    "AI assistant",
    "chatbot",
)
_FROM = ("Where are you from?", "Where do you come from?", "From where are you?", "Which place are you from?")
_LIVE = ("Where do you live?", "Where is your home?", "In which place do you live?")
_JOB = ("What is your job?", "What do you do?", "What is your work?", "What are you by profession?")
_LIKES = ("What do you like?", "What do you love?", "What is your hobby?", "Tell me what you like.")
_AGE = ("How old are you?", "What is your age?", "Tell me your age.", "Your age?")
_COLOUR = (
    "What is your favourite colour?",
    "Which colour do you like?",
    "Do you have a favourite colour?",
    "Your favourite colour?",
)


@dataclass(frozen=True, slots=True)
class _Role:
    """A described somebody: system text, who it is, and the questions it can answer."""

    system: str
    who: str
    hello: str
    questions: tuple[tuple[tuple[str, ...], str], ...]


def _trade(rng: Random, *, styled: bool) -> str:
    """A job, at times with an adjective; a style job only where a name is beside it."""
    job = rng.choice(STYLE_JOBS) if styled else rng.choice(words.JOBS)
    return f"{rng.choice(words.TRAITS)} {job}" if rng.random() < 0.55 else job


def _role_name(rng: Random) -> str:
    return rng.choice(words.FAMOUS) if rng.random() < 0.08 else person(rng)


def _described(rng: Random) -> tuple[str, str, str, str]:
    """(description, name, trade, home); each of the last three may be empty."""
    named = rng.random() < 0.78
    name = _role_name(rng) if named else ""
    trade = _trade(rng, styled=named and rng.random() < 0.12) if not named or rng.random() < 0.65 else ""
    if trade and named and rng.random() < 0.12:
        trade = rng.choice(_ASSISTANTS)
    home = place(rng) if rng.random() < 0.5 else ""
    from_home = f" from {home}" if home else ""
    if not named:
        text = with_article(trade) + from_home
    elif not trade:
        text = name + from_home
    else:
        form = rng.choice(
            (
                "{n}, {a}{h}",
                "{n}, {a}{h}",
                "{n}, {a}{h}",
                "{n} the {t}{h}",
                "{a} called {n}{h}",
                "{a} named {n}{h}",
            )
        )
        text = form.format(n=name, a=with_article(trade), t=trade, h=from_home)
    if trade and rng.random() < 0.07:
        text += f" who {rng.choice(_CLAUSES)}"
    return text, name, trade, home


def _separately(rng: Random) -> tuple[str, str, str, str, str]:
    """(system, description, name, trade, home) with the name in a sentence of its own."""
    name = _role_name(rng)
    draw = rng.random()
    naming = rng.choice(_NAMINGS).format(n=name)
    if draw < 0.35:
        return naming, name, name, "", ""
    home = place(rng) if draw > 0.7 else ""
    trade = "helpful assistant" if draw < 0.55 else _trade(rng, styled=rng.random() < 0.12)
    text = with_article(trade) + (f" from {home}" if home else "")
    system = (
        f"{naming} You are {text}."
        if rng.random() < 0.75
        else f"You are {text}. {rng.choice(_NAMINGS[:3]).format(n=name)}"
    )
    return system, f"{name}, {text}", name, trade, home


def _role(rng: Random) -> _Role:
    if rng.random() < 0.22:
        system, text, name, trade, home = _separately(rng)
    else:
        text, name, trade, home = _described(rng)
        system = rng.choice(_FRAMES).format(d=text)
    who = f"I am {text}."
    hello = f"I am {name}." if name else f"I am {with_article(trade)}."
    questions = [(WHO_QUESTIONS, who)]
    if name:
        questions.append((NAME_QUESTIONS, f"My name is {name}."))
    if home:
        questions.append((_FROM, f"I am from {home}."))
    if trade:
        questions.append((_JOB, f"I am {with_article(trade)}."))
    extras, more = _extras(rng, free_home=not home)
    if rng.random() < 0.2:
        tail = rng.choice(_TAILS)
        extras.append(tail.format(n=name) if name or "{n}" not in tail else "Stay in your role.")
    return _Role(" ".join([system, *extras]), who, hello, tuple(questions + more))


def _extras(rng: Random, *, free_home: bool) -> tuple[list[str], list[tuple[tuple[str, ...], str]]]:
    sentences: list[str] = []
    questions: list[tuple[tuple[str, ...], str]] = []
    if rng.random() < 0.22:
        liked = rng.choice(words.HOBBIES) if rng.random() < 0.7 else rng.choice(words.FOODS)
        verb = rng.choice(("like", "like", "love"))
        sentences.append(f"You {verb} {liked}.")
        questions.append((_LIKES, f"I {verb} {liked}."))
    if rng.random() < 0.14:
        age = rng.randint(3, 900) if rng.random() < 0.3 else rng.randint(3, 99)
        sentences.append(f"You are {age} years old.")
        questions.append((_AGE, f"I am {age} years old."))
    if rng.random() < 0.1:
        shade = rng.choice(words.COLOURS)
        sentences.append(f"Your favourite colour is {shade}.")
        questions.append((_COLOUR, f"My favourite colour is {shade}."))
    if free_home and rng.random() < 0.3:
        home = place(rng)
        sentences.append(f"You live in {home}.")
        questions.append((_LIVE, f"I live in {home}."))
    return sentences, questions


def _role_turn(rng: Random, role: _Role, content: Content) -> tuple[str, str]:
    draw = rng.random()
    if draw < 0.2:
        text = greeting_text(rng, timed=0.1)
        time = time_of_day(text)
        return text, f"{f'Good {time}' if time else 'Hello'}! {role.hello} How can I help you?"
    if draw < 0.8:
        wordings, answer = role.questions[0] if draw < 0.4 else rng.choice(role.questions)
        return _light_noise(rng, rng.choice(wordings)), answer
    exchange = drawn(rng, content, PERSONAL | {"courtesy"})
    return noisy(rng, exchange), exchange.answer


def _light_noise(rng: Random, question: str) -> str:
    return _tidied(rng, question.lower() if rng.random() < 0.2 else question)


def _tidied(rng: Random, question: str) -> str:
    """A question typed with less care, its names unchanged."""
    if question.startswith("What is ") and rng.random() < 0.1:
        question = "What's " + question[8:]
    return question.rstrip("?.") if rng.random() < 0.15 else question


def free_conversation(rng: Random, content: Content) -> Conversation:
    """One to three turns with somebody whom only the system prompt knows."""
    role = _role(rng)
    turns = [_role_turn(rng, role, content) for _ in range(rng.choice((1, 1, 1, 2, 2, 3)))]
    return converse(turns, "free_persona", role.system)


_SHOPS = spaced(
    "Cafe Bakery Shop Bookshop Hotel Museum Garage Market Pharmacy Restaurant Library Zoo Bar Studio Clinic"
)
_WARES = [*words.FOODS, *spaced("books shoes hats flowers tea coffee tools toys maps bikes lamps pens")]

_Fact = tuple[str, tuple[str, ...]]


def _shop_facts(rng: Random) -> list[_Fact]:
    name = (
        f"{invented_name(rng) if rng.random() < 0.7 else rng.choice(words.FIRST_NAMES)} {rng.choice(_SHOPS)}"
    )
    one, two = rng.sample(_WARES, 2)
    digits = "".join(rng.choices("0123456789", k=rng.randint(3, 6)))
    return [
        (
            f"{name} opens at {rng.randint(6, 11)} o'clock.",
            ("When do you open?", f"When does {name} open?", "What time do you open?"),
        ),
        (
            f"{name} closes at {rng.randint(5, 11)} o'clock.",
            ("When do you close?", f"When does {name} close?", "What time do you close?"),
        ),
        (
            f"{name} sells {one} and {two}.",
            ("What do you sell?", f"What does {name} sell?", "What can I buy?", "What can I buy here?"),
        ),
        (
            f"{name} is in {place(rng)}.",
            ("Where are you?", f"Where is {name}?", "In which town are you?", "Where can I find you?"),
        ),
        (
            f"{name} belongs to {person(rng)}.",
            (f"Who is the owner of {name}?", "Who is the owner?", f"Who owns {name}?"),
        ),
        (
            f"The phone number of {name} is {digits}.",
            ("What is your phone number?", f"What is the phone number of {name}?", "How can I call you?"),
        ),
    ]


def _person_facts(rng: Random) -> list[_Fact]:
    name, friend = different(rng, person, 2)
    return [
        (f"{name} lives in {place(rng)}.", (f"Where does {name} live?", f"Where is {name}'s home?")),
        (
            f"{name} is {rng.randint(3, 99)} years old.",
            (f"How old is {name}?", f"What is the age of {name}?"),
        ),
        (
            f"{name} likes {rng.choice(words.HOBBIES)}.",
            (f"What does {name} like?", f"Tell me what {name} likes."),
        ),
        (
            f"{name}'s favourite colour is {rng.choice(words.COLOURS)}.",
            (f"What is {name}'s favourite colour?", f"Which colour does {name} like?"),
        ),
        (f"{name}'s friend is {friend}.", (f"Who is {name}'s friend?", f"Who is the friend of {name}?")),
        (
            f"{name} works as {with_article(rng.choice(words.JOBS))}.",
            (f"What is {name}'s job?", f"What does {name} do?"),
        ),
        (
            f"{name} was born in {invented_place(rng)}.",
            (f"Where was {name} born?", f"In which place was {name} born?"),
        ),
    ]


_FACT_MAKERS: tuple[Callable[[Random], list[_Fact]], ...] = (_shop_facts, _person_facts)


def system_facts(rng: Random) -> Conversation:
    """Two to four facts in the system prompt, one or two questions about them."""
    facts = rng.sample(rng.choice(_FACT_MAKERS)(rng), rng.randint(2, 4))
    opening = rng.choice(("", "", "", "You are a helpful assistant. ", "Use these facts: ", "Facts: "))
    asked = rng.sample(facts, rng.randint(1, 2))
    turns = [(_tidied(rng, rng.choice(wordings)), sentence) for sentence, wordings in asked]
    return converse(turns, "system_facts", opening + " ".join(sentence for sentence, _ in facts))
