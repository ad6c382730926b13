"""Facts with one fixed answer each: time, nature, shapes, the product's own words."""

# answer | short or - | wording | wording ...
_TABLE = """A week has 7 days.|7|How many days are in a week?\
|How many days does a week have?
A year has 12 months.|12|How many months are in a year?|How many months does a year have?
A day has 24 hours.|24|How many hours are in a day?|How many hours does a day have?
An hour has 60 minutes.|60|How many minutes are in an hour?|How many minutes does an hour have?
A minute has 60 seconds.|60|How many seconds are in a minute?|How many seconds does a minute have?
A year has 365 days.|365|How many days are in a year?|How many days does a year have?
A year has 4 seasons.|4|How many seasons are there?|How many seasons are in a year?\
|How many seasons does a year have?
A weekend has 2 days.|2|How many days are in a weekend?|How many days does a weekend have?
The first month is January.|January|What is the first month?|What is the first month of the year?
The last month is December.|December|What is the last month?|What is the last month of the year?
The first day of the week is Monday.|Monday|What is the first day of the week?\
|Which day is the first of the week?
The last day of the week is Sunday.|Sunday|What is the last day of the week?\
|Which day is the last of the week?
Summer is hot.|hot|How is summer?|What is summer like?|Is summer hot or cold?
Winter is cold.|cold|How is winter?|What is winter like?|Is winter hot or cold?
Spring comes after winter.|spring|What comes after winter?|Which season comes after winter?
Summer comes after spring.|summer|What comes after spring?|Which season comes after spring?
Autumn comes after summer.|autumn|What comes after summer?|Which season comes after summer?
Winter comes after autumn.|winter|What comes after autumn?|Which season comes after autumn?
It snows in winter.|winter|When does it snow?|In which season does it snow?
Leaves fall in autumn.|autumn|When do leaves fall?|In which season do leaves fall?
Flowers bloom in spring.|spring|When do flowers bloom?|In which season do flowers bloom?
Water is wet.|wet|How is water?|Is water wet or dry?
Ice is cold.|cold|How is ice?|Is ice hot or cold?
Fire is hot.|hot|How is fire?|Is fire hot or cold?
Ice is frozen water.|-|What is ice?|What is ice made of?
Rain falls from clouds.|clouds|Where does rain come from?|Where does rain fall from?
The sun rises in the east.|east|Where does the sun rise?|Where does the sun come up?
The sun sets in the west.|west|Where does the sun set?|Where does the sun go down?
The sun is a star.|star|What is the sun?|Is the sun a star or a planet?
The earth is a planet.|planet|What is the earth?|Is the earth a star or a planet?
The moon goes around the earth.|-|What does the moon do?|What does the moon go around?
The earth goes around the sun.|-|What does the earth go around?|What does the earth do?
The sky is blue because air scatters blue light most.|-|Why is the sky blue?|Why is the sky blue and not red?
Milk comes from cows.|cows|Where does milk come from?|Who gives us milk?
Honey comes from bees.|bees|Where does honey come from?|Who makes honey?
Eggs come from hens.|hens|Where do eggs come from?|Who lays eggs?
Wool comes from sheep.|sheep|Where does wool come from?|Who gives us wool?
Bread is made of flour.|flour|What is bread made of?|What do we make bread from?
A spider has 8 legs.|8|How many legs does a spider have?|How many legs has a spider?
A dog has 4 legs.|4|How many legs does a dog have?|How many legs has a dog?
A bird has 2 wings.|2|How many wings does a bird have?|How many wings has a bird?
An insect has 6 legs.|6|How many legs does an insect have?|How many legs has an insect?
A hand has 5 fingers.|5|How many fingers does a hand have?|How many fingers are on a hand?
A triangle has 3 sides.|3|How many sides does a triangle have?|How many sides has a triangle?
A square has 4 sides.|4|How many sides does a square have?|How many sides has a square?
A car has 4 wheels.|4|How many wheels does a car have?|How many wheels has a car?
A bike has 2 wheels.|2|How many wheels does a bike have?|How many wheels has a bike?
Bees make honey.|honey|What do bees make?|What does a bee make?
Fish live in water.|water|Where do fish live?|Where does a fish live?
Birds can fly.|Yes|Can birds fly?|Can a bird fly?
Fish can swim.|Yes|Can fish swim?|Can a fish swim?
No, pigs can not fly.|No|Can pigs fly?|Can a pig fly?
Yes, water is wet.|Yes|Is water wet?
Yes, fire is hot.|Yes|Is fire hot?
No, ice is cold.|No|Is ice hot?
No, the earth is round.|No|Is the earth flat?
Yes, the earth is round.|Yes|Is the earth round?
We see with our eyes.|eyes|What do we see with?|With what do we see?
We hear with our ears.|ears|What do we hear with?|With what do we hear?
A week starts on Monday.|Monday|When does a week start?|On which day does a week start?
The alphabet has 26 letters.|26|How many letters does the alphabet have?\
|How many letters are in the alphabet?
The first letter is A.|A|What is the first letter?|What is the first letter of the alphabet?
The last letter is Z.|Z|What is the last letter?|What is the last letter of the alphabet?
Red and yellow make orange.|orange|What do red and yellow make?|What colour do red and yellow make?
Blue and yellow make green.|green|What do blue and yellow make?|What colour do blue and yellow make?
Red and blue make purple.|purple|What do red and blue make?|What colour do red and blue make?
LoRA is a small set of weights that changes a model.|-|What is LoRA?|What is a LoRA?|Explain LoRA.\
|What does LoRA mean?
A system prompt is a text that tells a model how to behave.|-|What is a system prompt?\
|Explain system prompts.\
|What does a system prompt do?
A custom model is a base model with changes of your own.|-|What is a custom model?|Explain custom models.
Temperature sets how random my answers are.|-|What is temperature?|What does temperature do?\
|What is the temperature parameter?
A token is a small piece of text.|-|What is a token?|What are tokens?|Explain tokens.
A Modelfile is a text file that describes a custom model.|-|What is a Modelfile?|What does a Modelfile do?\
|Explain Modelfiles.
A parameter is a setting that changes how a model answers.|-|What is a parameter?|What are parameters?
A base model is the model that a custom model is made from.|-|What is a base model?\
|What is the base of a model?
An adapter is a small file that changes a model.|-|What is an adapter?|What does an adapter do?
Training changes a model so that it learns from examples.|-|What is training?|What does training do?
A language model is a program that writes text.|-|What is a language model?|What is a model?\
|What does a model do?
Modelwright makes custom models and runs them.|-|What is modelwright?|What does modelwright do?
A prompt is the text that you give to a model.|-|What is a prompt?|What does prompt mean?
Weights are the numbers inside a model.|-|What are weights?|What are the weights of a model?
A context window is the text that a model can see at once.|-|What is a context window?\
|What is the context window?
A revision is one saved state of a model.|-|What is a revision?|What is a revision of a model?
A digest is the fingerprint of a file.|-|What is a digest?|What does digest mean?
GGUF is a file format for models.|-|What is GGUF?|What is a GGUF file?|Explain GGUF.
An example message shows a model how to answer.|-|What is an example message?\
|What does an example message do?
Quantisation makes a model smaller.|-|What is quantisation?|What does quantisation do?
"""


def _parse(line: str) -> tuple[str, str | None, tuple[str, ...]]:
    answer, short, *wordings = line.split("|")
    return answer, None if short == "-" else short, tuple(wordings)


FACTS = tuple(_parse(line) for line in _TABLE.splitlines())
