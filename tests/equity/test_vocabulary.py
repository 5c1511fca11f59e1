"""What codes and words of real records are taken to mean."""

from __future__ import annotations

import pytest

from salus.equity.vocabulary import (
    ACT_CODE,
    AMERICAN_INDIAN,
    ASIAN,
    BLACK,
    DECLINED,
    DUAL,
    HISPANIC,
    INSURED,
    MEDICAID,
    MEDICARE,
    NOT_HISPANIC,
    OTHER_GOVERNMENT,
    OTHER_RACE,
    PACIFIC,
    PRIVATE,
    SELF_PAY,
    UNINSURED,
    UNKNOWN,
    WHITE,
    Code,
    Concept,
    language,
    payer,
    race_or_ethnicity,
)

CDC = "urn:oid:2.16.840.1.113883.6.238"
NULL = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
SOPT = "https://nahdo.org/sopt"


def coded(system: str | None, code: str | None, display: str | None = None, text: str | None = None) -> Concept:
    return Concept((Code(system, code, display),), text)


@pytest.mark.parametrize(
    ("code", "category"),
    [
        ("1002-5", AMERICAN_INDIAN), ("1735-0", AMERICAN_INDIAN), ("2028-9", ASIAN),
        ("2034-7", ASIAN),
        ("2054-5", BLACK), ("2067-7", BLACK), ("2076-8", PACIFIC), ("2079-2", PACIFIC),
        ("2500-7", PACIFIC),
        ("2106-3", WHITE), ("2118-8", WHITE), ("2131-1", OTHER_RACE), ("2135-2", HISPANIC),
        ("2148-5", HISPANIC),
        ("2186-5", NOT_HISPANIC),
    ],
)  # fmt: skip
def test_race_and_ethnicity_codes_roll_up(code: str, category: str) -> None:
    assert race_or_ethnicity(coded(CDC, code)) == category


def test_the_code_decides_over_a_display_that_contradicts_it() -> None:
    assert race_or_ethnicity(coded(CDC, "2135-2", "Other")) == HISPANIC


@pytest.mark.parametrize(
    ("concept", "answer"),
    [
        (coded(NULL, "UNK", "Unknown"), UNKNOWN),
        (coded(NULL, "ASKU", "Asked but no answer"), DECLINED),
        (coded(None, None, "Patient declined"), DECLINED),
        (Concept((), "Declined to specify"), DECLINED),
        (Concept((), "Prefer not to say"), DECLINED),
        (Concept((), "unknown"), UNKNOWN),
        (Concept((), "Caucasian"), WHITE),
        (coded("urn:local", "7", "Martian"), OTHER_RACE),
        (Concept(), UNKNOWN),
    ],
)
def test_absent_and_local_answers(concept: Concept, answer: str) -> None:
    assert race_or_ethnicity(concept) == answer


@pytest.mark.parametrize(
    ("concept", "name"),
    [
        (coded("urn:ietf:bcp:47", "en-US", "English (United States)"), "English"),
        (coded("urn:ietf:bcp:47", "en", None), "English"),
        (coded("urn:ietf:bcp:47", "zh-Hant"), "Chinese"),
        (coded("urn:ietf:bcp:47", "sgn-US"), "American Sign Language"),
        (coded("urn:ietf:bcp:47", "es"), "Spanish"),
        (coded("urn:local", "77", "klingon (Qo'noS)"), "Klingon"),
        (coded("urn:ietf:bcp:47", "tlh"), "tlh"),
        (coded(NULL, "ASKU"), DECLINED),
        (Concept(), UNKNOWN),
    ],
)
def test_languages(concept: Concept, name: str) -> None:
    assert language(concept) == name


@pytest.mark.parametrize(
    ("words", "group"),
    [
        ("no_insurance", UNINSURED), ("NO_INSURANCE", UNINSURED), ("Self-Pay / Uninsured", UNINSURED),
        ("dual_eligible", DUAL), ("Medicare + Medicaid (dual eligible)", DUAL), ("medicare", MEDICARE),
        ("Medicare Advantage (Part C)", MEDICARE), ("Medicaid", MEDICAID), ("CHIP", MEDICAID),
        ("VA / TRICARE / other public", OTHER_GOVERNMENT), ("private", PRIVATE),
        ("UnitedHealthcare", PRIVATE),
        ("Private insurance (individual market)", PRIVATE), ("Employer-sponsored group plan", PRIVATE),
        ("Blue Cross Blue Shield", PRIVATE), ("Acme Mutual", INSURED),
        ("unknown", None), ("", None),
    ],
)  # fmt: skip
def test_payers_by_their_words(words: str, group: str | None) -> None:
    assert payer(Concept((), words)) == group


@pytest.mark.parametrize(
    ("system", "code", "group"),
    [
        (SOPT, "1", MEDICARE), (SOPT, "11", MEDICARE), (SOPT, "14", DUAL), (SOPT, "211", MEDICAID),
        (SOPT, "32", OTHER_GOVERNMENT), (SOPT, "4", OTHER_GOVERNMENT),
        (SOPT, "59", PRIVATE), (SOPT, "6", PRIVATE),
        (SOPT, "7", INSURED), (SOPT, "81", UNINSURED), (SOPT, "98", INSURED),
        (SOPT, "99", None), (SOPT, "9999", None),
        ("urn:oid:2.16.840.1.113883.3.221.5", "2", MEDICAID), (SELF_PAY, "pay", UNINSURED),
        (ACT_CODE, "HMO", PRIVATE), (ACT_CODE, "PUBLICPOL", OTHER_GOVERNMENT),
        (ACT_CODE, "SUBSIDIZ", MEDICAID),
        (ACT_CODE, "CHAR", UNINSURED),
    ],
)  # fmt: skip
def test_payers_by_their_codes(system: str, code: str, group: str | None) -> None:
    assert payer(coded(system, code)) == group


def test_a_typology_code_that_says_nothing_is_not_taken_for_insurance() -> None:
    assert payer(coded(SOPT, "99", "No Typology Code available for payment source")) is None
