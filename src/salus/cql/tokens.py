"""CQL text to tokens: words, quoted names, literals, marks; space and comments go.

A token's kind is the word or mark itself for those the grammar spells out (`define`, `<=`, `included in`), and a name
in capitals for the rest (`IDENTIFIER`, `STRING`). Nothing fails here: what is no token has a kind of its own,
`UNCLOSED`, `BAD_DATE` or `UNKNOWN`, and the parser says so where it meets it.
Leaves to others: what a row of tokens means (`cql.parser`).
Source: CQL 1.5 Formal Grammar, lexical rules (https://cql.hl7.org/grammar.html), and FHIRPath N1, which it imports.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that may also be plain names where a value is referred to (keywordIdentifier).
KEYWORD_NAMES = _words(
    """asc ascending by called code codesystem codesystems concept contains context date default define desc descending
    display div end ends except fluent function implies include includes intersect library meets mod overlaps parameter
    predecessor private public start starting starts successor time timezoneoffset union using valueset version where
    width xor"""
)
RESERVED = _words(
    """after aggregate all and as before between case cast Code collapse Concept convert day days difference distinct
    duration during else exists expand false flatten from hour hours if in Interval is let List maximum millisecond
    milliseconds minimum minute minutes month months not null occurs of or per point properly return same second
    seconds singleton sort then to true Tuple week weeks when with within without year years"""
)
KEYWORDS = KEYWORD_NAMES | RESERVED
PHRASES = (
    "such that",
    "included in",
    "on or",
    "or on",
    "or before",
    "or after",
    "or less",
    "or more",
    "less than",
    "more than",
)
PRECISIONS = ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
PLURALS = {f"{each}s": each for each in PRECISIONS}

FAULTS = frozenset({"UNCLOSED", "BAD_DATE", "UNKNOWN"})
NAMES = frozenset({"IDENTIFIER", "QUOTED"})

_DATE = r"@\d{4}(?:-\d\d(?:-\d\d)?)?"
_TIME = r"\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?"
_UNITS = "|".join(PRECISIONS)


@cache
def _pattern(quotes_span_lines: bool) -> re.Pattern[str]:
    char = r"[\s\S]" if quotes_span_lines else r"[^\n]"

    def quoted(mark: str) -> str:
        return rf"{mark}(?:\\{char}|(?![{mark}\\]){char})*{mark}"

    kinds = {
        "SPACE": r"[\s\ufeff\xa0]+",
        "COMMENT": r"//[^\r\n]*|/\*[\s\S]*?\*/",
        "PHRASE": r"\b(?:" + "|".join(each.replace(" ", r"\s+") for each in PHRASES) + r")\b",
        "WORD": r"[A-Za-z_][A-Za-z0-9_]*",
        "STRING": quoted("'"),
        "QUOTED": quoted('"') + "|" + quoted("`"),
        "BAD_DATE": rf"@(?!\d{{4}}-\d\d-\d\d(?!\d))\d{{4}}-\d+-\d+(?!\s*(?:{_UNITS}|'))|@\d{{1,3}}(?!\d)|@\d{{5,}}",
        "DATETIME": rf"{_DATE}T(?:{_TIME})?(?:Z|[+-]\d\d:\d\d)?",
        "DATE": _DATE,
        "TIME": rf"@T{_TIME}",
        "LONG": r"\d+L\b",
        "DECIMAL": r"\d+\.\d+",
        "INTEGER": r"\d+",
        "VARIABLE": r"\$(?:this|index|total)\b",
        "UNCLOSED": rf"['\"`]{char}*|/\*[\s\S]*",
        "MARK": r"<=|>=|!=|!~|->|[()\[\]{}<>=~,.:|&+\-*/^%]",
        "UNKNOWN": r"[\s\S]",
    }
    return re.compile("|".join(f"(?P<{kind}>{text})" for kind, text in kinds.items()), re.ASCII)


@dataclass(slots=True)
class Tokens:
    """Side by side: each token's kind and its place. The last token is `EOF`."""

    text: str
    kinds: list[str]
    starts: list[int]
    ends: list[int]

    def word(self, index: int) -> str:
        return self.text[self.starts[index] : self.ends[index]]


def tokenize(text: str, quotes_span_lines: bool = True, stop_before: frozenset[str] = frozenset()) -> Tokens:
    """All tokens, or those before the first of a kind to stop at.

    The grammar lets quotes span lines; a search for the one that was left open does not.
    """
    tokens = Tokens(text, [], [], [])
    for match in _pattern(quotes_span_lines).finditer(text):
        kind = match.lastgroup or ""
        if kind in ("SPACE", "COMMENT"):
            continue
        kind = _kind(kind, match[0])
        if kind in stop_before:
            break
        tokens.kinds.append(kind)
        tokens.starts.append(match.start())
        tokens.ends.append(match.end())
    tokens.kinds.append("EOF")
    tokens.starts.append(len(text))
    tokens.ends.append(len(text))
    return tokens


def _kind(kind: str, text: str) -> str:
    if kind == "WORD":
        return text if text in KEYWORDS else "IDENTIFIER"
    if kind == "MARK":
        return text
    return " ".join(text.split()) if kind == "PHRASE" else kind


_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|[`'\"\\/fnrt])")
_MEANING = {"f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def unquote(text: str) -> str:
    """The content of a quoted token. A backslash before anything that is no escape stands for itself."""
    inner = text[1:-1]
    return _ESCAPE.sub(_unescape, inner) if "\\" in inner else inner


def _unescape(match: re.Match[str]) -> str:
    what = match[1]
    return chr(int(what[1:], 16)) if what[0] == "u" else _MEANING.get(what, what)
