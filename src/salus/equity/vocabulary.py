"""From codes and words as records hold them to the few groups that attributes use.

Pure functions over one distinct value at a time; `demographics` and `payer` apply them set at a time through
the dictionary of distinct concepts. Codes decide before words, and words are used only where no known code is
given. Every mapping is in docs/attributes.md. Leaves to others: which of a person's records count.

Sources: CDC Race and Ethnicity code system 1.2 (OID 2.16.840.1.113883.6.238); US Core race and ethnicity;
HL7 v3 NullFlavor and ActCode; Source of Payment Typology (PHDSC/NAHDO) 9.2; BCP 47 and ISO 639.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

UNKNOWN, DECLINED = "unknown", "declined"

AMERICAN_INDIAN = "American Indian or Alaska Native"
ASIAN = "Asian"
BLACK = "Black or African American"
PACIFIC = "Native Hawaiian or Other Pacific Islander"
WHITE = "White"
OTHER_RACE = "Other race"
HISPANIC = "Hispanic or Latino"
NOT_HISPANIC = "Not Hispanic or Latino"

MEDICARE, MEDICAID, DUAL = "Medicare", "Medicaid", "Dual eligible"
OTHER_GOVERNMENT, PRIVATE, UNINSURED = "Other government", "Private", "Uninsured"
INSURED = "Insured, kind not known"
PAYERS = (DUAL, MEDICARE, MEDICAID, OTHER_GOVERNMENT, PRIVATE, INSURED, UNINSURED)
"""Payer groups, the one that counts first when a person has several at once."""

CDC_RACE = ("urn:oid:2.16.840.1.113883.6.238", "2.16.840.1.113883.6.238")
SOURCE_OF_PAYMENT = (
    "https://nahdo.org/sopt",
    "urn:oid:2.16.840.1.113883.3.221.5",
    "http://www.nlm.nih.gov/research/umls/sop",
)
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
SELF_PAY = "http://terminology.hl7.org/CodeSystem/coverage-selfpay"


@dataclass(frozen=True, slots=True)
class Code:
    """One coding; any part may be missing."""

    system: str | None
    code: str | None
    display: str | None = None


@dataclass(frozen=True, slots=True)
class Concept:
    """A CodeableConcept or a Coding as given."""

    codes: tuple[Code, ...] = ()
    text: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """Every display and the text, in order."""
        given = (*(c.display for c in self.codes), self.text)
        return tuple(word for word in given if word)


_DECLINED_CODES = frozenset({"ASKU", "ASKED-DECLINED", "ASKED-UNKNOWN"})
_DECLINED_WORDS = re.compile(r"\b(declined?|refused?|asked but|prefer(s|red)? not|choose(s)? not)\b")
_UNKNOWN_CODES = frozenset({"UNK", "NI", "NASK", "NAV", "NA", "MSK", "UNKNOWN", "NOT-ASKED", "TEMP-UNKNOWN"})
_UNKNOWN_WORDS = re.compile(r"^(unknown|not (known|asked|recorded|specified|applicable)|unspecified|null|na|)$")


def _plain(text: str) -> str:
    """Lower case, everything but letters, digits and + as single blanks."""
    return re.sub(r"[^0-9a-zà-ÿ+]+", " ", text.lower()).strip()


def _absent(concept: Concept) -> str | None:
    """`declined` or `unknown` when the concept says that there is no answer, else None."""
    codes = {(c.code or "").upper() for c in concept.codes}
    if codes & _DECLINED_CODES:
        return DECLINED
    if codes & _UNKNOWN_CODES:
        return UNKNOWN
    words = [_plain(word) for word in concept.words]
    if any(_DECLINED_WORDS.search(word) for word in words):
        return DECLINED
    return UNKNOWN if all(_UNKNOWN_WORDS.match(word) for word in words) and not codes else None


# --- race and ethnicity ---

# The code system numbers its concepts by category: each category is a run of numbers (check digit left off).
_RACE_RUNS = (
    (1002, 2027, AMERICAN_INDIAN),
    (2028, 2053, ASIAN),
    (2054, 2075, BLACK),
    (2076, 2105, PACIFIC),
    (2106, 2130, WHITE),
    (2131, 2131, OTHER_RACE),
    (2135, 2185, HISPANIC),
    (2186, 2186, NOT_HISPANIC),
    (2500, 2500, PACIFIC),
)
_RACE_WORDS = {
    "american indian or alaska native": AMERICAN_INDIAN,
    "american indian": AMERICAN_INDIAN,
    "asian": ASIAN,
    "black or african american": BLACK,
    "black": BLACK,
    "african american": BLACK,
    "native hawaiian or other pacific islander": PACIFIC,
    "white": WHITE,
    "caucasian": WHITE,
    "other": OTHER_RACE,
    "other race": OTHER_RACE,
    "hispanic or latino": HISPANIC,
    "hispanic": HISPANIC,
    "not hispanic or latino": NOT_HISPANIC,
    "non hispanic": NOT_HISPANIC,
}


def race_or_ethnicity(concept: Concept) -> str:
    """The category of a race or ethnicity coding or text; "Other race" for an answer outside the categories.

    The code decides, not its display: 2135-2 is Hispanic or Latino also where a record displays "Other".
    """
    by_code = [_race_of_code(c) for c in concept.codes if c.system in CDC_RACE]
    known = next((label for label in by_code if label), None)
    absent = _absent(concept)
    if known or absent:
        return known or absent or UNKNOWN
    by_words = (_RACE_WORDS.get(_plain(word)) for word in concept.words)
    return next((label for label in by_words if label), OTHER_RACE)


def _race_of_code(code: Code) -> str | None:
    number = re.match(r"(\d{4})-\d$", code.code or "")
    if not number:
        return None
    return next((label for low, high, label in _RACE_RUNS if low <= int(number[1]) <= high), None)


# --- language ---

_LANGUAGES = dict(
    pair.split("=")
    for pair in """
    am=Amharic|ar=Arabic|ase=American Sign Language|bg=Bulgarian|bn=Bengali|bs=Bosnian|ca=Catalan|cs=Czech|
    cmn=Mandarin|da=Danish|de=German|el=Greek|en=English|es=Spanish|et=Estonian|eu=Basque|fa=Persian|fi=Finnish|
    fil=Filipino|fr=French|ga=Irish|gl=Galician|gu=Gujarati|ha=Hausa|haw=Hawaiian|he=Hebrew|hi=Hindi|hmn=Hmong|
    hr=Croatian|ht=Haitian Creole|hu=Hungarian|hy=Armenian|id=Indonesian|ig=Igbo|is=Icelandic|it=Italian|
    ja=Japanese|ka=Georgian|kar=Karen|kk=Kazakh|km=Khmer|kn=Kannada|ko=Korean|ku=Kurdish|ky=Kyrgyz|lo=Lao|
    lt=Lithuanian|lv=Latvian|mk=Macedonian|ml=Malayalam|mn=Mongolian|mr=Marathi|ms=Malay|mt=Maltese|my=Burmese|
    ne=Nepali|nl=Dutch|no=Norwegian|nv=Navajo|om=Oromo|or=Odia|pa=Punjabi|pl=Polish|ps=Pashto|pt=Portuguese|
    ro=Romanian|ru=Russian|rw=Kinyarwanda|sgn=Sign language|si=Sinhala|sk=Slovak|sl=Slovenian|sm=Samoan|
    so=Somali|sq=Albanian|sr=Serbian|sv=Swedish|sw=Swahili|ta=Tamil|te=Telugu|tg=Tajik|th=Thai|ti=Tigrinya|
    tl=Tagalog|tr=Turkish|uk=Ukrainian|ur=Urdu|uz=Uzbek|vi=Vietnamese|yi=Yiddish|yo=Yoruba|yue=Cantonese|
    zh=Chinese|zu=Zulu
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)


