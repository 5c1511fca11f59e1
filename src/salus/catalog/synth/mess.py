"""Records as they often are: people twice, codes of the house, dates cut short, wrong units, entries taken back.

Clean unless asked for. What is spoilt is left out of the truth: `truth.json` says what was meant. Leaves to others:
what the record does not say at all, which belongs to the scenario's `record`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from salus.catalog.synth.dice import Dice, Whole
from salus.catalog.synth.scenario import Mess

Rows = Mapping[str, tuple[Whole, list[str]]]
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
    _change(spoilt, "Observation", dice, "mess.units", mess.wrong_units, _wrong_unit)
    _change(spoilt, "Observation", dice, "mess.local", mess.local_codes, _local_code)
    _change(spoilt, "Condition", dice, "mess.dates", mess.partial_dates, _year_only)
    _again(spoilt, "Observation", dice, "mess.error", mess.in_error, _taken_back)
    _again(spoilt, "Patient", dice, "mess.twice", mess.duplicates, _second)
    return spoilt


def _change(
    rows: dict[str, tuple[Whole, list[str]]],
    kind: str,
    dice: Dice,
    question: str,
    share: float,
    how: Callable[[str], str],
) -> None:
    """Of a share of the rows of a type, what `how` makes of them."""
    if kind not in rows:
        return
    who, texts = rows[kind]
    chosen = dice.each(question, len(texts)) < share
    rows[kind] = who, [how(text) if hit else text for text, hit in zip(texts, chosen.tolist(), strict=True)]


def _again(
    rows: dict[str, tuple[Whole, list[str]]],
    kind: str,
    dice: Dice,
    question: str,
    share: float,
    how: Callable[[str], str],
) -> None:
    """After a share of the rows of a type, one more that `how` makes of them."""
    if kind not in rows:
        return
    who, texts = rows[kind]
    chosen = dice.each(question, len(texts)) < share
    pairs = zip(texts, chosen.tolist(), strict=True)
    rows[kind] = (
        np.repeat(who, 1 + chosen),
        [row for text, hit in pairs for row in ((text, how(text)) if hit else (text,))],
    )


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
