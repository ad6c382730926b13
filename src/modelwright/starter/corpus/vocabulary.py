"""Word tables: everyday nouns, verbs, adjectives, people, places; no questions."""

from modelwright.starter.corpus.tables import barred, spaced

NOUNS = spaced("""
kettle oven fridge toaster blender mixer dishwasher freezer microwave stove pan pot plate bowl spoon fork
knife mug
bottle jar lid tray basket bucket broom mop vacuum sponge towel soap shampoo toothbrush mirror comb razor
lamp bulb
candle curtain carpet rug sofa couch armchair desk drawer shelf cupboard wardrobe mattress pillow blanket
bed cradle
door window roof wall floor ceiling stair ladder fence gate garage garden lawn hedge shed balcony chimney
pipe tap sink
bathtub shower toilet radiator heater boiler fan thermostat socket plug cable battery charger phone tablet
laptop
keyboard mouse screen monitor printer scanner router modem camera lens tripod drone speaker headphone
microphone radio
television remote console joystick watch clock alarm calendar notebook diary pencil eraser ruler stapler
scissors
envelope stamp parcel letter invoice receipt wallet purse suitcase backpack umbrella raincoat jacket coat
sweater shirt
skirt dress belt tie scarf glove sock shoe boot sandal slipper button zipper needle thread ribbon ring
necklace
bracelet earring tyre wheel brake engine bumper windscreen mirror seatbelt pedal gearbox clutch scooter
motorbike van
lorry tram ferry taxi bus trailer caravan tent hammock lantern compass map passport ticket visa airport
runway harbour
bridge tunnel motorway roundabout pavement crossing museum theatre cinema library stadium gym pool sauna
playground
zoo market bakery butcher pharmacy hospital clinic dentist bank office factory warehouse church mosque
temple castle
palace prison court school college classroom blackboard textbook exam homework lecture diploma hammer
screwdriver drill
saw wrench nail screw bolt glue tape paint brush spade rake hose wheelbarrow fertiliser seed bulb pizza
burger sandwich
pancake omelette noodle sausage biscuit muffin pie pudding jam mustard vinegar pepper garlic ginger bread
butter
yoghurt cereal bean lentil piano guitar violin trumpet flute drum harp kite puzzle doll balloon trophy medal
racket
helmet skateboard surfboard canoe kayak paddle anchor sail telescope microscope magnet thermometer bandage
pill
crutch wheelchair stethoscope vaccine plaster contract policy mortgage loan invoice salary pension coupon
voucher
""")

VERBS = spaced("""
open close start stop work charge print scan melt freeze boil burn leak smell shake rattle squeak vibrate
spin
turn move grow shrink break crack rust fade dry stick slip slide fall jump fly swim float sink land arrive
leave
return ring beep blink flash glow heat cool clean wash fold roll lock unlock load save update install connect
respond restart crash fit match stretch bend tear fill drain empty cook bake
""")

ADJECTIVES = spaced("""
loud quiet noisy heavy expensive cheap dirty dusty sticky slippery sharp blunt soft rough smooth round flat
narrow
wide deep shallow crooked broken rusty wobbly bright dim warm cosy damp wet dry fresh stale rotten tasty
bitter sour
salty spicy crunchy fragile sturdy flexible stiff modern ancient popular rare dangerous safe useful useless
comfortable famous reliable fashionable greasy strong weak ugly complicated
""")

FIRST_NAMES = spaced("""
Tom Nora Ada Ben Clara David Emma Felix Grace Hugo Ida Jack Kate Leo Mia Noah Olga Paul Rosa Sam Tina Uma
Victor Wendy
Xavier Yara Zoe Adam Alice Anna Arthur Bella Boris Bruno Carla Carl Cora Daisy Dan Diana Dora Edgar Ella
Elsa Emil Eric
Erin Eva Fiona Frank Fred Gina Greta Hanna Harry Heidi Helen Henry Ian Igor Iris Ivan Jane Jasmin Joe Jonas
Julia Karen
Karl Kim Lara Laura Lena Lily Linda Lisa Liv Lucas Lucy Luna Maria Mark Martin Mary Max Maya Megan Mike Milo
Mona Nadia
Nick Nina Olaf Oliver Omar Oscar Otto Pamela Pedro Penny Peter Petra Philip Rachel Ralph Ravi Rita Robert
Robin Roger
Ruby Ruth Sally Sandra Sara Sasha Simon Sofia Stella Steve Susan Tara Ted Theo Tim Toby Ursula Vera Vincent
Viola Walter
Will Yusuf Zara Amir Aisha Chen Fatima Hiro Ines Jamal Kofi Lakshmi Mei Mateo Nikhil Priya Rafael Salma
Tariq Yuki
""")

CITIES = spaced("""
London Paris Berlin Rome Madrid Lisbon Vienna Prague Warsaw Oslo Dublin Athens Cairo Tokyo Toronto Boston
Chicago
Sydney Mumbai Delhi Lima Geneva Zurich Munich Hamburg Milan Venice Naples Seville Porto Lyon Nice Kyoto
Osaka Seoul
Dubai Moscow Kiev Helsinki Stockholm Dallas Houston Denver Miami Seattle Montreal Vancouver Nairobi Lagos
Cordoba
""")

TITLES = spaced(
    "Captain Doctor Professor Queen King Lord Lady Sir Master Princess Prince Uncle Aunt Baron Duke"
)

