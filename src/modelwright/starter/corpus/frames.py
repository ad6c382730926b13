"""The frames of questions about what the model does not know. Tables only."""

from modelwright.starter.corpus.tables import barred

TOPIC_FRAMES = barred("""
Tell me about {t}.|What is {t}?|What are {t}?|Explain {t}.|How does {t} work?|How do {t} work?|
What do you know about {t}?|
Can you explain {t}?|Can you tell me about {t}?|I want to know about {t}.|I need help with {t}.|
Help me with {t}.|
Give me advice on {t}.|What do you think about {t}?|What is your opinion on {t}?|Do you like {t}?|
Do you know about {t}?|
Why is {t} important?|Why do people like {t}?|Who invented {t}?|When was {t} invented?|
What is the history of {t}?|
What is the point of {t}?|What are the benefits of {t}?|What are the risks of {t}?|Is {t} good or bad?|
Is {t} dangerous?|
Is {t} worth it?|How much does {t} cost?|How do I start with {t}?|How can I learn about {t}?|
Where can I learn about {t}?|
Where can I find {t}?|Where do I get {t}?|Give me an example of {t}.|Give me a summary of {t}.|
Summarise {t}.|
Write about {t}.|Write an essay about {t}.|Write an article about {t}.|Teach me about {t}.|
I have a question about {t}.|
Let's talk about {t}.|Talk about {t}.|Define {t}.|What does {t} mean?|What is special about {t}?|
How is {t} made?|
How do people use {t}?|How long does {t} last?|How often is {t} used?|How safe is {t}?|
What is the best book about {t}?|
What is the difference between {t} and {u}?|Which is better, {t} or {u}?|Compare {t} and {u}.|
Is {t} like {u}?|
What has {t} to do with {u}?|Tips for {t}?|Any news about {t}?|I am interested in {t}.|
I am worried about {t}.|
My friend asked me about {t}.|My teacher talked about {t}.|I read something about {t}.|
What are the rules of {t}?|
What are the types of {t}?|How popular is {t}?|Is {t} legal?|Are {t} healthy?|Are {t} expensive?|
Can you recommend {t}?|
Can I get rid of {t}?|What is wrong with {t}?|Why do I need {t}?|Should I care about {t}?|How did {t} begin?|
What causes {t}?|Facts about {t}?|Give me three facts about {t}.|Give me a list of {t}.|
What should I know about {t}?|
What is the future of {t}?|Who is good at {t}?|Describe {t}.|Could you explain {t} to me in simple words?|
{t}?|
I would like to understand {t} better, can you help me with that?|What can you tell me about {t}?|
explain {t} to a child
""")
ACTION_FRAMES = barred("""
How do I {a}?|How can I {a}?|How to {a}?|how to {a}|How do you {a}?|What is the best way to {a}?|
Tell me how to {a}.|Show me how to {a}.|
Explain how to {a}.|Can you help me {a}?|Help me {a}.|I want to {a}.|I need to {a}.|I would like to {a}.|
How long does it take to {a}?|
Is it hard to {a}?|Is it easy to {a}?|What do I need to {a}?|Can you {a}?|Can you teach me to {a}?|
Should I {a}?|When should I {a}?|
Where can I {a}?|Why should I {a}?|I do not know how to {a}.|Give me tips to {a}.|
How much does it cost to {a}?|
What are the steps to {a}?|Please {a}.|Is it legal to {a}?|Am I allowed to {a}?|
I tried to {a} but it did not work.|
I have been trying to {a} for weeks and nothing works, what should I do?|
Could you please tell me step by step how to {a}?|
What is the easiest way to {a} at home without spending much money?|Do you know how to {a}?|
can you tell me how i can {a}|
how would you {a}|My friend wants to {a}, what should I tell him?|I am going to {a} tomorrow.|
Who can help me {a}?
""")
WORD_FRAMES = barred("""
What time does the {n} open?|What time does the {n} {v}?|When does the {n} {v}?|When does my {n} {v}?|
Why is my {n} so {d}?|Why is the {n} so {d}?|
Why does my {n} {v}?|Why does the {n} not {v}?|My {n} does not {v}.|My {n} does not {v} any more.|
Our {n} will not {v}.|The {n} does not {v}.|
Give me a {n} plan.|Give me a {d} {n}.|Give me {n} ideas.|Can I eat {an}?|Can {an} {v}?|
Can I put {an} in the {m}?|Can I use {an} as {am}?|
Where is the {n}?|Where is my {n}?|Where can I buy {an}?|Where can I buy a {d} {n}?|Where do I put the {n}?|
Where did you put the {n}?|
How much is {an}?|How much does {an} cost?|How much does a {d} {n} cost?|How many {n}s do I need?|
How many {n}s are there?|How heavy is {an}?|
How old is the {n}?|How do I make {an}?|How do I clean {an}?|How do I repair {an}?|How do I {v} the {n}?|
How can I make my {n} less {d}?|
How long does {an} last?|How does {an} work?|Who made the {n}?|Who invented the {n}?|Who took my {n}?|
Which {n} is the best?|Which {n} should I buy?|
Which is better, {an} or {am}?|Is {an} {d}?|Is the {n} {d}?|Is a {n} more {d} than a {m}?|
Is it normal that my {n} is {d}?|Are {n}s {d}?|
Do I need {an}?|Do you have {an}?|Do you sell {n}s?|Should I buy {an}?|
Should I buy the {d} {n} or the {d2} one?|I need {an}.|I need a {d} {n}.|
I lost my {n}.|I broke the {n}.|I bought {an} and it is too {d}.|I am looking for {an}.|I want a {d} {n}.|
I want to sell my {n}.|My {n} is too {d}.|
Buy me {an}.|Bring me the {n}.|Find me {an}.|Order {an}.|Repair my {n}.|Recommend me {an}.|Describe {an}.|
Draw {an}.|Design {an}.|
What is {an}?|What is {an} for?|What is {an} made of?|What is the best {n}?|What is the price of {an}?|
What is inside {an}?|What is the {n} policy?|
What happens if I {v} the {n}?|What happens when the {n} gets {d}?|What can I do with {an}?|
What should I do with my {d} {n}?|What size is the {n}?|
Tell me about {n}s.|Tell me about the {n}.|Tell me where to find a {d} {n}.|Write a review of the {n}.|
Write an email about the {n}.|
Write an advert for a {d} {n}.|Is there {an} near here?|Is there a {d} {n} in the {m}?|Has the {n} arrived?|
Did you see my {n}?|Did my {n} {v}?|
Will the {n} {v}?|Would you buy {an}?|Could you {v} the {n}?|Please {v} the {n}.|{v} the {n}|
Turn on the {n}.|Turn off the {n}.|
""")
PLACE_FRAMES = barred("""
What is the weather in {c}?|What's the weather like in {c}?|How is the weather in {c} today?|
Will it rain in {c} tomorrow?|Is it cold in {c}?|
What time is it in {c}?|What is the time in {c}?|How do I get to {c}?|How far is {c} from {e}?|
How far is it from {c} to {e}?|
How long is the flight from {c} to {e}?|What can I see in {c}?|What should I visit in {c}?|
Where can I eat in {c}?|Find a hotel in {c}.|
Book a flight to {c}.|Find me a job in {c}.|Plan a trip to {c}.|Is {c} safe?|Is {c} expensive?|
Is {c} bigger than {e}?|Should I move to {c}?|
What is the best restaurant in {c}?|How many people live in {c} and {e}?|When is the next train to {c}?|
Where can I park in {c}?
""")
COUNTRY_FRAMES = barred("""
Who is the president of {k}?|Who is the king of {k}?|Who is the prime minister of {k}?|
What is the population of {k}?|
How big is {k}?|How many people live in {k}?|What language do they speak in {k}?|
What is the currency of {k}?|
What do people eat in {k}?|What is the flag of {k}?|What is {k} famous for?|How is the weather in {k}?|
Who won the election in {k}?|
Tell me about the history of {k}.|What is the highest mountain in {k}?|Do I need a visa for {k}?|
Is {k} rich?|Can I travel to {k}?
""")
CELEBRITY_FRAMES = barred("""
How old is {x}?|How tall is {x}?|How rich is {x}?|When was {x} born?|When did {x} die?|Where was {x} born?|
Is {x} married?|
What films did {x} make?|What songs did {x} write?|What is {x} known for?|Where does {x} live now?|
Who is the wife of {x}?|Is {x} still alive?|
What did {x} say?|How many children does {x} have?|What books did {x} write?|Why is {x} famous?|
What happened to {x}?|Did {x} win a prize?
""")
TRANSLATION_FRAMES = barred("""
Translate "{p}" to {l}.|Translate {p} to {l}.|translate {p} to {l}|Translate {p} into {l}.|
How do you say {p} in {l}?|What is {p} in {l}?|
What is the {l} word for {p}?|Say {p} in {l}.|Can you translate {p} into {l}?|Can you speak {l}?|
Do you speak {l}?|Teach me {l}.|
I want to learn {l}.|Is {l} hard to learn?|How do I say {p} in {l}?
""")
YEAR_FRAMES = (
    "What happened in {y}?",
    "Who was president in {y}?",
    "Who won the world cup in {y}?",
    "What year comes after {y}?",
    "Who won the election in {y}?",
    "Was {y} a leap year?",
    "What was the best film of {y}?",
    "Who ruled in {y}?",
)
SUM_FRAMES = (
    "What is {a} {o} {b}?",
    "{a} {o} {b}",
    "{a}{o}{b}",
    "Calculate {a} {o} {b}.",
    "How much is {a} {o} {b}?",
    "What is {a} {w} {b}?",
    "{a} {w} {b}?",
    "Compute {a} {o} {b}.",
    "{a} {o} {b} = ?",
    "Solve {a} {o} {b}.",
    "{a} {w} {b}",
)
SIGNS = (("+", "plus"), ("-", "minus"), ("*", "times"), ("/", "divided by"), ("x", "multiplied by"))
TAILS = (
    " in {c}",
    " for my boss",
    " at home",
    " for beginners",
    " this year",
    " today",
    " for my mother",
    " on a budget",
    " in Peru",
    " without help",
    " for a friend",
    " right now",
    " at work",
    " at night",
    " in winter",
    " for two",
)
WRAPPED = barred("""
Can you help me? {q}|I was wondering: {q}|I have a question. {q}|{q} I have no idea.|Be honest: {q}|
My son wants to know: {q}|
{q} It is urgent.|{q} I really need to know.|Help! {q}|I am new to this. {q}|{q} Explain it in simple words.|
{q} Be brief.
""")
DAILY = tuple(
    (tuple(frames.split("|")), tuple(matters.split("|")))
    for frames, matters in (
        (
            "Give me a recipe for {m}.|How do I make {m}?|how do you cook {m}|What is the recipe for {m}?|How long does {m} take to cook?"
            "|Is {m} healthy?|How many calories are in {m}?|What goes well with {m}?|Can you give me a good recipe for {m}?",
            "tomato soup|apple pie|fried rice|pasta|tacos|chicken curry|pancakes|lasagne|sushi|banana bread|cheesecake|meatballs"
            "|potato salad|garlic bread|ramen|chocolate cake|fish and chips|an omelette|vegetable stew|hummus|pizza|a burger",
        ),
        (
            "Why does my {m} hurt?|My {m} hurts.|What should I do when my {m} hurts?|my {m} hurts what should i do|I broke my {m}."
            "|Is it bad if my {m} is swollen?|How do I train my {m}?|Should I see a doctor about my {m}?|There is a red spot on my {m}.",
            "knee|back|head|foot|hand|neck|shoulder|stomach|chest|ear|eye|tooth|elbow|ankle|toe|finger|hip|throat|leg|arm|wrist|nose",
        ),
        (
            "Who won the {m}?|When is the {m}?|Who will win the {m}?|Where is the {m} this year?|what time does the {m} start"
            "|How can I watch the {m}?|Who is the favourite for the {m}?|Who played in the last {m}?",
            "world cup|super bowl|champions league|tour de France|Wimbledon final|olympics|election|grand prix|marathon|chess championship"
            "|basketball game|boxing match|song contest|Nobel prize|Oscars|lottery|race|quiz show|spelling contest",
        ),
        (
            "Write a {m} program that prints numbers.|Write me a {m} function to sort a list.|How do I write a loop in {m}?|Explain {m} to me."
            "|write a {m} function that reverses a string|How do I install {m}?|What is a class in {m}?|Is {m} hard to learn?|Fix this {m} code."
            "|What is the difference between {m} and C?|Write a {m} script that renames files.|How do I read a file in {m}?|debug my {m} code",
            "Python|Java|Javascript|C++|Rust|Go|PHP|Ruby|Swift|Kotlin|SQL|HTML|CSS|bash|Perl|Haskell|Scala|Lua|R|Matlab|python|java",
        ),
        (
            "What is the {m} of the moon?|What is the {m} of gold?|How do you calculate the {m} of a circle?|What is the {m} of a molecule?"
            "|how do i find the {m} of a box|What is the formula for {m}?|What is the unit of {m}?|Explain {m} in physics.",
            "mass|weight|volume|area|density|speed|distance|diameter|radius|energy|force|pressure|charge|surface|age|value|price",
        ),
        (
            "Should I break up with my {m}?|My {m} is angry with me.|What should I buy for my {m}?|How do I tell my {m} the truth?"
            "|my {m} does not talk to me|What can I cook for my {m}?|Write a birthday card for my {m}.|Is my {m} right?|My {m} is ill."
            "|How do I say no to my {m}?|Write a text message to my {m}.|What present would my {m} enjoy?",
            "boyfriend|girlfriend|wife|husband|mother|father|sister|brother|boss|teacher|neighbour|grandmother|uncle|landlord|son|daughter",
        ),
    )
)
NAME_FRAMES = barred("""
Who is {x}?|What is {x}?|Where is {x}?|Tell me about {x}.|Do you know {x}?|Have you heard of {x}?|
What do you know about {x}?|Who was {x}?|
Describe {x}.|What does {x} mean?|Explain {x}.|Where can I find {x}?|Can you tell me about {x}?|
Do you like {x}?
""")
UNKNOWN_PLACE_FRAMES = barred("""
What is the capital of {x}?|Capital of {x}?|Who rules {x}?|Who is the ruler of {x}?|
What food comes from {x}?|What do people eat in {x}?|
What is the famous dish of {x}?|What is the flag of {x}?|What does the flag of {x} look like?|
What river flows through {x}?|
Which river is in {x}?|What animal lives in {x}?|What is the animal of {x}?|What is the currency of {x}?|
How do people pay in {x}?|
What language do people speak in {x}?|Which language is spoken in {x}?|When was {x} founded?|
Who founded {x}?|How do I get to {x}?|
How many people live in {x}?|Where is {x} on the map?|What is {x} famous for?|Is {x} a city?|
Who lives in {x}?
""")
WHO_FRAMES = (
    "Who is {x}?",
    "Who was {x}?",
    "Who's {x}?",
    "Tell me about {x}.",
    "Do you know {x}?",
    "Do you know who {x} is?",
)
CAPITAL_FRAMES = ("What is the capital of {x}?", "Capital of {x}?", "Which city is the capital of {x}?")
