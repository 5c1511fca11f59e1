"""Long-lasting conditions: blood pressure, diabetes and the kidneys, vessels and statins, asthma.

Traps that a measure must not fall into: earlier and emergency readings that say another thing, diagnoses that ended
or were refuted, prescriptions and results of years before.
"""

from __future__ import annotations

import numpy as np

from salus.catalog.synth import codes, notes
from salus.catalog.synth.codes import LOINC, concept, profile, quantity
from salus.catalog.synth.dice import Flags, Reals, Whole, pick, spread
from salus.catalog.synth.setting import Setting
from salus.catalog.synth.template import Json, Template
from salus.catalog.synth.visits import EMERGENCY

A1C = ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood")
EGFR = (
    "98979-8",
    "Glomerular filtration rate/1.73 sq M.predicted [Volume Rate/Area] by Creatinine-based formula (CKD-EPI 2021)",
)
URINE = ("9318-7", "Albumin/Creatinine [Mass Ratio] in Urine")
PRESSURE_DRUGS = [("314076", "lisinopril 10 MG Oral Tablet"), ("197361", "amlodipine 5 MG Oral Tablet")]
SUGAR_DRUGS = [("861007", "metformin hydrochloride 500 MG Oral Tablet")]
STATINS = [
    ("617311", "atorvastatin 40 MG Oral Tablet"),
    ("259255", "atorvastatin 80 MG Oral Tablet"),
    ("312961", "simvastatin 20 MG Oral Tablet"),
]
CONTROLLER = [
    ("896209", "60 ACTUAT fluticasone propionate 0.25 MG/ACTUAT / salmeterol 0.05 MG/ACTUAT Dry Powder Inhaler")
]
RELIEVER = [("630208", "albuterol 0.83 MG/ML Inhalation Solution")]
SERIOUS = {"kidney-failure": ("N18.6", 0.0, 0.008), "palliative": ("Z51.5", 0.008, 0.012)}
"""Code, and the rolls from and below which someone of 40 or more has it: nobody has both."""
NO_READING = 0.12  # of those whose pressure is not under control


def _part(code: str, display: str, value: str) -> Json:
    number = quantity("mmHg", "mm[Hg]") | {"value": f"<{value}:raw>"}
    return {"code": concept(LOINC, code, display), "valueQuantity": number}


def _pressure(status: str) -> Template:
    return Template(
        {
            "resourceType": "Observation",
            "id": "<id>",
            "meta": profile("us-core-blood-pressure"),
            "status": status,
            "category": [codes.status("observation-category", "vital-signs")],
            "code": concept(LOINC, "85354-9", "Blood pressure panel with all children optional"),
            "subject": notes.PATIENT,
            "encounter": notes.AT_VISIT,
            "effectiveDateTime": "<day:day>T09:1<minute>:00-08:00",
            "component": [
                _part("8480-6", "Systolic blood pressure", "systolic"),
                _part("8462-4", "Diastolic blood pressure", "diastolic"),
            ],
        }
    )


READ, TAKEN_BACK = _pressure("final"), _pressure("entered-in-error")


def give(setting: Setting) -> None:
    high = _hypertension(setting)
    _pressure_control(setting, high)
    diabetic = _diabetes(setting)
    _kidneys(setting, diabetic)
    _vessels(setting)
    _asthma(setting)


def _hypertension(setting: Setting) -> Flags:
    """Who has it in the year; some had it before, of some it was refuted."""
    people, dice = setting.people, setting.dice
    has = setting.ask("hypertension", np.clip((people.age - 14) / 75, 0, 0.68)) & people.adult
    since = setting.first - dice.between("hypertension.since", 30, 3000)
    fate = dice("hypertension.fate")
    over, refuted = has & (fate < 0.03), has & (fate >= 0.03) & (fate < 0.05)
    ended = setting.first - dice.between("hypertension.ended", 5, 25)
    stands = has & ~over & ~refuted
    for name, kept, until, wrong in (
        ("hypertension", stands, None, False),
        ("hypertension-before", over, ended, False),
        ("hypertension-refuted", refuted, None, True),
    ):
        who = notes.some(kept)
        notes.diagnosed(setting.chart, name, who, "I10", since[who], until if until is None else until[who], wrong)
    return stands


