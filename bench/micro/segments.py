"""Counting segments: the core, the tests' plain reference, smsutil, and the fastest Python that was found for it."""

import re

import smsutil

from bench.harness import Case
from penstock._core import segments, segments_many, transliterate
from tests.reference import segments as reference
from tests.reference import transliterate as plain

TEXTS = {
    "ASCII": "Your parcel arrives today between 10 and 12. Track it at example.com/t/8123, or reply STOP.",
    "German": "Schöne Grüße aus München! Ihr Paket kommt heute zwischen 10 und 12 Uhr, Äußere Straße 5. Preis: 5 €",
    "Greek": "Καλημέρα! Το δέμα σας φτάνει σήμερα μεταξύ 10 και 12. Απαντήστε STOP για διακοπή των μηνυμάτων. Ευχαριστούμε!",
    "emoji": "Happy birthday 🎉🎂! Enjoy 20 % off today 😀 with the code PARTY at example.com, only till midnight 🕛. Bye 👋",
}
ALL = re.compile(f"[{re.escape(reference.DEFAULT + reference.EXTENSION)}]*")
ESCAPED = re.compile(f"[{re.escape(reference.EXTENSION)}]")
PAIR = re.compile("[\U00010000-\U0010ffff]")


def by_expression(text: str) -> tuple[str, int, int]:
    """What C inside Python can do: regular expressions over the whole text, a loop only where pairs cross parts."""
    if ALL.fullmatch(text):
        return _parts("GSM-7", text, ESCAPED, 160, 153)
    return _parts("UCS-2", text, PAIR, 70, 67)


def _parts(encoding: str, text: str, double: "re.Pattern[str]", single: int, each: int) -> tuple[str, int, int]:
    pairs = [match.start() for match in double.finditer(text)]
    units = len(text) + len(pairs)
    if units <= single:
        return encoding, units, 1
    lost = 0
    for earlier, place in enumerate(pairs):
        lost += (place + earlier + lost) % each == each - 1
    return encoding, units, -(-(units + lost) // each)


def one(name: str, text: str) -> Case:
    """One text a call."""
    assert by_expression(text) == reference.segments(text)
    return Case(
        name=f"segments of one text, {name}",
        ways={
            "core": lambda: segments(text),
            "reference": lambda: reference.segments(text),
            "smsutil": lambda: smsutil.split(text),
            "best Python": lambda: by_expression(text),
        },
        unit="texts",
        size=len(text.encode()),
        at_least={"reference": 20, "smsutil": 20, "best Python": 3},
    )


def many(name: str, text: str) -> Case:
    """A thousand texts a call, and their parts as a list."""
    texts = [f"{number}: {text}" for number in range(1000)]
    return Case(
        name=f"segments of 1,000 texts, {name}",
        ways={
            "core": lambda: segments_many(texts).parts,
            "reference": lambda: [reference.segments(text).parts for text in texts],
            "smsutil": lambda: [len(smsutil.split(text).parts) for text in texts],
            "best Python": lambda: [by_expression(text)[2] for text in texts],
        },
        items=len(texts),
        unit="texts",
        at_least={"reference": 20, "smsutil": 20, "best Python": 8},
    )


def rewriting() -> Case:
    """A text that becomes GSM-7."""
    text = "„Schöne Grüße“ – naïve Café-Gäste aus Łódź… " * 4
    return Case(
        name="transliteration of one text",
        ways={"core": lambda: transliterate(text), "reference": lambda: plain.transliterate(text)},
        unit="texts",
        at_least={"reference": 20},
    )


def cases() -> list[Case]:
    """Every text alone and by the thousand."""
    found = [make(name, text) for make in (one, many) for name, text in TEXTS.items()]
    return [*found, one("GSM-7 in two parts", TEXTS["German"] * 2), rewriting()]
