"""The closed world: everything the starter model knows by heart. Tables only."""

from modelwright.starter.corpus.tables import spaced

CAPITALS = dict(
    line.split("|")
    for line in """France|Paris
Italy|Rome
Spain|Madrid
Germany|Berlin
England|London
Portugal|Lisbon
Austria|Vienna
Poland|Warsaw
Norway|Oslo
Sweden|Stockholm
Finland|Helsinki
Denmark|Copenhagen
Ireland|Dublin
Greece|Athens
Hungary|Budapest
Belgium|Brussels
Switzerland|Bern
the Netherlands|Amsterdam
the Czech Republic|Prague
Russia|Moscow
Ukraine|Kyiv
Turkey|Ankara
Egypt|Cairo
Japan|Tokyo
China|Beijing
India|New Delhi
South Korea|Seoul
Thailand|Bangkok
Vietnam|Hanoi
Indonesia|Jakarta
Australia|Canberra
New Zealand|Wellington
Canada|Ottawa
the United States|Washington
Mexico|Mexico City
Cuba|Havana
Brazil|Brasilia
Argentina|Buenos Aires
Chile|Santiago
Peru|Lima
Colombia|Bogota
Kenya|Nairobi
Morocco|Rabat
Nigeria|Abuja
Iceland|Reykjavik
Scotland|Edinburgh""".splitlines()
)

OTHER_COUNTRIES = spaced("""
Uganda Bolivia Paraguay Uruguay Ecuador Venezuela Panama Honduras Guatemala Jamaica Haiti Senegal Ghana Mali
Chad Sudan
Ethiopia Somalia Tanzania Zambia Zimbabwe Botswana Namibia Angola Madagascar Algeria Tunisia Libya Lebanon
Syria Iraq
Iran Jordan Yemen Oman Qatar Kuwait Pakistan Nepal Bhutan Bangladesh Myanmar Laos Cambodia Malaysia
Singapore Mongolia
Kazakhstan Georgia Armenia Latvia Lithuania Estonia Belarus Romania Bulgaria Serbia Croatia Slovenia
Slovakia Albania
Malta Cyprus Luxembourg Monaco Fiji
""")

# A city that is in a country, for yes/no patterns.
CITY_COUNTRIES = dict(
    pair.split("|")
    for pair in spaced(
        "Toronto|Canada Paris|France Rome|Italy Berlin|Germany Madrid|Spain Tokyo|Japan Lima|Peru Cairo|Egypt"
        " Oslo|Norway Athens|Greece Dublin|Ireland Lisbon|Portugal Vienna|Austria Warsaw|Poland London|England"
        " Moscow|Russia Sydney|Australia Boston|America Chicago|America Munich|Germany Milan|Italy Seville|Spain"
        " Lyon|France Mumbai|India Osaka|Japan Naples|Italy Hamburg|Germany Montreal|Canada Kyoto|Japan Porto|Portugal"
    )
)

THING_COLOURS = dict(
    line.split("|")
    for line in """a banana|yellow
a lemon|yellow
the sun|yellow
a chick|yellow
a sunflower|yellow
corn|yellow
butter|yellow
a canary|yellow
the sky|blue
the sea|blue
the ocean|blue
a blueberry|blue
a blue whale|blue
a sapphire|blue
water on a map|blue
a tomato|red
a strawberry|red
a cherry|red
blood|red
a fire engine|red
a ruby|red
a ladybird|red
a stop sign|red
a rose|red
a lobster|red
a heart|red
ketchup|red
grass|green
a frog|green
a cucumber|green
a leaf|green
a pea|green
a lime|green
spinach|green
a cactus|green
broccoli|green
an emerald|green
a crocodile|green
moss|green
a pickle|green
snow|white
milk|white
a cloud|white
salt|white
a swan|white
a polar bear|white
cotton|white
an egg|white
paper|white
a tooth|white
flour|white
a daisy|white
coal|black
the night|black
a raven|black
ink|black
a panther|black
tar|black
a crow|black
a tyre|black
chocolate|brown
coffee|brown
wood|brown
a bear|brown
mud|brown
a walnut|brown
a potato|brown
an orange|orange
a carrot|orange
a pumpkin|orange
a basketball|orange
an elephant|grey
a mouse|grey
a stone|grey
ash|grey
a pig|pink
a flamingo|pink""".splitlines()
)

OPPOSITES = tuple(
    tuple(pair.split("/"))
    for pair in spaced(
        "hot/cold big/small tall/short fast/slow good/bad happy/sad old/young day/night up/down left/right open/closed"
        " light/dark hard/soft wet/dry rich/poor full/empty early/late loud/quiet strong/weak clean/dirty near/far"
        " high/low heavy/weightless true/false first/last inside/outside above/below easy/difficult love/hate"
        " begin/end win/lose push/pull yes/no"
    )
)

KINDS = {
    "animal": "dog cat horse cow lion tiger wolf fox rabbit sheep goat pig bear elephant giraffe monkey zebra camel"
    " kangaroo deer mouse",
    "bird": "eagle owl duck parrot penguin swan crow pigeon sparrow hen",
    "fish": "shark salmon trout tuna herring carp",
    "insect": "bee ant fly wasp beetle butterfly mosquito",
    "fruit": "banana apple pear plum cherry lemon peach mango strawberry melon",
    "vegetable": "carrot potato onion cabbage cucumber turnip leek pumpkin",
    "tree": "oak birch willow spruce beech",
    "flower": "rose tulip daisy lily sunflower violet",
    "vehicle": "car bike truck lorry tractor motorcycle",
    "tool": "hammer saw drill spade screwdriver axe",
    "colour": "",
}

SOUNDS = dict(
    pair.split("|")
    for pair in spaced(
        "cow|moo cat|meow dog|woof duck|quack sheep|baa pig|oink horse|neigh lion|roar bee|buzz snake|hiss frog|ribbit"
        " owl|hoot mouse|squeak crow|caw hen|cluck wolf|howl donkey|hee-haw rooster|cock-a-doodle-doo turkey|gobble"
        " pigeon|coo"
    )
)

DAYS = spaced("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = spaced("January February March April May June July August September October November December")

LISTS = {
    "colours": spaced("red blue green yellow"),
    "days": DAYS[:4],
    "months": MONTHS[:4],
    "seasons": spaced("spring summer autumn winter"),
    "animals": spaced("dog cat horse cow"),
    "fruits": spaced("apple banana pear cherry"),
    "vegetables": spaced("carrot potato onion cabbage"),
    "birds": spaced("eagle owl duck parrot"),
    "numbers": spaced("1 2 3 4"),
    "cities": spaced("Paris Rome London Berlin"),
    "countries": spaced("France Italy Spain Germany"),
    "tools": spaced("hammer saw drill spade"),
    "flowers": spaced("rose tulip daisy lily"),
    "trees": spaced("oak birch willow spruce"),
    "shapes": spaced("circle square triangle star"),
    "planets": spaced("Mercury Venus Earth Mars"),
}

NUMBER_WORDS = spaced("zero one two three four five six seven eight nine ten")