def _pressure_control(setting: Setting, high: Flags) -> None:
    """A reading at each visit of an adult; the last of the year tells the truth, others need not."""
    who = notes.some(setting.people.adult)
    controlled = np.ones(len(setting.people), dtype=bool)
    met, chance = setting.happens("blood-pressure", "control", who, setting.last_day(who))
    controlled[who] = np.where(high[who], met, setting.dice("pressure.healthy")[who] < 0.9)
    unread = ~controlled & setting.ask("pressure.unread", NO_READING)
    counts = (high & setting.year.seen & setting.aged(18, 85))[who]
    out = _pressure_excluded(setting)[who]
    setting.chances.ledger.add(
        "blood-pressure",
        who[counts],
        met[counts],
        np.where(out, 0, chance)[counts],
        setting.last_day(who)[counts],
        out[counts],
    )
    _readings(setting, controlled, unread)
    treated = notes.some(high & setting.year.seen & setting.ask("pressure.treated", 0.7))
    which = pick(setting.dice("pressure.drug")[treated], (1, 1))
    main = setting.year.main[treated]
    notes.prescribed(
        setting.chart, "pressure-drug", treated, setting.main_day(treated), setting.main_id(treated),
        setting.clinician_of(main), PRESSURE_DRUGS, which,
    )  # fmt: skip


def _pressure_excluded(setting: Setting) -> Flags:
    """Pregnancy, kidney failure, palliative care."""
    out = np.zeros(len(setting.people), dtype=bool)
    out[setting.hospital.pregnancies.who] = True
    since = setting.first + setting.dice.between("serious.since", 0, 200)
    for name, (code, _, _) in SERIOUS.items():
        ill = _ill(setting, name)
        who = notes.some(ill)
        notes.diagnosed(setting.chart, name, who, code, since[who])
        out |= ill
    return out


def _readings(setting: Setting, controlled: Flags, unread: Flags) -> None:
    visits, dice = setting.visits, setting.dice
    adult = setting.people.adult[visits.who]
    in_year = visits.day >= setting.first
    read = notes.some(adult & (visits.kind <= EMERGENCY) & ~(unread[visits.who] & in_year))
    who = visits.who[read]
    chance = np.where(visits.kind[read] == EMERGENCY, 0.3, 0.55)
    last = setting.year.last[who] == read
    low = np.where(last, controlled[who], _own(setting, "pressure.low", read) < chance)
    _write_readings(setting, "pressure", read, low, READ, 0)
    wrong = read[last & (dice("pressure.error")[who] < 0.02)]
    _write_readings(setting, "pressure-error", wrong, ~controlled[visits.who[wrong]], TAKEN_BACK, 1)


def _own(setting: Setting, question: str, places: Whole) -> Reals:
    return setting.dice.on(question, setting.visits.who[places], setting.visits.day[places])


def _write_readings(setting: Setting, name: str, places: Whole, low: Flags, template: Template, minute: int) -> None:
    """Both pressures below 140/90 or not; one of the two is enough to be high."""
    visits = setting.visits
    which = pick(_own(setting, f"{name}.which", places), (0.5, 0.35, 0.15))  # both, systolic, diastolic
    first, second = _own(setting, f"{name}.systolic", places), _own(setting, f"{name}.diastolic", places)
    systolic = np.where(
        low, spread(first, 104, 139), np.where(which == 2, spread(first, 118, 139), spread(first, 140, 188))
    )
    diastolic = np.where(
        low, spread(second, 62, 89), np.where(which == 1, spread(second, 66, 89), spread(second, 90, 112))
    )
    setting.chart.write(
        template, name, visits.who[places], day=visits.day[places], visit=visits.ids[places], minute=minute,
        systolic=systolic, diastolic=diastolic,
    )  # fmt: skip


def _diabetes(setting: Setting) -> Flags:
    people, dice = setting.people, setting.dice
    has = setting.ask("diabetes", np.where(people.age >= 45, 0.19, 0.06)) & people.adult
    who = notes.some(has)
    code = np.array(["E11.9", "E11.65", "E10.9"], dtype=object)[pick(dice("diabetes.type")[who], (0.75, 0.15, 0.10))]
    notes.diagnosed(
        setting.chart, "diabetes", who, code, setting.first - dice.between("diabetes.since", 400, 4000)[who]
    )
    _sugar_control(setting, has)
    treated = notes.some(has & setting.year.seen)
    notes.prescribed(
        setting.chart, "sugar-drug", treated, setting.main_day(treated), setting.main_id(treated),
        setting.clinician_of(setting.year.main[treated]), SUGAR_DRUGS, np.zeros(len(treated), dtype=np.int64),
    )  # fmt: skip
    return has


def _sugar_control(setting: Setting, has: Flags) -> None:
    """HbA1c at the last visit; poor control is more than 9%, or no test. Earlier tests say another thing."""
    who = notes.some(has & setting.year.seen)
    days, dice = setting.last_day(who), setting.dice
    tested, likely = setting.happens("diabetes", "tested", who, days)
    good, chance = setting.happens("diabetes", "control", who, days)
    value = np.where(good, spread(dice("diabetes.a1c")[who], 56, 88), spread(dice("diabetes.a1c")[who], 93, 128)) / 10
    percent = ("%", "%")
    notes.measured(
        setting.chart,
        "a1c",
        who[tested],
        days[tested],
        setting.last_id(who)[tested],
        A1C,
        percent,
        value[tested].round(1),
    )
    before = notes.some((setting.visits.day < setting.first) & has[setting.visits.who])
    old = spread(_own(setting, "diabetes.before", before), 58, 118) / 10
    notes.measured(
        setting.chart, "a1c-before", setting.visits.who[before], setting.visits.day[before], setting.visits.ids[before],
        A1C, percent, old.round(1),
    )  # fmt: skip
    counts = setting.aged(18, 75)[who]
    met = ~(tested & good)
    setting.chances.ledger.add("diabetes", who[counts], met[counts], (1 - likely * chance)[counts], days[counts])


