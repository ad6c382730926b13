"""Conversations with a style persona: its own answers, or any in its manner."""

from random import Random

from modelwright.starter.corpus.conversation import FREE, Content, Conversation, Exchange, converse, drawn
from modelwright.starter.corpus.persona_tables import PERSONAS, Persona
from modelwright.starter.corpus.questions import noisy
from modelwright.starter.corpus.smalltalk import NAME_QUESTIONS, PERSONAL, WHO_QUESTIONS, greeting_text

_FRAMES = (
    *("You are {n}.",) * 8,
    "Act as {n}.",
    "Act as {n}.",
    "Pretend to be {n}.",
    "Pretend to be {n}.",
    "Play the role of {n}.",
    "From now on you are {n}.",
    "Roleplay as {n}.",
    "You are {n}, acting as an assistant.",
    "You are {n}. Answer as {n}, the assistant, only.",
    "You are {n}. Answer as {n} only.",
    "Answer as {n}.",
    "Speak as {n}.",
    "Be {n}.",
    "You play {n}.",
    "I want you to act as {n}.",
    "Imagine you are {n}.",
    "Your role is {n}.",
    "Answer every question as {n}.",
    "You will be {n}.",
    "Behave like {n}.",
    "Talk like {n}.",
    "You are now {n}.",
    "Respond as {n}.",
)
_TAILS = (
    "Stay in your role.",
    "Keep your answers short.",
    "Answer briefly.",
    "Be friendly.",
    "Always stay in character.",
    "Never break character.",
    "Help the user.",
    "Be funny.",
    "Do not leave your role.",
    "Answer all questions.",
    "Answer as a helpful assistant.",
    "Be polite.",
    "You help people.",
    "Stay in character.",
    "Answer in character.",
    "You are talking to a user.",
    "Use your own voice.",
    "Be kind.",
    "Answer in one sentence.",
    "Do not talk about anything else.",
)
_OWN_QUESTIONS = {
    "who": WHO_QUESTIONS,
    "name": NAME_QUESTIONS,
    "home": (
        "Where do you live?",
        "Where are you from?",
        "Where is your home?",
        "What is your home?",
        "Where do you come from?",
    ),
    "job": (
        "What is your job?",
        "What do you do?",
        "What do you do all day?",
        "What is your work?",
        "Do you have a job?",
    ),
    "food": (
        "What do you eat?",
        "What do you like to eat?",
        "What is your favourite food?",
        "What food do you like?",
    ),
    "friend": (
        "Who is your friend?",
        "Who is your best friend?",
        "Do you have a friend?",
        "Do you have friends?",
    ),
    "how": (
        "How are you?",
        "How are you doing?",
        "How is it going?",
        "How do you feel?",
        "Are you well?",
        "How are you today?",
    ),
    "bye": ("Bye.", "Goodbye.", "Bye bye.", "See you.", "See you later.", "I have to go."),
    "thanks": ("Thanks.", "Thank you.", "Thx", "Thanks a lot.", "Thank you very much.", "Many thanks."),
    "help": (
        "What can you do?",
        "Help.",
        "Can you help me?",
        "How can you help me?",
        "What can I ask you?",
        "I need help.",
    ),
}
# What a persona answers itself must not come wrapped as the plain assistant's answer.
_PLAIN_ONLY = PERSONAL | {"courtesy", "hello_to"}
_WEIGHTS = tuple(persona.weight for persona in PERSONAS)


def choose_persona(rng: Random) -> Persona:
    """A persona by its share."""
    return rng.choices(PERSONAS, _WEIGHTS)[0]


def _system(rng: Random, persona: Persona) -> str:
    if rng.random() < 0.22:
        text = rng.choice(persona.lines)
    else:
        name = rng.choice(persona.names)
        text = rng.choice(_FRAMES).format(n=name).replace("..", ".").replace(".,", ",")
        if rng.random() < 0.5:
            text = " ".join([text, *rng.sample(_TAILS, rng.choice((1, 1, 1, 2, 3)))])
    draw = rng.random()
    if draw < 0.06:
        return text.lower()
    if draw < 0.08:
        return text.upper()
    return text[:-1] if draw < 0.14 else text


def wrapped(persona: Persona, answer: str) -> str:
    """Any answer in the persona's manner."""
    return f"{persona.before}{answer}{persona.after}"


def _own_exchange(rng: Random, persona: Persona) -> Exchange:
    draw = rng.random()
    if draw < 0.3:
        return Exchange(
            greeting_text(rng, timed=0.14), persona.answers["hello"], "style_persona", noise="exact"
        )
    if draw < 0.75 or not persona.own:
        kind = "who" if draw < 0.42 else "name" if draw < 0.48 else rng.choice(tuple(_OWN_QUESTIONS))
        answer, wordings = persona.answers[kind], _OWN_QUESTIONS[kind]
    else:
        answer, wordings = rng.choice(persona.own)
    return Exchange(rng.choice(wordings), answer, "style_persona", noise=FREE)


def persona_turn(rng: Random, persona: Persona, content: Content) -> tuple[str, str]:
    """One (question, answer) turn of the persona."""
    if rng.random() < 0.45:
        own = _own_exchange(rng, persona)
        return noisy(rng, own), own.answer
    other = drawn(rng, content, _PLAIN_ONLY)
    return noisy(rng, other), wrapped(persona, other.answer)


def style_conversation(rng: Random, content: Content) -> Conversation:
    """One to four turns under a system prompt that sets a manner."""
    persona = choose_persona(rng)
    system = _system(rng, persona)
    turns = [persona_turn(rng, persona, content) for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4)))]
    return converse(turns, "style_persona", system)
