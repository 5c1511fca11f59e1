"""What the published model descriptions leave out: what earlier versions called a class, and how slices are read.

A library on QI-Core 4.1.1 reads `["observation-bp"]` and `ObservationNotDone`; the table of the nearest version that is
known has them as other classes. And a slice like `systolic` stands in the descriptions without a word on where FHIR
keeps it: in the component with the code that the profile fixes.
Sources: QI-Core 4.1.1 and 5.0.0 (hl7.org/fhir/us/qicore, profiles and extensions); FHIR R4 "Vital Signs profiles"; US
Core 6.1.0, profiles of blood pressure, pulse oximetry and occupation.
Leaves to others: which version a library asks for (`translate.declarations`), the classes themselves (`models`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

_QI = "http://hl7.org/fhir/us/qicore/StructureDefinition/qicore-"
_CORE = "http://hl7.org/fhir/StructureDefinition/"
_VITALS = {
    "bmi": "USCoreBMIProfile",
    "bodyheight": "USCoreBodyHeightProfile",
    "bodytemp": "USCoreBodyTemperatureProfile",
    "bodyweight": "USCoreBodyWeightProfile",
    "bp": "USCoreBloodPressureProfile",
    "headcircum": "USCoreHeadCircumferenceProfile",
    "heartrate": "USCoreHeartRateProfile",
    "oxygensat": "USCorePulseOximetryProfile",
    "resprate": "USCoreRespiratoryRateProfile",
    "vitalsigns": "USCoreVitalSignsProfile",
}
_RENAMED = {
    "MedicationDispenseNotDone": "MedicationDispenseDeclined",
    "ObservationNotDone": "ObservationCancelled",
    "TaskNotDone": "TaskRejected",
    "USCoreLaboratoryResultObservationProfile": "LaboratoryResultObservation",
}


def _concept(extension: str) -> list[str]:
    return ["System.Concept", f"FHIRHelpers.ToConcept(%parent.extension[url='{_QI}{extension}'].value)"]


def _component(loinc: str) -> list[str]:
    target = f"%parent.component[code.coding.system='http://loinc.org',code.coding.code='{loinc}']"
    return ["Observation.Component", target]


_PRESSURES = {"systolic": _component("8480-6"), "diastolic": _component("8462-4")}
_FORMER_PRESSURES = {"SystolicBP": _PRESSURES["systolic"], "DiastolicBP": _PRESSURES["diastolic"]}
_OXYGEN = {"FlowRate": _component("3151-8"), "Concentration": _component("3150-6")}
_WORK = {"industry": _component("86188-0")}
_ELEMENTS: Mapping[str, Json] = {
    "BloodPressureProfile": _PRESSURES,
    "USCoreBloodPressureProfile": _PRESSURES,
    "observation-bp": _FORMER_PRESSURES,
    "PulseOximetryProfile": _OXYGEN,
    "USCorePulseOximetryProfile": _OXYGEN,
    "ObservationOccupationProfile": _WORK,
    "USCoreObservationOccupationProfile": _WORK,
    "Encounter.Diagnosis": {"diagnosisPresentOnAdmission": _concept("encounter-diagnosisPresentOnAdmission")},
    "DeviceNotRequested": {"reasonRefused": _concept("doNotPerformReason")},
}


def former_class(types: Mapping[str, Json], local: str) -> Json | None:
    """The entry of the class that an earlier version of QI-Core called `local`; None when there was none."""
    vital = local.removeprefix("observation-")
    if vital != local:
        entry = types.get(_VITALS.get(vital, ""))
        return entry and {**entry, "id": f"{_CORE}{vital}"}
    return types.get(_RENAMED.get(local, ""))


def elements_left_out(local: str) -> Json:
    """Elements of a class of QI-Core or US Core, spelled as the models' tables spell elements."""
    return _ELEMENTS.get(local, {})
