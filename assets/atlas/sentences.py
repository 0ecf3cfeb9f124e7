"""Writes the sentences of the shipped atlas of texts: `python assets/atlas/sentences.py FILE`, always the same ones.

They are put together from the words below, which were written for this project and are in the public domain (CC0).
"""

import random
import sys
from pathlib import Path

COUNT, SEED = 240, 19
WORDS = {
    "name": ["Anna", "Omar", "Lucia", "Kenji", "Nina", "Pavel", "Grace", "Tomas", "Leila", "Henry"],
    "person": ["teacher", "doctor", "farmer", "pilot", "neighbour", "student", "baker", "judge", "nurse", "engineer"],
    "people": ["children", "players", "nurses", "students", "farmers", "tourists", "engineers", "singers"],
    "thing": ["suitcase", "letter", "bicycle", "violin", "lamp", "blanket", "umbrella", "notebook", "kettle", "ladder"],
    "place": [
        "kitchen",
        "harbour",
        "library",
        "station",
        "garden",
        "market",
        "hospital",
        "valley",
        "museum",
        "village",
    ],
    "animal": ["dog", "cat", "horse", "crow", "rabbit", "fox", "goat", "whale"],
    "quality": ["old", "heavy", "broken", "beautiful", "unusually expensive", "small", "quiet", "unbelievably bright"],
    "city": ["Paris", "Cairo", "Lima", "Oslo", "Kyoto", "Nairobi", "Montreal", "Lisbon"],
    "food": ["bread", "soup", "rice", "apples", "cheese", "pancakes", "honey", "mushrooms"],
    "did": ["found", "painted", "sold", "repaired", "borrowed", "carried", "forgot", "photographed"],
    "when": ["on Monday", "last winter", "before breakfast", "at midnight", "in 1987", "every summer"],
}
PATTERNS = (
    "{name} {did} the {quality} {thing} near the {place} {when}.",
    "The {person} {did} a {thing}, and then the {person2} {did2} it.",
    "The {thing} does not fit in the {thing2} because it is too {quality}.",
    '"Where is the {thing}?" asked {name}; "in the {place}," said {name2}.',
    "The {people} in the {place} like {food}, {food2} and {food3}.",
    "{name} went to {city}, but {name2} stayed in {city2}.",
    "If the {animal} sleeps, the {animal2} eats the {food} of the {person}.",
    "Does the {person} of {city} know who {did} the {thing}?",
    "The {animal} chased the {animal2}, the {animal2} chased the {animal}.",
    "{name}'s {thing} and {name2}'s {thing2} were both {did} {when}.",
    "The keys to the {quality} {place} are on the {thing} of the {person}.",
    "Nobody in {city} had ever seen such a {quality} {animal}!",
    "{name} gave {name2} the {thing} that the {person} had {did} {when}.",
    "It was raining in {city}: the {people} ran to the {place} without an umbrella.",
    "She bought {food}, sold the {thing}, and walked home through the {place}.",
    "The {quality} {thing} (a present from {name}) fell into the water.",
)
PARTICIPLES = {"forgot": "forgotten"}


def sentences() -> list[str]:
    """All different."""
    chance = random.Random(SEED)
    found: dict[str, None] = {}
    while len(found) < COUNT:
        pattern = PATTERNS[len(found) % len(PATTERNS)]
        words = {}
        for kind, choices in WORDS.items():
            words[kind], words[f"{kind}2"], words[f"{kind}3"] = chance.sample(choices, 3)
        if "were both" in pattern or "had {did}" in pattern:
            words["did"] = PARTICIPLES.get(words["did"], words["did"])
        sentence = pattern.format(**words).replace(" a old ", " an old ").replace(" a umbrella", " an umbrella")
        sentence = sentence.replace(" a unusually", " an unusually").replace(" a unbelievably", " an unbelievably")
        found[sentence] = None
    return list(found)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text("\n".join(sentences()) + "\n", encoding="utf-8")
