"""Everyday matters the starter does not know: topics, actions, single questions."""

from modelwright.starter.corpus.tables import barred, listed, spaced

TOPICS = tuple(
    listed("""
mortgages, car insurance, life insurance, income tax, credit cards, savings accounts, compound interest,
inflation,
the stock market, bonds, dividends, bitcoin, cryptocurrency, blockchain, pension funds, bankruptcy, leasing,
budgeting,
interest rates, exchange rates, investing, index funds, real estate, rent control, property tax, invoices,
accounting,
marketing, advertising, branding, startups, venture capital, supply chains, logistics, customer service,
sales,
negotiation, leadership, teamwork, job interviews, cover letters, remote work, minimum wage, overtime, trade
unions,
contract law, copyright, patents, trademarks, divorce, custody, wills, inheritance, tenancy law, small
claims court,
speeding tickets, drunk driving, self defence, human rights, the constitution, democracy, elections,
parliament,
the senate, capitalism, socialism, communism, feminism, immigration, refugees, nuclear weapons, the cold war,
the first world war, the second world war, the French revolution, the Roman empire, ancient Egypt, ancient
Greece,
the middle ages, the black death, the renaissance, the industrial revolution, colonialism, slavery, the
vikings,
the crusades, the moon landing, the space race, the Berlin wall, the titanic, pyramids, dinosaurs, fossils,
evolution,
genetics, DNA, stem cells, cloning, bacteria, viruses, vaccines, antibiotics, the immune system,
photosynthesis, cells,
proteins, enzymes, hormones, the nervous system, the brain, the liver, kidneys, lungs, the skeleton,
muscles, skin,
digestion, metabolism, cholesterol, blood pressure, diabetes, asthma, allergies, migraines, headaches, back
pain,
the flu, a cold, fever, coughing, a sore throat, food poisoning, insomnia, sleep apnoea, anxiety,
depression, stress,
burnout, autism, dyslexia, dementia, cancer, chemotherapy, surgery, x-rays, ultrasound, pregnancy,
breastfeeding,
birth control, puberty, menopause, vitamins, minerals, calories, carbohydrates, fasting, the keto diet,
veganism,
gluten, lactose, protein shakes, weight loss, push-ups, yoga, pilates, meditation, mindfulness, breathing
exercises,
marathons, cycling, swimming lessons, football rules, the offside rule, basketball, baseball, cricket,
rugby, tennis,
golf, hockey, boxing, wrestling, judo, karate, fencing, archery, skiing, snowboarding, skating, surfing,
sailing,
rowing, climbing, hiking, camping, hunting, horse riding, gymnastics, the olympics, the world cup, the super
bowl,
formula one, chess openings, poker, bridge, backgammon, crosswords, sudoku, video games, board games, role
playing,
card tricks, magic tricks, juggling, origami, knitting, crochet, sewing, embroidery, pottery, woodworking,
carpentry,
welding, plumbing, wiring, tiling, wallpaper, insulation, solar panels, wind turbines, heat pumps, nuclear
power, coal power,
fracking, oil prices, petrol, diesel engines, electric cars, hybrid cars, self-driving cars, traffic jams,
parking,
public transport, trains in Europe, cheap flights, jet lag, travel insurance, visas, passports, customs,
hotels,
hostels, cruises, safaris, backpacking, road trips, the Eiffel tower, the Great Wall, Mount Everest, the
Amazon, the Nile,
the Sahara, Antarctica, the Alps, volcanoes, earthquakes, tsunamis, hurricanes, tornadoes, floods, droughts,
climate change, global warming, recycling, composting, plastic waste, deforestation, endangered species,
coral reefs,
whales, dolphins, octopuses, jellyfish, spider webs, bird migration, beekeeping, dog training, cat food,
aquariums,
hamsters as pets, horse care, gardening, pruning, orchids, bonsai, tomatoes in pots, lawn care, weeds,
pesticides, tractors,
organic farming, greenhouses, cheese making, wine, beer brewing, whisky, cocktails, espresso, green tea,
sourdough,
pasta sauce, lasagne, risotto, paella, fried rice, ramen, curry powder, barbecue, roast chicken, scrambled
eggs, apple pie,
birthday cakes, brownies, ice cream recipes, jam making, pickling, knife skills, food storage, leftovers,
meal plans,
table manners, etiquette, small talk tips, dating, marriage, weddings, wedding speeches, birthdays,
Christmas, Easter, Halloween,
Ramadan, Hanukkah, Diwali, Buddhism, Islam, Christianity, Judaism, Hinduism, the Bible, the Koran,
philosophy, ethics, stoicism,
existentialism, logic, psychology, sociology, anthropology, economics, statistics, probability, algebra,
geometry,
trigonometry, calculus, derivatives, integrals, matrices, prime numbers, fractions, percentages, square
roots, pi,
logarithms, vectors, gravity, relativity, quantum mechanics, black holes, galaxies, the big bang, dark
matter, comets,
asteroids, Jupiter, Saturn, space stations, rockets, satellites, telescopes, atoms, molecules, electrons,
the periodic table,
acids, salts, oxygen, carbon dioxide, hydrogen, helium, iron, steel, aluminium, copper, plastic, glass,
concrete, paper making,
electricity, magnetism, transistors, semiconductors, computers, processors, memory, hard drives, graphics
cards,
operating systems, Linux, Windows, Android, iPhones, Python, Java, Javascript, C++, Rust, SQL, HTML, CSS,
regular expressions,
recursion, sorting algorithms, binary search, hash tables, linked lists, pointers, databases, spreadsheets,
Excel formulas,
Word documents, PDF files, email, spam, passwords, encryption, firewalls, viruses on computers, hacking,
phishing, VPNs,
cookies on websites, search engines, social media, Facebook, Instagram, Twitter, TikTok, YouTube, Netflix,
Spotify, Amazon,
Google, Wikipedia, cloud storage, web hosting, domain names, Docker, Kubernetes, git, unit tests, open
source, machine learning,
neural networks, deep learning, robots in factories, 3D printing, virtual reality, smart homes, smart
watches, wifi, bluetooth,
fibre internet, 5G, GPS, radio waves, lasers, cameras, photography, lighting, video editing, podcasts, film
making, acting,
Hollywood, anime, manga, comics, superheroes, Star Wars, Star Trek, Harry Potter books, Game of Thrones, the
Beatles,
Queen the band, hip hop, jazz, blues, rock music, techno, opera, ballet, classical music, guitar chords,
piano lessons, music theory,
singing lessons, painting techniques, watercolours, sculpture, architecture, impressionism, modern art, the
Mona Lisa, museums, poetry forms,
novels, Shakespeare plays, Don Quixote, grammar, commas, spelling rules, punctuation, essays, public
speaking, debating,
learning Spanish, learning German, sign language, Latin, Chinese characters, accents, homework help, exams,
universities, scholarships,
student loans, kindergarten, homeschooling, bullying, teenagers, toddlers, babies, diapers, baby names,
potty training, bedtime,
grandparents, adoption, neighbours, roommates, moving house, furniture, interior design, feng shui, cleaning
tips, laundry,
stain removal, ironing, mould, mice in the house, bed bugs, ants in the kitchen, pest control, fire alarms,
burglars, locks,
first aid, CPR, burns, broken bones, nosebleeds, hiccups, sunburn, mosquito bites, tattoos, piercings,
haircuts, hair dye, make-up,
perfume, nail polish, skin care, acne, shaving, beards, suits, ties, jeans, sneakers, handbags, jewellery,
diamonds, gold prices,
second hand clothes, fashion trends, shopping online, refunds, warranties, consumer rights, black Friday,
vouchers, fast food, coffee shops
""")
)