def _kidneys(setting: Setting, diabetic: Flags) -> None:
    """Blood and urine, each by a chance of its own, at the visit where care is planned."""
    who = notes.some(diabetic & setting.year.seen)
    days, dice = setting.main_day(who), setting.dice
    blood, of_blood = setting.happens("kidney", "blood", who, days)
    urine, of_urine = setting.happens("kidney", "urine", who, days)
    per_area, per_gram = ("mL/min/{1.73_m2}", "mL/min/{1.73_m2}"), ("mg/g", "mg/g")
    rate, ratio = spread(dice("kidney.rate")[who], 48, 110), spread(dice("kidney.ratio")[who], 4, 120)
    ids = setting.main_id(who)
    notes.measured(setting.chart, "egfr", who[blood], days[blood], ids[blood], EGFR, per_area, rate[blood])
    notes.measured(setting.chart, "urine-albumin", who[urine], days[urine], ids[urine], URINE, per_gram, ratio[urine])
    counts, out = setting.aged(18, 85)[who], _ill(setting, *SERIOUS)[who]
    chance = np.where(out, 0, of_blood * of_urine)
    setting.chances.ledger.add(
        "kidney", who[counts], (blood & urine)[counts], chance[counts], days[counts], out[counts]
    )


def _ill(setting: Setting, *names: str) -> Flags:
    """Those with any of these of `SERIOUS`."""
    fate = setting.dice("serious")
    rolled = [(fate >= low) & (fate < high) for _, low, high in (SERIOUS[name] for name in names)]
    found: Flags = np.logical_or.reduce(rolled) & setting.aged(40, 120)
    return found


def _vessels(setting: Setting) -> None:
    """Disease of the vessels of heart or brain, and a statin for it."""
    people, dice = setting.people, setting.dice
    has = setting.ask("vessels", np.clip((people.age - 35) / 180, 0, 0.28)) & (people.age >= 40)
    who = notes.some(has)
    code = np.array(["I25.10", "I63.9", "I21.9"], dtype=object)[pick(dice("vessels.kind")[who], (0.7, 0.2, 0.1))]
    notes.diagnosed(setting.chart, "vessels", who, code, setting.first - dice.between("vessels.since", 100, 3000)[who])
    who = notes.some(has & setting.year.seen)
    days = setting.main_day(who)
    given, chance = setting.happens("statin", "prescribed", who, days)
    which = pick(dice("statin.drug")[who], (0.5, 0.3, 0.2))
    notes.prescribed(
        setting.chart, "statin", who[given], days[given], setting.main_id(who)[given],
        setting.clinician_of(setting.year.main[who])[given], STATINS, which[given],
    )  # fmt: skip
    out = _ill(setting, "palliative")
    out[setting.hospital.pregnancies.who] = True
    setting.chances.ledger.add("statin", who, given, np.where(out[who], 0, chance), days, out[who])


def _asthma(setting: Setting) -> None:
    """Persistent asthma: everyone has something for attacks, most something against them."""
    has = setting.ask("asthma", 0.05) & (setting.people.age >= 5)
    who = notes.some(has)
    notes.diagnosed(
        setting.chart, "asthma", who, "J45.40", setting.first - setting.dice.between("asthma.since", 100, 900)[who]
    )
    who = notes.some(has & setting.year.seen)
    days, ids = setting.main_day(who), setting.main_id(who)
    clinician = setting.clinician_of(setting.year.main[who])
    given, chance = setting.happens("asthma", "prescribed", who, days)
    first = np.zeros(len(who), dtype=np.int64)
    notes.prescribed(setting.chart, "reliever", who, days, ids, clinician, RELIEVER, first)
    notes.prescribed(
        setting.chart, "controller", who[given], days[given], ids[given], clinician[given], CONTROLLER, first[given]
    )
    lungs = np.zeros(len(setting.people), dtype=bool)
    lungs[setting.hospital.stays.who] = setting.hospital.stays.reason == "J44.1"
    counts, out = setting.aged(5, 64)[who], lungs[who]
    chance = np.where(out, 0, chance)
    setting.chances.ledger.add("asthma", who[counts], given[counts], chance[counts], days[counts], out[counts])