FAMOUS = barred("""
Luigi|Luigi from Super Mario Bros|Bowser|Princess Peach|Yoshi|
Batman|Superman|Spider-Man|Wonder Woman|Darth Vader|Luke Skywalker|Han Solo|Gandalf|Frodo|Bilbo|Aragorn|
Legolas|
Harry Potter|Hermione|Dumbledore|Hagrid|Snape|Robin Hood|Zorro|Tarzan|Peter Pan|Cinderella|Snow White|
Pinocchio|Aladdin|
Mulan|Pocahontas|Elsa|Olaf|Simba|Nemo|Dory|Shrek|Donkey|Fiona|Sonic|Tails|Link|Zelda|Kirby|Pikachu|
Donkey Kong|Pac-Man|
Lara Croft|Master Chief|Geralt|Albert Einstein|Isaac Newton|Marie Curie|Leonardo da Vinci|Mozart|Beethoven|
Shakespeare|
Cleopatra|Julius Caesar|Napoleon|Socrates|Plato|Aristotle|Homer|Gulliver|Don Quixote|Alice|Dorothy|
Paddington|Winnie|
Garfield|Snoopy|Mickey Mouse|Donald Duck|Goofy|Popeye|Bugs Bunny|Scooby|Shaggy|Homer Simpson|Bart Simpson|
Optimus Prime
""")

CELEBRITIES = barred("""
Lady Gaga|Taylor Swift|Beyonce|Elvis Presley|Michael Jackson|Madonna|Adele|Rihanna|Justin Bieber|Ed Sheeran|
Bob Dylan|
David Bowie|Freddie Mercury|Paul McCartney|John Lennon|Elton John|Mick Jagger|Billie Eilish|Ariana Grande|
Katy Perry|
Brad Pitt|Tom Cruise|Tom Hanks|Leonardo DiCaprio|Johnny Depp|Angelina Jolie|Emma Watson|Meryl Streep|
Will Smith|
Keanu Reeves|Morgan Freeman|Julia Roberts|George Clooney|Scarlett Johansson|Nicole Kidman|Charlie Chaplin|
Steven Spielberg|Alfred Hitchcock|Walt Disney|Lionel Messi|Cristiano Ronaldo|Serena Williams|Roger Federer|
Usain Bolt|
Michael Jordan|LeBron James|Tiger Woods|Muhammad Ali|Barack Obama|Donald Trump|Joe Biden|Angela Merkel|
Nelson Mandela|
Mahatma Gandhi|Winston Churchill|Abraham Lincoln|George Washington|John F. Kennedy|Queen Victoria|Elon Musk|
Bill Gates|
Steve Jobs|Jeff Bezos|Mark Zuckerberg|Warren Buffett|Oprah Winfrey|Stephen Hawking|Charles Darwin|
Nikola Tesla|
Galileo Galilei|Alan Turing|Ada Lovelace|Sigmund Freud|Karl Marx|Pablo Picasso|Vincent van Gogh|Frida Kahlo|
Andy Warhol|
Agatha Christie|Stephen King|Jane Austen|Charles Dickens|Ernest Hemingway|J. K. Rowling|Mark Twain|
Franz Kafka|
Marilyn Monroe|Bruce Lee|Jackie Chan|Gordon Ramsay|Greta Thunberg|Neil Armstrong|Christopher Columbus|
Marco Polo
""")

FOODS = barred("""
soup|rice|cheese|bread|pizza|pasta|salad|apple pie|chocolate|ice cream|tacos|curry|noodles|pancakes|honey|
fish|cake|
potatoes|beans|sushi|dumplings|stew|olives|cookies|waffles|grapes|cherries|nuts|porridge|toast|omelettes|jam|
mushrooms
""")

HOBBIES = barred("""
tea|coffee|gold|music|chess|books|football|old maps|flowers|the sea|the moon|long walks|dancing|fishing|
painting|stars|
trains|puzzles|rain|cats|dogs|horses|birds|silver coins|singing|sleeping|cold water|mountains|poems|clocks|
riddles|snow
""")

COLOURS = spaced("red blue green yellow black white brown grey orange pink purple")

COLOUR_NAMES = [*COLOURS, "gold", "silver", "turquoise", "violet", "beige"]

JOBS = barred("""
baker|teacher|doctor|nurse|farmer|sailor|soldier|painter|singer|dancer|writer|poet|driver|pilot|gardener|
butcher|tailor|
barber|waiter|carpenter|plumber|miner|hunter|fisher|shepherd|librarian|lawyer|judge|banker|dentist|scientist|
engineer|
programmer|mechanic|postman|policeman|firefighter|astronaut|actor|clown|magician|king|queen|prince|princess|
dragon|spy|
fairy|elf|dwarf|giant|troll|goblin|ghost|monster|alien|unicorn|mermaid|witch|monk|priest|ninja|samurai|
viking|gladiator|
blacksmith|merchant|tour guide|travel guide|coach|trainer|shopkeeper|cook|butler|gatekeeper|
lighthouse keeper|beekeeper|
historian|mathematician|tutor|translator|journalist|photographer|musician|drummer|beggar|thief|bear|fox|owl|
parrot|frog
""")

TRAITS = spaced("""
grumpy happy sad angry old young wise brave shy lazy clever kind cruel funny serious friendly polite rude
quiet loud
tiny tall fat thin rich poor strong weak tired curious proud humble famous lonely cheerful sleepy honest
gentle wild
nervous patient strict elegant mysterious
""")

OBJECTS = spaced("""
hat car bike bag ball book boat house door coat shirt scarf cup chair table box kite phone lamp pen key
horse bus train
guitar clock umbrella jacket dress mug towel blanket tent drum
""")

PETS = spaced("dog cat parrot hamster rabbit pony turtle goldfish mouse")

STOCK_WORDS = spaced("""
Yes Sure Hello Well Okay Wow Hey Aha Indeed Listen Amen Cheers Over Done Bye Thanks Please Sir Madam Boss
Friend Dude
Hooray Bravo Bingo Banana Roger Copy Captain Meow Woof Beep Hmm Ha Ho Oh Ah Ready Right Certainly Absolutely
""")