def language(concept: Concept) -> str:
    """The English name of a language, regional variants together: en-US, "English (United States)" ->
    "English".

    A code that is not listed falls back to the display without its parenthesis, then to the code itself.
    """
    absent = _absent(concept)
    if absent:
        return absent
    codes = [(c.code or "").strip() for c in concept.codes if c.code]
    for code in codes:
        name = _LANGUAGES.get(_subtag(code.lower()))
        if name:
            return name
    words = [re.sub(r"\s*\(.*", "", word).strip() for word in concept.words]
    found = next((word for word in words if word), None)
    return (found[:1].upper() + found[1:]) if found else (codes[0] if codes else UNKNOWN)


def _subtag(tag: str) -> str:
    """The language of a BCP 47 tag in lower case; the tag once used for American Sign Language is `ase`."""
    return "ase" if tag.startswith("sgn-us") else re.split(r"[-_]", tag)[0]


# --- payer ---

_ACT_CODES = (
    dict.fromkeys(("EHCPOL", "HSAPOL", "HIP", "MCPOL", "POS", "HMO", "PPO", "GOVEMP", "RETIRE"), PRIVATE)
    | dict.fromkeys(("PUBLICPOL", "MILITARY", "VET", "IND", "HIRISK", "SOCIAL", "MANDPOL"), OTHER_GOVERNMENT)
    | dict.fromkeys(("CANPRG", "ENDRENAL", "HIVAIDS", "SAFNET", "SUBPRG", "SUBSUPP"), OTHER_GOVERNMENT)
    | dict.fromkeys(("SUBSIDIZ", "SUBSIDMC"), MEDICAID)
    | {"CHAR": UNINSURED}
)
_PAYER_WORDS = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"\bdual(ly)?\b|medicare (\+|and) medicaid", DUAL),
        (
            r"\bno insurance|uninsured|self pay|no coverage|not insured|\bcharity\b|sliding fee|^none$",
            UNINSURED,
        ),
        (r"\bmedigap\b", PRIVATE),
        (r"\bmedicare\b", MEDICARE),
        (r"\bmedicaid\b|\bs?chip\b|children s health insurance|\bmedi cal\b|\bmasshealth\b", MEDICAID),
        (r"\btricare\b|\bchampva\b|\bva\b|veteran|military|indian health|\bihs\b", OTHER_GOVERNMENT),
        (r"\b(other public|public|government|federal|correction(s|al)?|ryan white)\b", OTHER_GOVERNMENT),
        (r"\b(private|commercial|employer|employment|group plan|individual market|marketplace)\b", PRIVATE),
        (
            r"\b(hmo|ppo|bcbs|blue (cross|shield)|aetna|cigna|humana|united ?health ?care|anthem|kaiser)\b",
            PRIVATE,
        ),
    )
)


