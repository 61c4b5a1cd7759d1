"""Vocabulary of the corpus: who, where, what.

Companies, products and addresses are invented. Lists keep their order for ever, since a seed picks by
position.
"""

from __future__ import annotations

from typing import Final

__all__ = ["WORDS"]


def _list(text: str) -> tuple[str, ...]:
    return tuple(" ".join(part.split()) for part in text.split(",") if part.strip())


#: name of a slot -> what may fill it.
WORDS: Final[dict[str, tuple[str, ...]]] = {
    "woman": _list("""
        Maya, Carla, Ingrid, Priya, Yuki, Fatima, Olga, Noemi, Tessa, Wanda, Amara, Lena, Sofia, Greta,
        Hanna, Ruth, Mira, Zoe, Paula, Edith, Nadia, Vera, Celia, Dalia, Elise, Freya, Gwen, Helga,
        Iris, Judith
    """),
    "man": _list("""
        Tomas, Ravi, Kenji, Oscar, Pedro, Samir, Viktor, Jonas, Emil, Felix, Gustav, Hugo, Ivan, Jamal,
        Karl, Luca, Marco, Nils, Omar, Pavel, Quentin, Rafael, Stefan, Theo, Ulrich, Walter, Xavier,
        Yusuf, Adrian, Boris
    """),
    "city": _list("""
        Berlin, Lisbon, Madrid, Vienna, Oslo, Dublin, Prague, Warsaw, Athens, Zurich, Milan, Porto,
        Hamburg, Lyon, Toronto, Boston, Seattle, Denver, Austin, Chicago, Portland, Kyoto, Osaka, Seoul,
        Melbourne, Cape Town, Nairobi, Lima, Bogota, Helsinki, Tallinn, Riga, Krakow, Naples, Valencia,
        Geneva, Antwerp, Bergen, Graz, Leipzig
    """),
    "country": _list("""
        Japan, Portugal, Iceland, Peru, Vietnam, Morocco, Norway, Greece, Chile, Kenya, Croatia,
        Thailand, New Zealand, Ireland, Mexico, Georgia, Nepal, Cuba, Scotland, Jordan
    """),
    "company": _list("""
        Brightloom, Cedarworks, Northgate Labs, Quillon, Harborline, Zephyr Robotics, Mapleton Bank,
        Orbitly, Fernhill Foods, Copperfield Media, Lumen Health, Tidewater Energy, Pinecrest Software,
        Silvermint, Arkadia Games, Bluefin Logistics, Juniper Clinics, Kestrel Air, Opaline Design,
        Redwood Insurance
    """),
    "job": _list("""
        nurse, architect, data analyst, pastry chef, electrician, translator, pharmacist, paramedic,
        librarian, landscaper, graphic designer, tax advisor, dental hygienist, bus driver, violin
        teacher, welder, beekeeper, notary, optician, sound engineer, veterinarian, florist, carpenter,
        surveyor
    """),
    "hobby": _list("""
        bouldering, pottery, birdwatching, salsa dancing, kayaking, chess, embroidery, archery,
        beekeeping, origami, fencing, stargazing, woodcarving, geocaching, calligraphy, foraging, table
        tennis, scuba diving, knitting, model trains, improv theater, genealogy, juggling, rock
        collecting, sailing, ice skating, bread baking, gardening
    """),
    "dish": _list("""
        ramen, paella, lasagna, pierogi, falafel, pho, gnocchi, moussaka, biryani, ceviche, goulash,
        bibimbap, shakshuka, ratatouille, empanadas, dim sum, risotto, borscht, tagine, okonomiyaki,
        carbonara, poutine
    """),
    "allergen": _list("""
        peanuts, shellfish, penicillin, cat hair, strawberries, sesame, latex, birch pollen, kiwi, soy,
        bee stings, ibuprofen, mangoes, walnuts, dust mites, eggs
    """),
    "pet": _list("dog, cat, rabbit, parrot, tortoise, hamster, gecko, ferret, canary, guinea pig"),
    "pet_name": _list("""
        Biscuit, Pepper, Mochi, Shadow, Waffles, Ziggy, Clover, Nugget, Pixel, Saffron, Tofu, Olive,
        Rocket, Maple, Cosmo, Pickles, Juno, Basil, Noodle, Comet
    """),
    "instrument": _list("""
        cello, trumpet, accordion, banjo, clarinet, harp, oboe, ukulele, bass guitar, drums, flute,
        viola
    """),
    "language": _list("""
        Portuguese, Korean, Swedish, Arabic, Dutch, Japanese, Turkish, Polish, Hindi, Greek, Finnish,
        Swahili
    """),
    "genre": _list("""
        crime novels, science fiction, historical biographies, poetry, graphic novels, travel essays,
        ghost stories, cookbooks, fantasy sagas, nature writing, memoirs, philosophy
    """),
    "musician": _list("""
        the Velvet Otters, Anna Kestrel, Paper Lanterns, DJ Monsoon, the Copper Foxes, Silent Orchard,
        Marlow and Finch, the Night Ferries, Ruby Tanaka, Glass Harbor
    """),
    "sport_team": _list("""
        the Harbor Hawks, the Granite Wolves, the River Otters, the Sunset Rockets, the Iron Foxes, the
        Maple Kings, the Coastal Storm, the Golden Ibex
    """),
    "subject": _list("""
        marine biology, linguistics, accounting, architecture, chemistry, art history, statistics,
        nursing, philosophy, urban planning, geology, film studies, robotics, public health
    """),
    "university": _list("""
        the University of Tarrow, Eastfield College, Marston Technical University, the Lakeside
        Institute, Brookhaven University, Saint Alder College, the Open University of Verna, Northmoor
        University
    """),
    "weekday": _list("Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday"),
    "month": _list("""
        January, February, March, April, May, June, July, August, September, October, November, December
    """),
    "color": _list("red, blue, green, yellow, purple, pink, white, black, gray, turquoise"),
    "vehicle": _list("""
        hatchback, minivan, pickup truck, motor scooter, cargo bike, convertible, camper van, electric
        bike
    """),
    "event": _list("""
        the charity run, the street festival, the school concert, the neighborhood cleanup, the science
        fair, the film premiere, the pottery workshop, the book launch, the housewarming party, the
        flower show, the chess tournament, the pride parade, the farmers market, the art auction, the
        marathon expo, the coding bootcamp
    """),
    "feeling": _list("""
        proud, relieved, exhausted, inspired, nervous, grateful, disappointed, overwhelmed, hopeful,
        curious
    """),
    "body": _list("""
        left knee, right shoulder, lower back, left ankle, right wrist, neck, right elbow, left hip
    """),
    "relative": _list("""
        mother, father, sister, brother, aunt, uncle, grandmother, grandfather, cousin, niece, nephew
    """),
    "furniture": _list("""
        a standing desk, a leather armchair, a bookshelf, a bunk bed, a dining table, a floor lamp, a
        wool rug, a piano bench, a wine rack, a folding screen
    """),
    "plant": _list("""
        tomatoes, lavender, roses, basil, zucchini, sunflowers, blueberries, tulips, mint, pumpkins
    """),
    "service": _list("""
        billing service, search service, auth service, image resizer, report generator, notification
        service, checkout service, inventory service, recommendation engine, audit logger, export
        worker, payment gateway
    """),
    "database": _list("PostgreSQL, MySQL, SQLite, MongoDB, Redis, Cassandra, ClickHouse, DynamoDB"),
    "lang": _list("Python, Rust, Go, TypeScript, Kotlin, Elixir, Scala, Ruby"),
    "tool": _list("""
        Terraform, Ansible, Grafana, Jenkins, Docker, Vault, Kafka, RabbitMQ, Sentry, Prometheus, Bazel,
        Nginx, Argo, Consul
    """),
    "cloud": _list("AWS, Azure, Google Cloud, DigitalOcean, Hetzner"),
    "editor": _list("Vim, Emacs, PyCharm, VS Code, Sublime Text, Helix"),
    "repo": _list("""
        atlas-web, borealis-api, cobalt-infra, dune-mobile, ember-core, flint-cli, garnet-docs,
        halo-sdk, indigo-etl, jade-auth
    """),
    "branch": _list("develop, trunk, main, release, staging, integration"),
    "project": _list("""
        Project Falcon, Project Lantern, Project Osprey, Project Quartz, Project Tundra, Project Willow,
        Project Meridian, Project Cascade, Project Ember, Project Saturn
    """),
    "team": _list("""
        the platform team, the growth team, the data team, the mobile team, the security team, the
        design team, the support team, the finance team, the research team, the legal team
    """),
    "format": _list("bullet points, numbered lists, short paragraphs, tables, code blocks, plain text"),
    "topic": _list("""
        quantum computing, wine tasting, retirement planning, sleep hygiene, solar panels, interior
        design, stock options, podcasting, climate policy, investing in bonds, sourdough, home
        insulation
    """),
    "store": _list("""
        the corner bakery, the organic market, the hardware store, the fish market, the bookshop, the
        garden center
    """),
}
