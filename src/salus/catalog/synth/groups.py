"""The groups of the community, named as Salus names them (docs/attributes.md), and how each is coded in a record."""

from __future__ import annotations

from collections.abc import Mapping

RACES = {
    "White": [("2106-3", "White")],
    "Black or African American": [("2054-5", "Black or African American")],
    "Asian": [("2028-9", "Asian")],
    "American Indian or Alaska Native": [("1002-5", "American Indian or Alaska Native")],
    "Native Hawaiian or Other Pacific Islander": [("2076-8", "Native Hawaiian or Other Pacific Islander")],
    "Black or African American; White": [("2054-5", "Black or African American"), ("2106-3", "White")],
    "Asian; White": [("2028-9", "Asian"), ("2106-3", "White")],
}
RACE_SHARES = (0.62, 0.18, 0.10, 0.025, 0.015, 0.03, 0.03)
ASIAN = list(RACES).index("Asian")
ETHNICITIES = {
    "Not Hispanic or Latino": [("2186-5", "Not Hispanic or Latino")],
    "Hispanic or Latino": [("2135-2", "Hispanic or Latino")],
}
LANGUAGES = {
    "English": "en",
    "Spanish": "es",
    "Chinese": "zh",
    "Vietnamese": "vi",
    "Russian": "ru",
    "Arabic": "ar",
}
ENGLISH = 0
OF_HISPANIC = (0.52, 0.48, 0, 0, 0, 0)
OF_ASIAN = (0.62, 0, 0.22, 0.16, 0, 0)
OF_OTHERS = (0.95, 0, 0, 0, 0.03, 0.02)
SEXES = ("Female", "Male")
FEMALE = 0
PAYERS = {
    "Private": ("5", "Private Health Insurance", "Evergreen Mutual"),
    "Medicaid": ("2", "Medicaid", "State Medicaid"),
    "Medicare": ("1", "Medicare", "Medicare"),
    "Uninsured": ("81", "Self-pay", None),
}
PRIVATE, MEDICAID, MEDICARE, UNINSURED = range(4)
ZIPS = ("00010", "00011", "00012", "00013", "00014")
ZIP_SHARES = (0.22, 0.20, 0.20, 0.20, 0.18)
HISPANIC_BY_ZIP = (0.6, 0.8, 1.0, 1.3, 1.4)
UNINSURED_ODDS_BY_ZIP = (0.5, 0.7, 1.0, 1.4, 2.2)
SITES = {
    "harbor": "Harbor Clinic",
    "hill": "Hill Clinic",
    "valley": "Valley Health Center",
    "river": "River Street Clinic",
    "market": "Market Square Health Center",
}
AGE_BANDS = {"0-17": 0, "18-44": 18, "45-64": 45, "65-74": 65, "75+": 75}

GROUPS: Mapping[str, tuple[str, ...]] = {
    "race": tuple(RACES),
    "ethnicity": tuple(ETHNICITIES),
    "sex": SEXES,
    "age_band": tuple(AGE_BANDS),
    "language": tuple(LANGUAGES),
    "zip": ZIPS,
    "payer": tuple(PAYERS),
    "uninsured": ("no", "yes"),
    "site": tuple(SITES),
}
"""Attribute -> its groups; a person's group is kept as the position in it."""
