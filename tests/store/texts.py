"""Texts that are, nearly are and are not FHIR dates, for tests that compare two readings of them."""

from __future__ import annotations

from hypothesis import strategies as st

_DIGITS = st.integers(0, 99).map(lambda number: f"{number:02}")
_YEAR = st.sampled_from(["0000", "0001", "1899", "1900", "2000", "2023", "2024", "2026", "9999"])
_MONTH = st.sampled_from(["00", "01", "02", "06", "11", "12", "13"])
_DAY = st.sampled_from(["00", "01", "28", "29", "30", "31", "32"])
_HOUR = st.sampled_from(["00", "09", "23", "24"])
_MINUTE = st.sampled_from(["00", "30", "59", "60"])
_SECOND = st.sampled_from(["00", "59", "60", "61"])
_FRACTION = st.sampled_from(["", ".", ".0", ".12", ".123", ".1239", ".999999999"])
_OFFSET = st.sampled_from(["", "Z", "+00:00", "-00:30", "-05:00", "+14:00", "+14:30", "z", "+0500"])


@st.composite
def dates(draw: st.DrawFn) -> str:
    """Mostly valid: every part may be at its edge, and the text may end after any part."""
    parts = [draw(_YEAR)]
    for mark, part in (("-", _MONTH), ("-", _DAY), ("T", _HOUR), (":", _MINUTE), (":", _SECOND)):
        if draw(st.integers(0, 7)) == 0:
            break
        parts.append(mark + draw(part))
    else:
        parts.append(draw(_FRACTION))
    return "".join(parts) + draw(_OFFSET)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A date with one character replaced."""
    text = draw(dates())
    at = draw(st.integers(0, len(text) - 1))
    return text[:at] + draw(st.sampled_from("0123456789-+:.TZ xé\x00")) + text[at + 1 :]


date_texts = st.one_of(dates(), damaged(), st.text(max_size=12))
