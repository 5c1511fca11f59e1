"""What is asked of care, step by step, and how likely each step is for everyone alike.

A measure here is a short name, the catalog's name for it, and its steps. The chance that a person meets a measure is
made of its steps' chances alone, and those are the same for all: whatever gap there is, a scenario planted it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """A measure's name in the catalog, the chance of each of its steps, whether more is better, and its group there."""

    name: str
    steps: Mapping[str, float]
    more_is_better: bool = True
    group: str = "1"


MEASURES: Mapping[str, Measured] = {
    "blood-pressure": Measured("SalusBloodPressureControl", {"control": 0.66}),
    "diabetes": Measured("SalusDiabetesPoorControl", {"tested": 0.90, "control": 0.80}, more_is_better=False),
    "kidney": Measured("SalusDiabetesKidneyEvaluation", {"blood": 0.86, "urine": 0.64}),
    "statin": Measured("SalusStatinForVascularDisease", {"prescribed": 0.74}),
    "asthma": Measured("SalusAsthmaController", {"prescribed": 0.70}),
    "prenatal": Measured("SalusPrenatalFirstTrimester", {"early": 0.78}),
    "colorectal": Measured("SalusColorectalScreening", {"ordered": 0.78, "done": 0.80}),
    "breast": Measured("SalusBreastScreening", {"ordered": 0.86, "done": 0.86}),
    "cervical": Measured("SalusCervicalScreening", {"ordered": 0.86, "done": 0.88}),
    "children": Measured("SalusChildImmunization", {"complete": 0.64}),
    "influenza": Measured("SalusInfluenzaVaccine", {"offered": 0.82, "given": 0.62}),
    "pneumococcal": Measured("SalusPneumococcalVaccine", {"given": 0.66}),
    "tobacco": Measured("SalusTobaccoHelp", {"asked": 0.86, "helped": 0.58}),
    "depression": Measured("SalusDepressionScreening", {"screened": 0.68, "followed": 0.64}),
    "hiv": Measured("SalusHivScreening", {"tested": 0.54}),
    "primary-care": Measured("SalusPrimaryCareVisit", {"visit": 0.88}),
    "no-shows": Measured("SalusNoShows", {"kept": 0.84}, more_is_better=False),
    "interpreter": Measured("SalusInterpreter", {"offered": 0.62}),
    "follow-up-7": Measured("SalusHospitalFollowUp", {"week": 0.44}, group="7-days"),
    "follow-up-30": Measured("SalusHospitalFollowUp", {"month": 0.46}, group="30-days"),
    "readmission": Measured("SalusReadmission", {"return": 0.14}, more_is_better=False),
    "preventable": Measured("SalusPreventableAdmissions", {"admitted": 0.03}, more_is_better=False),
    "back-imaging": Measured("SalusBackPainImaging", {"imaged": 0.24}, more_is_better=False),
    "experience": Measured("SalusVisitExperience", {"top": 0.72}),
    "shared-decision": Measured("SalusSharedDecision", {"shared": 0.70}),
    "needs-screened": Measured("SalusSocialNeedsAsked", {"asked": 0.56}),
    "needs-met": Measured("SalusSocialNeedsMet", {"met": 0.46}),
    "uninsured": Measured("SalusUninsured", {}, more_is_better=False),
}
"""By short name, as scenarios call them."""
CARE = tuple(name for name, each in MEASURES.items() if each.steps)
"""Those that care answers for: the others say what people are, and are not alike in any scenario."""