def payer(concept: Concept) -> str | None:
    """The payer group of a coverage type or of a payer's name; None when it says nothing.

    A payer that is named but not recognised is "Insured, kind not known".
    """
    for code in concept.codes:
        by_code = _payer_of_code(code)
        if by_code:
            return by_code
    words = [_plain(word) for word in concept.words]
    said = [word for word in words if not _UNKNOWN_WORDS.match(word)]
    for pattern, kind in _PAYER_WORDS:
        if any(pattern.search(word) for word in said):
            return kind
    typology = any(c.system in SOURCE_OF_PAYMENT for c in concept.codes)
    return INSURED if said and not typology else None


def _payer_of_code(code: Code) -> str | None:
    value = (code.code or "").strip()
    if code.system in SOURCE_OF_PAYMENT:
        return _typology(value)
    if code.system == SELF_PAY:
        return UNINSURED
    return _ACT_CODES.get(value.upper()) if code.system == ACT_CODE else None


def _typology(code: str) -> str | None:
    """Source of Payment Typology: the first digit is the category, 14 is dual eligibility, 99 is silent."""
    if code.startswith("14"):
        return DUAL
    if code in ("92", "98"):
        return INSURED
    kinds = {"1": MEDICARE, "2": MEDICAID, "3": OTHER_GOVERNMENT, "4": OTHER_GOVERNMENT}
    kinds |= {"5": PRIVATE, "6": PRIVATE, "7": INSURED, "8": UNINSURED}
    return kinds.get(code[:1])
