"""Phone numbers as careless people, forms and spreadsheets write them: example numbers of every region, mutated."""

from collections.abc import Callable, Iterator
from random import Random

import phonenumbers

KINDS = range(11)
FORMS = range(3)
DIGITS = ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९", "０１２３４５６７８９")
SEPARATORS = (" ", "-", ".", "/", "\u00a0", "\u2009", "\u2011", "–", "(", ")", "~", "\u200b", "\u2060", "，")
TAILS = (
    " ext. 5",
    "x12",
    ";ext=3",
    "#9",
    ",,1",
    " #",
    " ",
    ".",
    "/2",
    " доб. 4",
    "a",
    "Ⅷ",
    "\u0301",
    ";phone-context=+49",
    ";isub=1",
)
HEADS = ("tel:", "+", "＋", "00", "011", "0", "(", "Tel. ", "\u200e", "\ufeff", "'", " +", "+0", "++", "1", "8")

Mutation = Callable[[Random, str], str]


def example_numbers() -> Iterator[tuple[str, phonenumbers.PhoneNumber]]:
    """The example numbers of every region and kind, and of every calling code of no region."""
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in KINDS:
            if number := phonenumbers.example_number_for_type(region, kind):
                yield region, number
    for code in sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS):
        yield "DE", phonenumbers.example_number_for_non_geo_entity(code)


def _insert(random: Random, text: str, piece: str) -> str:
    place = random.randint(0, len(text))
    return text[:place] + piece + text[place:]


def _drop(random: Random, text: str) -> str:
    place = random.randrange(len(text) + 1)
    return text[:place] + text[place + 1 :]


def _other_digits(random: Random, text: str) -> str:
    return text.translate(dict(zip(map(ord, "0123456789"), random.choice(DIGITS), strict=True)))


def _change_digit(random: Random, text: str) -> str:
    places = [place for place, character in enumerate(text) if character.isdecimal()]
    if not places:
        return text
    place = random.choice(places)
    return text[:place] + random.choice("0123456789") + text[place + 1 :]


MUTATIONS: tuple[Mutation, ...] = (
    lambda random, text: _insert(random, text, random.choice(SEPARATORS)),
    lambda random, text: _insert(random, text, "(0)"),
    lambda random, text: _insert(random, text, random.choice("0123456789")),
    lambda random, text: _insert(random, text, random.choice("aZéßж中")),
    lambda random, text: text + random.choice(TAILS),
    lambda random, text: random.choice(HEADS) + text,
    lambda random, text: text.replace("+", random.choice(("", "00")), 1),
    lambda random, text: text.replace(" ", random.choice(SEPARATORS)),
    lambda random, text: text[: random.randrange(len(text) + 1)],
    _drop,
    _change_digit,
    _other_digits,
)


def corpus(seed: int, size: int) -> Iterator[tuple[str, str | None]]:
    """This many texts, each with the region to read it by: mostly its own, sometimes another or none."""
    random = Random(seed)  # noqa: S311 - the same texts on every run
    examples = list(example_numbers())
    for _ in range(size):
        own, number = random.choice(examples)
        text = phonenumbers.format_number(number, random.choice(FORMS))
        for _ in range(random.choice((0, 1, 1, 2, 2, 3))):
            text = random.choice(MUTATIONS)(random, text)
        yield text, random.choice((own, own, own, None, random.choice(examples)[0]))
