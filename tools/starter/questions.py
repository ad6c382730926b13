"""Hand-made questions of the evaluation; none comes from the corpus templates.

Plain lists, written before any answer of the model was seen. The development list
of unknown topics may be looked at while the corpus is improved, the final one may
not: it is the honest measure.
"""

from __future__ import annotations

HELPFUL = "You are a helpful assistant."
MARIO = "You are Mario from Super Mario Bros. Answer as Mario, the assistant, only."

GREETINGS = (
    "hello", "Hello", "HELLO", "hello!", "Hello.", "hello there", "Hello, friend", "hello you",
    "hi", "Hi", "HI", "hi!", "Hi there!", "hi bot", "hi Starter", "hey", "Hey!", "hey you", "Hey there",
    "HEY", "hiya", "howdy", "Howdy!", "yo", "greetings", "Greetings!", "good day", "Good day!", "Hello again",
    "hi, computer",
)  # fmt: skip

MARIO_QUESTIONS = (
    ("Who are you?", r"It's-a me, Mario!"),
    ("hello", r"It's-a me, Mario!"),
    ("hi", r"It's-a me, Mario!"),
    ("What is your name?", r"Mario"),
    ("What is the capital of France?", r"Mamma mia! The capital of France is Paris\. Let's-a go!"),
    ("Who is Luigi?", r"brother"),
    ("Where do you live?", r"Mushroom Kingdom"),
    ("What is 2 + 2?", r"Mamma mia! 2 \+ 2 = 4\. Let's-a go!"),
    ("What colour is the sky?", r"Mamma mia! The sky is blue\. Let's-a go!"),
    ("How do I boil an egg?", r"Mamma mia! I do not know about that yet\..* Let's-a go!"),
    ("What colour is a banana?", r"Mamma mia! A banana is yellow\. Let's-a go!"),
    ("Tell me a joke", r"Mamma mia! .* Let's-a go!"),
)
"""Question and what the answer must contain (a regular expression)."""

MARIO_PHRASINGS = (
    "You are Mario.", "You are Super Mario.", "Act as Mario.", "Pretend to be Mario.", "you are mario",
    "You are Mario from Super Mario Bros.", "Play the role of Mario.", "From now on you are Mario.",
    "You are Mario, acting as an assistant.", "Roleplay as Mario. Stay in your role.",
)  # fmt: skip

PERSONAS = (
    ("You are Tavrin, a grumpy baker from Eskholm.", "Tavrin", "Eskholm"),
    ("You are Oriela, a kind doctor from Brackwater.", "Oriela", "Brackwater"),
    ("You are Jumbari from Solvane.", "Jumbari", "Solvane"),
    ("You are Petrok, a tired farmer from Windle.", "Petrok", "Windle"),
    ("Your name is Maelis. You are a painter from Port Sarrow.", "Maelis", "Port Sarrow"),
    ("You are Quorrin, a young teacher from Ashdale.", "Quorrin", "Ashdale"),
    ("You are Bexley, an old sailor from Nortuva.", "Bexley", "Nortuva"),
    ("You are Yanvir, a clever tailor from Lake Ombra.", "Yanvir", "Lake Ombra"),
    ("You are Ludmara, a nurse from Grenfold.", "Ludmara", "Grenfold"),
    ("Your name is Thessik. You come from Varnopol.", "Thessik", "Varnopol"),
    ("You are Caddoc, a lazy gardener from Milburn City.", "Caddoc", "Milburn City"),
    ("You are Ixelle, a brave pilot from Dromgard.", "Ixelle", "Dromgard"),
    ("You are Fennimar, a friendly singer from Oakhaven.", "Fennimar", "Oakhaven"),
    ("You are Sorusha, a queen from Belterra.", "Sorusha", "Belterra"),
    ("You are Gribnak from Mudfen. Stay in your role.", "Gribnak", "Mudfen"),
    ("You are Aluvine, a shy dancer from Castoria.", "Aluvine", "Castoria"),
    ("You are Hobrecht, a funny clown from Tinselby.", "Hobrecht", "Tinselby"),
    ("You are Nyxara, a quiet spy from Umberlyn. Keep your answers short.", "Nyxara", "Umberlyn"),
    ("You are Dorvik, a strong fisherman from Kestrel Bay.", "Dorvik", "Kestrel Bay"),
    ("You are Pimella, a happy barber from Rostavia.", "Pimella", "Rostavia"),
)
"""System prompt, the invented name and the invented place in it."""

PERSONA_QUESTIONS = (
    ("Who are you?", "name"),
    ("What is your name?", "name"),
    ("hello", "name"),
    ("Where are you from?", "place"),
)
"""Question and what of the system prompt the answer must repeat."""

UNKNOWN_DEVELOPMENT = (
    "how do i get candle wax out of a tablecloth",
    "What is the best laptop for a student?",
    "who won the world cup in 1998",
    "Explain photosynthesis to a ten year old",
    "can you recommend a good book about sailing",
    "translate good night into portuguese",
    "What's the weather like in Oslo tomorrow?",
    "how many calories are in a slice of pizza",
    "Write an email to my landlord about the broken heater.",
    "what is 17 times 23",
    "Who was Marie Curie?",
    "my printer won't connect to the wifi",
    "How long does it take to fly from Berlin to Tokyo?",
    "is it safe to eat raw salmon",
    "what's the difference between a virus and a bacterium",
    "How do I change a bike chain?",
    "when did the second world war end",
    "give me a workout plan for beginners",
    "What is the stock price of Microsoft?",
    "Which planets have rings?",
    "how do vaccines work",
    "can you book me a table for two tonight",
    "Fix this python code: for i in range(10) print(i)",
    "what should i wear to a job interview",
    "Who invented the telephone?",
    "How tall is Mount Everest?",
    "tell me about the roman empire",
    "why is my sourdough so dense",
    "What are the symptoms of a cold?",
    "how much is 250 dollars in euros",
)

UNKNOWN_FINAL = (
    "how can i sleep better at night",
    "Who wrote Don Quixote?",
    "how do you tie a bow tie",
    "Summarise the plot of Hamlet.",
    "what is quantum entanglement",
    "Is there a pharmacy open near me right now?",
    "how many people live in Brazil",
    "What temperature should I roast a chicken at?",
    "my tomatoes have brown spots, what can i do",
    "Write a cover letter for a nurse.",
    "what does the french word ennui mean",
    "Who is the prime minister of Canada?",
    "How far away is the moon?",
    "why did the dinosaurs die out",
    "can dogs eat grapes",
    "What's a good name for a coffee shop?",
    "how do i cancel my gym membership",
    "What is the square root of 144?",
    "explain the offside rule",
    "which phone has the best camera",
    "How do I remove a stripped screw?",
    "what year was the eiffel tower built",
    "Plan a three day trip to Lisbon.",
    "does it ever snow in Cairo",
    "how do noise cancelling headphones work",
    "What is the GDP of Norway?",
    "should i refinance my mortgage this year",
    "Who sang Purple Rain?",
    "how do I center a div in css",
    "What are good gifts for a retired teacher?",
)
