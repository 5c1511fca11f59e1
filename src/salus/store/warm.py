"""The warm set: the elements typed when records are loaded, because measures and attributes commonly ask for them.

One entry per table (`Type`, or `Type.repeatingElement`) with its elements. An element of one of the types in
`PARTS` stands for those parts of it. Chosen from what the 2026 electronic clinical quality measures, their
libraries and QI-Core's must-support elements use, and from who people are (race, language, address, payer).

Every other element is typed on first use (`Population.ensure`), so a missing line costs time once, never an
answer. An element no resource has costs nothing. Leaves to others: the elements themselves
(`salus.fhir.model`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from salus.fhir import model
from salus.store.tree import Need, canonical

PARTS: dict[str, str] = {
    "Period": "start end",
    "Quantity": "value comparator unit system code",
    "Range": "low high",
    "Ratio": "numerator denominator",
    "Reference": "reference",
    "Identifier": "system value",
    "Money": "value currency",
}

_EXTENSION = """url valueCode valueCoding valueCodeableConcept valueString valueBoolean valueDateTime
valueDate
    valueInteger valueDecimal valueReference valuePeriod valueQuantity valueUri valueCanonical valueId"""
_DOSAGE = """text asNeededBoolean asNeededCodeableConcept route timing.code
    timing.repeat.boundsPeriod timing.repeat.boundsDuration timing.repeat.count timing.repeat.duration
    timing.repeat.durationUnit timing.repeat.frequency timing.repeat.frequencyMax timing.repeat.period
    timing.repeat.periodMax timing.repeat.periodUnit"""
_DOSE = "type doseQuantity doseRange rateQuantity rateRange rateRatio"

_STATED = {profile.base for profile in model.PROFILES.values() if profile.states} - {"Observation"}
"""Types that say by a profile what was not done; of the many Observations it is rarely asked."""

WARM: dict[str, str] = {f"{kind}.meta.profile": "value" for kind in sorted(_STATED)} | {
    # Who people are
    "Patient": """active gender birthDate deceasedBoolean deceasedDateTime maritalStatus
        managingOrganization managingOrganization.display""",
    "Patient.extension": _EXTENSION,
    "Patient.extension.extension": _EXTENSION,
    "Patient.address": "use type city district state postalCode country period",
    "Patient.communication": "language preferred",
    "Coverage": "status type subscriberId beneficiary relationship period order policyHolder subscriber",
    "Coverage.payor": "reference display",
    "Coverage.class": "type value name",
    # What happened
    "Encounter": """status class serviceType type priority period length reasonCode
        serviceProvider serviceProvider.display partOf
        hospitalization.admitSource hospitalization.dischargeDisposition hospitalization.origin
        hospitalization.destination""",
    "Encounter.diagnosis": "condition use rank",
    "Encounter.diagnosis.extension": _EXTENSION,
    "Encounter.extension": _EXTENSION,
    "Encounter.location": "location status period physicalType",
    "Encounter.participant": "type period individual",
    "Encounter.reasonReference": "reference",
    "Condition": """clinicalStatus verificationStatus category severity code bodySite encounter recordedDate
        onsetDateTime onsetAge onsetPeriod onsetRange onsetString
        abatementDateTime abatementAge abatementPeriod abatementRange abatementString""",
    "Condition.extension": _EXTENSION,
    "Observation": """status category code encounter issued effectiveDateTime effectivePeriod effectiveInstant
        valueQuantity valueCodeableConcept valueString valueBoolean valueInteger valueRange valueRatio
        valueTime
        valueDateTime valuePeriod dataAbsentReason interpretation bodySite method""",
    "Observation.component": """code valueQuantity valueCodeableConcept valueString valueBoolean valueInteger
        valueDateTime valuePeriod dataAbsentReason interpretation""",
    "Observation.extension": _EXTENSION,
    "Observation.modifierExtension": _EXTENSION,
    "Procedure": """status statusReason category code encounter performedDateTime performedPeriod
    performedString
        performedAge performedRange reasonCode bodySite outcome usedCode""",
    "Procedure.basedOn": "reference",
    "Procedure.extension": _EXTENSION,
    "Procedure.reasonReference": "reference",
    "Immunization": """status statusReason vaccineCode encounter occurrenceDateTime occurrenceString recorded
        primarySource reasonCode""",
    "Immunization.protocolApplied": """series targetDisease doseNumberPositiveInt doseNumberString
        seriesDosesPositiveInt""",
    "AllergyIntolerance": """clinicalStatus verificationStatus type criticality code encounter recordedDate
        onsetDateTime onsetAge onsetPeriod onsetRange lastOccurrence""",
    "AllergyIntolerance.category": "value",
    "AdverseEvent": """actuality category event encounter date detected recordedDate seriousness severity
        outcome""",
    "DiagnosticReport": """status category code encounter effectiveDateTime effectivePeriod issued
        conclusionCode""",
    "DiagnosticReport.result": "reference",
    # Medicines
    "MedicationRequest": """status statusReason intent category priority doNotPerform reportedBoolean
        medicationCodeableConcept medicationReference encounter authoredOn reasonCode courseOfTherapyType
        dispenseRequest.validityPeriod dispenseRequest.numberOfRepeatsAllowed dispenseRequest.quantity
        dispenseRequest.expectedSupplyDuration dispenseRequest.dispenseInterval""",
    "MedicationRequest.dosageInstruction": _DOSAGE,
    "MedicationRequest.dosageInstruction.doseAndRate": _DOSE,
    "MedicationRequest.dosageInstruction.timing.event": "value",
    "MedicationRequest.dosageInstruction.timing.repeat.timeOfDay": "value",
    "MedicationRequest.dosageInstruction.timing.repeat.when": "value",
    "MedicationRequest.extension": _EXTENSION,
    "MedicationRequest.reasonReference": "reference",
    "MedicationDispense": """status statusReasonCodeableConcept category medicationCodeableConcept
        medicationReference context type quantity daysSupply whenPrepared whenHandedOver""",
    "MedicationDispense.authorizingPrescription": "reference",
    "MedicationDispense.dosageInstruction": _DOSAGE,
    "MedicationDispense.dosageInstruction.doseAndRate": _DOSE,
    "MedicationDispense.dosageInstruction.timing.repeat.timeOfDay": "value",
    "MedicationDispense.extension": _EXTENSION,
    "MedicationAdministration": """status statusReason category medicationCodeableConcept medicationReference
        context effectiveDateTime effectivePeriod reasonCode request dosage.route dosage.dose dosage.rateRatio
        dosage.rateQuantity""",
    "MedicationAdministration.extension": _EXTENSION,
    "MedicationAdministration.reasonReference": "reference",
    "MedicationStatement": """status statusReason category medicationCodeableConcept medicationReference
    context
        effectiveDateTime effectivePeriod dateAsserted reasonCode""",
    "MedicationStatement.dosage": _DOSAGE,
    "MedicationStatement.dosage.doseAndRate": _DOSE,
    "Medication": "code status form",
    # Orders, plans, messages
    "ServiceRequest": """status intent category priority doNotPerform code encounter occurrenceDateTime
        occurrencePeriod authoredOn reasonCode""",
    "ServiceRequest.extension": _EXTENSION,
    "ServiceRequest.reasonReference": "reference",
    "DeviceRequest": """status intent priority codeCodeableConcept codeReference encounter occurrenceDateTime
        occurrencePeriod authoredOn reasonCode""",
    "DeviceRequest.extension": _EXTENSION,
    "DeviceRequest.modifierExtension": _EXTENSION,
    "DeviceUseStatement": "status device timingDateTime timingPeriod recordedOn reasonCode",
    "Device": "status type",
    "Communication": "status statusReason category topic encounter sent received reasonCode",
    "Communication.extension": _EXTENSION,
    "Communication.basedOn": "reference",
    "CommunicationRequest": """status statusReason category priority doNotPerform authoredOn encounter
        reasonCode""",
    "Task": """status statusReason businessStatus intent priority code focus for encounter executionPeriod
        authoredOn lastModified reasonCode reasonReference""",
    "Task.basedOn": "reference",
    "Appointment": """status cancelationReason serviceCategory serviceType appointmentType reasonCode
        start end created""",
    "CarePlan": "status intent category period created encounter",
    "Goal": """lifecycleStatus achievementStatus category description startDate startCodeableConcept
        statusDate""",
    "QuestionnaireResponse": "status questionnaire encounter authored",
    # Money
    "Claim": "status type subType use billablePeriod created priority provider total",
    "Claim.diagnosis": "sequence diagnosisCodeableConcept diagnosisReference type onAdmission packageCode",
    "Claim.insurance": "sequence focal coverage coverage.display",
    "Claim.item": """sequence revenue category productOrService modifier servicedDate servicedPeriod
        locationCodeableConcept quantity""",
    "Claim.item.diagnosisSequence": "value",
    "Claim.item.procedureSequence": "value",
    "Claim.item.encounter": "reference",
    "Claim.procedure": "sequence type date procedureCodeableConcept procedureReference",
    "ExplanationOfBenefit": "status type subType use billablePeriod created outcome",
    "ExplanationOfBenefit.insurance": "focal coverage coverage.display",
    # Where and who
    "Location": "status name type physicalType managingOrganization address.state address.postalCode",
    "Organization": "active type name",
    "PractitionerRole": "active practitioner organization code specialty",
}


def warm_needs(types: Iterable[str]) -> set[Need]:
    """The warm set of the given resource types, spelt out."""
    present = frozenset(types)
    return {
        need
        for table, columns in WARM.items()
        if table.split(".")[0] in present
        for column in columns.split()
        for need in _spelt_out(table, column)
    }


def _spelt_out(table: str, column: str) -> Iterator[Need]:
    need = canonical(table, column)
    yield need
    element = model.resolve(f"{table}.{column}") if column != "value" else ""
    kind = "Quantity" if element and _is_quantity(element) else element
    for part in PARTS.get(kind, "").split():
        yield from _spelt_out(table, f"{column}.{part}")


def _is_quantity(type_name: str) -> bool:
    """Age, Duration, SimpleQuantity and the like are Quantities under another name."""
    return model.elements(type_name).keys() >= {"value", "comparator", "unit"}