ACTIONS = tuple(
    listed("""
fix a flat tyre, boil an egg, bake bread, cook rice, make pizza dough, fry an onion, grill a steak, peel
garlic, brew coffee,
make pancakes, poach an egg, roast a chicken, make a smoothie, freeze soup, sharpen a knife, clean an oven,
unclog a drain,
fix a leaking tap, change a light bulb, paint a wall, hang a picture, drill a hole, lay tiles, plaster a
wall, hang wallpaper,
build a shelf, assemble a wardrobe, repair a chair, sand a table, varnish wood, mow the lawn, plant a tree,
grow tomatoes, prune roses,
water orchids, get rid of weeds, kill mosquitoes, catch a mouse, remove a stain, wash wool, iron a shirt,
fold a fitted sheet,
sew a button, knit a scarf, tie a tie, tie a bow tie, polish shoes, clean a window, clean silver, descale a
kettle, defrost a freezer,
change a tyre, change the oil, jump start a car, park a car, drive in snow, get a driving licence, buy a
used car, sell a car,
insure a car, ride a bike, fix a bike chain, pump up a ball, learn to swim, dive, surf, ski, skate, run a
marathon, lift weights,
do a push-up, lose weight, gain muscle, stretch my legs, sleep better, stop snoring, wake up early, quit
smoking, drink less alcohol,
treat a burn, stop a nosebleed, cure a cold, lower a fever, get rid of hiccups, bandage a finger, remove a
splinter, treat a sunburn,
lower my blood pressure, whiten teeth, cut my own hair, dye my hair, shave my beard, choose glasses, write a
cover letter, write a CV,
prepare for an interview, ask for a raise, quit a job, find a job, start a company, register a company,
write an invoice,
pay my taxes, save money, open a bank account, invest in shares, buy a house, rent a flat, get a mortgage,
get a loan, pay off debt,
sue my landlord, write a will, get a divorce, get a passport, apply for a visa, book a flight, pack a
suitcase, find a cheap hotel,
pitch a tent, light a fire, read a map, use a compass, find water in a desert, survive in the woods, catch a
fish, clean a fish,
train a dog, bathe a cat, feed a baby, change a nappy, calm a crying baby, name a baby, teach a child to
read, help with homework,
learn Spanish, learn the guitar, play chess, play poker, solve a cube, solve a sudoku, juggle three balls,
whistle, dance salsa,
draw a horse, draw a face, paint with oil, take good photos, edit a video, make a podcast, write a novel,
write a speech,
write an essay, publish a book, give a presentation, make friends, ask someone out, write a love letter,
plan a wedding,
plan a party, wrap a present, decorate a cake, carve a pumpkin, set the table, open a wine bottle, install
Linux, install Windows,
reset my password, update my phone, back up my photos, delete my account, set up a printer, speed up my
computer, remove a virus,
build a computer, connect to wifi, write a program, learn Python, reverse a string in Python, sort a list in
Java, make a website,
center a div, write a SQL query, use git, merge a branch, undo a commit, deploy an app, use Docker, open a
zip file, convert a PDF,
make a spreadsheet, block an email, send a parcel, vote by mail, become a doctor, become a pilot, join the
army, adopt a child,
tell if an egg is bad, measure a room, calculate a percentage, convert miles to kilometres, compute an
integral, solve an equation,
recycle batteries, compost waste, save energy, install solar panels, read a gas meter, fix the heating, get
rid of ants, choose a sofa
""")
)

