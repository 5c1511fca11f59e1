"""Records as they often are: people twice, codes of the house, dates cut short, wrong units, entries taken back.

Clean unless asked for. What is spoilt is left out of the truth: `truth.json` says what was meant. Leaves to others:
what the record does not say at all, which belongs to the scenario's `record`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from salus.catalog.synth.chart import Rows
from salus.catalog.synth.dice import Dice, Whole
from salus.catalog.synth.scenario import Mess

_CODING = re.compile(r'"code":\{"coding":\[\{"system":"[^"]*","code":"([^"]*)"')
_ID = re.compile(r'"id":"([^"]*)"')
_ONSET = re.compile(r'"onsetDateTime":"(\d{4})[^"]*"')
_PERCENT = '"unit":"%","system":"http://unitsofmeasure.org","code":"%"'
_MOLAR = '"unit":"mmol/mol","system":"http://unitsofmeasure.org","code":"mmol/mol"'


def spoil(rows: Rows, dice: Dice, mess: Mess) -> Rows:
    """The records with the mess asked for: the same rows where there is none."""
    if not mess:
        return rows
    spoilt = dict(rows)
    for kind, share, beside, how in WAYS:
        if kind in spoilt:
            spoilt[kind] = _some(*spoilt[kind], dice, share, getattr(mess, share), how, beside)
    return spoilt


def _some(
    who: Whole, texts: list[str], dice: Dice, question: str, share: float, how: Callable[[str], str], beside: bool
) -> tuple[Whole, list[str]]:
    """A share of rows replaced by what `how` makes of them, or with that beside them."""
    chosen = dice.each(f"mess.{question}", len(texts)) < share
    pairs = zip(texts, chosen.tolist(), strict=True)
    if not beside:
        return who, [how(text) if hit else text for text, hit in pairs]
    made = [row for text, hit in pairs for row in ((text, how(text)) if hit else (text,))]
    return np.repeat(who, 1 + chosen), made


def _renamed(text: str, suffix: str) -> str:
    return _ID.sub(rf'"id":"\g<1>-{suffix}"', text, count=1)


def _local_code(text: str) -> str:
    return _CODING.sub(r'"code":{"coding":[{"system":"urn:salus:synthetic:local","code":"L-\g<1>"', text, count=1)


def _year_only(text: str) -> str:
    return _ONSET.sub(r'"onsetDateTime":"\g<1>"', text)


def _wrong_unit(text: str) -> str:
    """A percentage said to be mmol/mol: the number stays, the unit is wrong."""
    return text.replace(_PERCENT, _MOLAR)


def _taken_back(text: str) -> str:
    return _renamed(text, "error").replace('"status":"final"', '"status":"entered-in-error"', 1)


def _second(text: str) -> str:
    """The same person registered again, under another identifier."""
    return re.sub(r'("system":"urn:salus:synthetic","value":"[^"]*)"', r'\g<1>-2"', _renamed(text, "2"))


WAYS: tuple[tuple[str, str, bool, Callable[[str], str]], ...] = (
    ("Observation", "wrong_units", False, _wrong_unit),
    ("Observation", "local_codes", False, _local_code),
    ("Condition", "partial_dates", False, _year_only),
    ("Observation", "in_error", True, _taken_back),
    ("Patient", "duplicates", True, _second),
)
"""The type of rows, the share of them (in `Mess`), whether they stay beside what is made, and how it is made."""
