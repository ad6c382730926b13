"""Questions whose answer stands in the text before them: persons, places, pairs."""

from random import Random

from modelwright.starter.corpus import vocabulary as words
from modelwright.starter.corpus.conversation import EXACT, Exchange, with_article
from modelwright.starter.corpus.invented import (
    copy_word,
    different,
    invented_name,
    invented_place,
    invented_word,
    person,
    place,
)
from modelwright.starter.corpus.tables import spaced

_LAYOUTS = (
    "{t} {q}",
    "{t} {q}",
    "{t} {q}",
    "{t}\n{q}",
    "{t}\n\n{q}",
    "Text: {t}\nQuestion: {q}",
    "Text: {t} Question: {q}",
    "{t} Now tell me: {q}",
    "Read this: {t} {q}",
    "Context: {t}\n\nQuestion: {q}",
)


def _asked(rng: Random, sentences: list[str], question: str) -> str:
    rng.shuffle(sentences)
    return rng.choice(_LAYOUTS).format(t=" ".join(sentences), q=question)


_PERSON_KINDS = ("thing", "home", "job", "age", "food", "friend", "pet")


def _about_person(rng: Random, name: str, kind: str) -> tuple[str, list[tuple[str, str, str]]]:
    """A sentence about a person and the (question, answer, short) that it settles."""
    if kind == "thing":
        shade, thing = rng.choice(words.COLOURS), rng.choice(words.OBJECTS)
        sentence = f"{name} has {with_article(f'{shade} {thing}')}."
        of_it = f"{name}'s {thing} is {shade}."
        return sentence, [
            (f"What colour is {name}'s {thing}?", of_it, shade),
            (f"What colour is the {thing} of {name}?", of_it, shade),
            (f"What does {name} have?", sentence, thing),
            (f"Which colour has {name}'s {thing}?", of_it, shade),
        ]
    if kind == "home":
        town = place(rng)
        sentence = f"{name} lives in {town}."
        return sentence, [
            (q, sentence, town)
            for q in (
                f"Where does {name} live?",
                f"Where is {name}'s home?",
                f"In which place does {name} live?",
            )
        ]
    if kind == "job":
        job = rng.choice(words.JOBS)
        sentence = f"{name} is {with_article(job)}."
        return sentence, [
            (q, sentence, job)
            for q in (f"What is {name}'s job?", f"What does {name} do?", f"What is the job of {name}?")
        ]
    if kind == "age":
        age = rng.randint(2, 99)
        sentence = f"{name} is {age} years old."
        return sentence, [
            (q, sentence, str(age))
            for q in (f"How old is {name}?", f"What is {name}'s age?", f"What is the age of {name}?")
        ]
    return _about_ties(rng, name, kind)


def _about_ties(rng: Random, name: str, kind: str) -> tuple[str, list[tuple[str, str, str]]]:
    if kind == "food":
        food = rng.choice(words.FOODS)
        sentence = f"{name} likes {food}."
        return sentence, [
            (q, sentence, food)
            for q in (
                f"What does {name} like?",
                f"Which food does {name} like?",
                f"What does {name} like to eat?",
            )
        ]
    if kind == "friend":
        friend = person(rng)
        sentence = f"{name}'s friend is {friend}."
        return sentence, [
            (q, sentence, friend) for q in (f"Who is {name}'s friend?", f"Who is the friend of {name}?")
        ]
    pet, called = rng.choice(words.PETS), invented_name(rng)
    sentence = f"{name}'s {pet} is called {called}."
    return sentence, [
        (q, sentence, called)
        for q in (
            f"What is the name of {name}'s {pet}?",
            f"What is {name}'s {pet} called?",
            f"How is {name}'s {pet} called?",
        )
    ]


def context_question(rng: Random) -> Exchange:
    """One to four facts on a person, at times beside another person, and a question."""
    name, other = different(rng, person, 2)
    kinds = rng.sample(_PERSON_KINDS, rng.randint(1, 4))
    told = [_about_person(rng, name, kind) for kind in kinds]
    sentences = [sentence for sentence, _ in told]
    if rng.random() < 0.25:
        sentences += [
            _about_person(rng, other, kind)[0] for kind in rng.sample(_PERSON_KINDS, rng.randint(1, 2))
        ]
        if rng.random() < 0.7:
            sentences.append(_about_person(rng, other, kinds[0])[0])
            sentences = list(dict.fromkeys(sentences))
    question, answer, short = rng.choice(told[0][1])
    return Exchange(_asked(rng, sentences, question), answer, "context_question", short, EXACT)