SINGLES = tuple(
    barred("""
What time is it?|What is the time?|What day is it today?|What is the date today?|What year is it?|
How will the weather be tomorrow?|
What is the weather like?|Is it going to rain today?|Do I need an umbrella?|How cold is it outside?|
When is the next train?|Is it Monday today?|
Who won the world cup?|Who won the game last night?|Who won the election?|Who is the president?|
Who is the prime minister?|Who is the pope?|
What is the meaning of life?|Is there a god?|Is there life on other planets?|Do aliens exist?|
What happens when we die?|Are ghosts real?|
What came first, the chicken or the egg?|Why do people lie?|Why do we dream?|Why do cats purr?|
Why do dogs bark?|Why do birds sing?|Why is grass green?|
Why do we yawn?|Why is the ocean salty?|Why do leaves change colour?|Why do onions make me cry?|
Why does ice float?|How do planes fly?|
How do magnets work?|How do fish breathe?|How far away is the moon?|How big is the sun?|How hot is the sun?|
How deep is the ocean?|How old is the earth?|
How tall is Mount Everest?|How long is the Nile?|How fast is light?|How many people live on earth?|
How many countries are there?|
How many bones do humans have?|How many stars are there?|How many planets are there?|
What is the biggest animal?|What is the fastest animal?|
What is the longest river?|What is the highest mountain?|What is the largest country?|
What is the smallest country?|What is the deepest lake?|
Who invented the telephone?|Who invented the light bulb?|Who invented the wheel?|Who discovered America?|
Who painted the Mona Lisa?|
Who wrote Hamlet?|Who wrote Romeo and Juliet?|Who was the first man on the moon?|Who built the pyramids?|
When did the second world war end?|
When did the first world war start?|When was the wall built?|When did dinosaurs die out?|
What killed the dinosaurs?|What caused the war?|
What should I cook tonight?|What can I eat for breakfast?|What should I wear today?|
What should I do this weekend?|Where should I go on holiday?|
What is a good film?|Can you recommend a book?|What is your opinion on politics?|Who should I vote for?|
Is coffee healthy?|Is sugar bad for me?|
Should I buy a house?|Should I quit my job?|Should I invest in bitcoin?|Should I see a doctor?|
Should I get married?|Should I go to university?|
I have a headache. What should I do?|My stomach hurts.|My back hurts.|I feel dizzy.|I cut my finger.|
I have a fever and a cough.|My tooth hurts.|
I lost my keys.|I lost my wallet.|My phone is dead.|My computer is slow.|My car does not start.|
The internet is down.|My landlord is rude.|
My neighbour is loud.|My boss is unfair.|My girlfriend left me.|My baby does not sleep.|
My dog ate chocolate. What now?|I missed my flight.|
I need a lawyer.|I need a loan.|I need a recipe.|I need a plumber.|I want to learn to code.|
I want to lose weight.|I want to buy a car.|
Turn on the light.|Turn off the light.|Play some music.|Play my favourite song.|Set an alarm for seven.|
Set a timer for ten minutes.|Call my mother.|
Send an email to my boss.|Send a message.|Order a pizza.|Book a table for two.|Book a flight.|Buy milk.|
Open the window.|Close the door.|
Open my calendar.|Remind me to call the dentist.|Search the internet for shoes.|Show me the news.|
Show me a picture.|Draw a cat.|Draw me a house.|
What is in the news?|What is on TV tonight?|What films are out now?|Where is the nearest pharmacy?|
Where is the nearest bank?|Where can I park?|
Where are my keys?|Where can I buy stamps?|How do I get to the station?|
How long does it take to fly to the moon?|How much does a house cost?|
How much is a litre of milk?|How much does an iPhone cost?|How much water should I drink?|
How many calories are in a burger?|
How many calories should I eat a day?|How long should I boil pasta?|How long do I bake a potato?|
At what temperature do I roast a chicken?|
What is the best phone?|What is the best car?|Which laptop should I buy?|Mac or PC?|
Which is better, tea or coffee?|Cats or dogs?|
What is the square root of 144?|What is pi?|What is the value of pi?|Is 17 a prime number?|Solve x + 3 = 12.|
What is half of 90?|What is 20 percent of 50?|
What is ten times ten?|How many inches are in a foot?|How many grams are in a pound?|
Convert 10 miles to kilometres.|Convert 50 dollars to euros.|
Write me a python function.|Write a python function that sorts a list.|Write a function to reverse a string.|
Write code for a calculator.|
write me a python function to add two numbers|Fix my code.|Why does my code not compile?|
What is a null pointer?|What does error 404 mean?|
Explain the code.|Write an email to my teacher.|Write a letter to my landlord.|Write an essay about trees.|
Write a speech for a wedding.|
Write a business plan.|Write a song.|Write a haiku.|Write a rap.|Write a cover letter.|
Summarise this article.|Summarise the book.|Correct my grammar.|
Check my spelling.|Make a shopping list.|Make a meal plan for a week.|Plan a trip to Rome.|Plan my day.|
Help me with my homework.|Help me with my taxes.|
Give me a recipe for soup.|Give me a recipe for chocolate cake.|Give me tips for an interview.|
Give me advice.|Give me a gift idea.|Give me five ideas for dinner.|
Tell me the news.|Tell me a secret.|Tell me a riddle.|Tell me something interesting.|Tell me the future.|
Predict the weather.|Guess my age.|
Sing a song.|Dance for me.|Can you drive a car?|Can you cook?|Can you see me?|Can you hear me?|
Can you call me?|Can you browse the web?|
Who is the richest man in the world?|What is the best football team?|What is the score?|
Who will win the championship?|What is the stock price of Apple?|
How is the stock market doing?|Is it safe to fly?|Is it legal to record a call?|Can I sue my neighbour?|
Can I fire my employee?|What are my rights?|
What is the speed limit?|Can my boss read my emails?|Do I have to pay tax?|How much tax do I pay?|
When is Easter?|When is Christmas?|When is Mother's Day?|
When does summer time start?|How many days until Christmas?|What are the symptoms of the flu?|
Is this mole dangerous?|Can I take two aspirins?|
How do I know if I am pregnant?|What is a healthy weight?|Why am I always tired?|Why can't I sleep?|
Why is my hair falling out?|Am I sick?
""")
)

PHRASES = barred("""
hello|good morning|thank you|I love you|where is the station|how much is it|the cat is black|I am hungry|
good night|
my name is Tom|see you tomorrow|the house is big|water|bread|dog|friend|happy birthday|I do not understand|
yes|goodbye
""")

LANGUAGES = spaced("""
French German Spanish Italian Portuguese Dutch Polish Russian Japanese Chinese Korean Arabic Hindi Turkish
Greek Latin
Swedish Danish Finnish Czech Hebrew Swahili
""")