# Relations of a place: statement forms with {p} and {v}, then wordings of the question.
_PLACE_TABLE = """capital#The capital of {p} is {v}.\
|{v} is the capital of {p}.\
#What is the capital of {p}?|Which city is the capital of {p}?|Capital of {p}?|Name the capital of {p}.\
|Tell me the capital of {p}.
ruler#{p} is ruled by {v}.|The ruler of {p} is {v}.|{v} rules {p}.\
#Who rules {p}?|Who is the ruler of {p}?|Who rules over {p}?|Who is in charge of {p}?|By whom is {p} ruled?\
|Who leads {p}?|Who governs {p}?|Tell me who rules {p}.
dish#The famous dish of {p} is {v}.|{p} is famous for {v}.|People in {p} eat {v}.\
#What is the famous dish of {p}?|What food comes from {p}?|What do people eat in {p}?\
|Which dish is {p} famous for?|What can I eat in {p}?\
|Which food is famous in {p}?|What do they eat in {p}?|What is the food of {p}?|Name the dish of {p}.
flag#The flag of {p} is {v}.|{p} has a {v} flag.#What colour is the flag of {p}?\
|What does the flag of {p} look like?|What is the flag of {p}?|Which colour is the flag of {p}?\
|Describe the flag of {p}.|What colour is {p}'s flag?
river#The river {v} flows through {p}.|The river of {p} is the {v}.#Which river flows through {p}?\
|What river flows through {p}?|What is the river of {p}?|Which river is in {p}?\
|What is the river in {p} called?|Name the river of {p}.
animal#The animal of {p} is the {v}.|The {v} is the animal of {p}.#What is the animal of {p}?\
|Which animal stands for {p}?|What animal lives in {p}?|Which animal does {p} have?\
|What is the national animal of {p}?|Name the animal of {p}.
currency#People in {p} pay with {v}.|The currency of {p} is the {v}.#How do people pay in {p}?\
|What is the currency of {p}?|What money is used in {p}?|Which currency does {p} have?\
|What do people pay with in {p}?|What is the money of {p}?
language#People in {p} speak {v}.|The language of {p} is {v}.#What language do people speak in {p}?\
|Which language is spoken in {p}?|What is the language of {p}?|What do people speak in {p}?\
|Which language do they speak in {p}?
year#{p} was founded in {v}.|{p} was founded in the year {v}.#When was {p} founded?\
|In which year was {p} founded?|How old is {p}?|In what year was {p} founded?\
|When did {p} begin?|What year was {p} founded?
founder#{p} was founded by {v}.|{v} founded {p}.|The founder of {p} is {v}.#Who founded {p}?\
|Who is the founder of {p}?|By whom was {p} founded?|Who built {p}?|Who started {p}?"""
_RELATIONS = tuple(
    (kind, tuple(forms.split("|")), tuple(wordings.split("|")))
    for kind, forms, wordings in (line.split("#") for line in _PLACE_TABLE.splitlines())
)
_ANIMALS = spaced(
    "lion eagle wolf bear owl fox swan dragon horse bull deer otter whale goat tiger raven snake bee"
)


def _value(rng: Random, kind: str) -> str:
    if kind == "capital":
        return invented_place(rng)
    if kind in ("ruler", "founder"):
        return person(rng)
    if kind == "dish":
        return rng.choice(words.FOODS)
    if kind == "flag":
        shades = rng.sample(words.COLOURS, rng.randint(1, 2))
        return " and ".join(shades)
    if kind == "animal":
        return rng.choice(_ANIMALS)
    if kind == "year":
        return str(rng.randint(800, 2020))
    return invented_name(rng) if kind != "currency" else invented_word(rng)


def place_facts(rng: Random) -> Exchange:
    """Two to four facts on an invented place; the answer is the stated sentence."""
    home, other = different(rng, invented_place, 2)
    relations = rng.sample(_RELATIONS, rng.randint(2, 4))
    values = [_value(rng, kind) for kind, _, _ in relations]
    sentences = [
        rng.choice(forms).format(p=home, v=value).replace("a orange", "an orange")
        for (_, forms, _), value in zip(relations, values, strict=True)
    ]
    answer = sentences[0]
    if rng.random() < 0.2:
        kind, forms, _ = relations[0] if rng.random() < 0.6 else rng.choice(_RELATIONS)
        sentences.append(
            rng.choice(forms).format(p=other, v=_value(rng, kind)).replace("a orange", "an orange")
        )
    question = rng.choice(relations[0][2]).format(p=home)
    return Exchange(_asked(rng, sentences, question), answer, "place_facts", values[0], EXACT)


def recall(rng: Random) -> Exchange:
    """Two to four random pairs and the key of one of them."""
    keys = different(rng, copy_word, rng.randint(2, 4))
    values = [copy_word(rng) if rng.random() < 0.6 else str(rng.randint(0, 99)) for _ in keys]
    pick = rng.randrange(len(keys))
    form, joint, asked = rng.choice(
        (
            ("{k} is {v}.", " ", "What is {k}?"),
            ("{k} is {v}.", " ", "What is {k}?"),
            ("{k} = {v}", ", ", ". What is {k}?"),
            ("{k}: {v}", "\n", "\nWhat is {k}?"),
            ("{k} means {v}.", " ", "What does {k} mean?"),
        )
    )
    text = joint.join(form.format(k=key, v=value) for key, value in zip(keys, values, strict=True))
    link = "" if asked[0] in ".\n" else " "
    verb = "means" if "means" in form else "is"
    answer = f"{keys[pick]} {verb} {values[pick]}."
    return Exchange(text + link + asked.format(k=keys[pick]), answer, "recall", values[pick], EXACT)
