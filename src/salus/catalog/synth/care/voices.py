"""What people say: of a visit (patient experience, shared decisions), and of what they lack (social needs), and what
came of it.
"""

from __future__ import annotations

import numpy as np

from salus.catalog.synth import notes
from salus.catalog.synth.codes import coding
from salus.catalog.synth.dice import Flags, Texts, Whole, pick, spread
from salus.catalog.synth.setting import Setting
from salus.catalog.synth.template import Json, Template

QUESTIONNAIRE = "https://salus.example/fhir/Questionnaire/visit-experience"
ANSWERS = "https://salus.example/fhir/CodeSystem/visit-experience-answers"
RESPONSE = 0.35
QUESTIONS = {
    "explain": "Things were explained in a way I could understand",
    "listen": "I was listened to",
    "respect": "What I said was taken seriously",
    "time": "There was time enough",
}


def _item(link: str, text: str, answer: Json) -> Json:
    return {"linkId": link, "text": text, "answer": [answer]}


SURVEY = Template(
    {
        "resourceType": "QuestionnaireResponse",
        "id": "<id>",
        "questionnaire": QUESTIONNAIRE,
        "status": "completed",
        "subject": notes.PATIENT,
        "encounter": notes.AT_VISIT,
        "authored": "<day:day>T18:00:00-08:00",
        "item": [
            *[_item(link, text, {"valueCoding": coding(ANSWERS, f"<{link}>")}) for link, text in QUESTIONS.items()],
            _item("rating", "The visit as a whole, from 0 to 10", {"valueInteger": "<rating:raw>"}),
            _item("decision", "I was asked what I wanted before it was decided", {"valueBoolean": "<decision:raw>"}),
        ],
    }
)
HOUSING = ("71802-3", "Housing status")
FOOD = (
    "88122-7",
    "Within the past 12 months we worried whether our food would run out before we got money to buy more [U.S. FSS]",
)
TRANSPORT = (
    "93030-5",
    "Has lack of transportation kept you from medical appointments, meetings, work, or from getting things needed "
    "for daily living",
)
KEPT_AWAY = "Yes, it has kept me from medical appointments or from getting my medications"
NEEDS = (
    ("housing", HOUSING, [("LA30189-7", "I have housing"), ("LA30190-5", "I do not have housing")], "Z59.00", 0.06),
    ("food", FOOD, [("LA28398-8", "Never true"), ("LA6729-3", "Sometimes true")], "Z59.41", 0.16),
    ("transport", TRANSPORT, [("LA32-8", "No"), ("LA30133-5", KEPT_AWAY)], "Z59.82", 0.10),
)  # fmt: skip
REFERRAL = Template(
    {
        "resourceType": "ServiceRequest",
        "id": "<id>",
        "status": "<status>",
        "intent": "order",
        "category": [{"coding": [coding("http://hl7.org/fhir/us/core/CodeSystem/us-core-category", "sdoh")]}],
        "code": {"text": "help with <what>"},
        "subject": notes.PATIENT,
        "encounter": notes.AT_VISIT,
        "authoredOn": "<day:day>T09:45:00-08:00",
        "reasonReference": [{"reference": "Observation/<observation>"}],
    }
)


def give(setting: Setting) -> None:
    _experience(setting)
    _needs(setting)


def _experience(setting: Setting) -> None:
    """Of those who answer; whoever would give the best marks gives them throughout."""
    dice = setting.dice
    who = notes.some(setting.year.seen & setting.people.adult & setting.ask("voices.response", RESPONSE))
    days = setting.main_day(who)
    top, chance = setting.happens("experience", "top", who, days)
    shared, likely = setting.happens("shared-decision", "shared", who, days)
    less = np.array(["never", "sometimes", "usually"], dtype=object)
    marks: dict[str, Texts] = {}
    for link in QUESTIONS:
        lower = less[pick(dice(f"voices.{link}")[who], (0.1, 0.4, 0.5))]
        marks[link] = np.where(top, "always", lower)
    roll = dice("voices.rating")[who]
    ids = setting.chart.write(
        SURVEY, "experience", who, day=days, visit=setting.main_id(who),
        rating=np.where(top, spread(roll, 9, 10), spread(roll, 3, 8)),
        decision=np.where(shared, "true", "false").astype(object), **marks,
    )  # fmt: skip
    setting.chances.ledger.add("experience", who, top, chance, days, unit=ids)
    setting.chances.ledger.add("shared-decision", who, shared, likely, days, unit=ids)


def _needs(setting: Setting) -> None:
    """Three questions asked together; a need is met or not: all referrals completed, or none."""
    dice = setting.dice
    who = notes.some(setting.year.seen & setting.people.adult)
    days, ids = setting.main_day(who), setting.main_id(who)
    asked, chance = setting.happens("needs-screened", "asked", who, days)
    setting.chances.ledger.add("needs-screened", who, asked, chance, days)
    met, likely = setting.happens("needs-met", "met", who, days)
    lacking: Flags = np.zeros(len(who), dtype=bool)
    for name, code, answers, problem, share in NEEDS:
        need = dice(f"needs.{name}")[who] < share
        lacking |= need
        told = notes.answered(
            setting.chart,
            f"need-{name}",
            who[asked],
            days[asked],
            ids[asked],
            code,
            answers,
            need[asked].astype(np.int64),
        )
        _referred(setting, name, who[asked], days[asked], ids[asked], told, problem, need[asked], met[asked])
    counts = asked & lacking
    setting.chances.ledger.add("needs-met", who[counts], met[counts], likely[counts], days[counts])


def _referred(
    setting: Setting, name: str, who: Whole, days: Whole, ids: Texts, told: Texts, problem: str, need: Flags, met: Flags
) -> None:
    """The problem on the list and a request for help; when met, the one resolved and the other completed."""
    for kept, suffix in ((need & met, "met"), (need & ~met, "open")):
        until = days[kept] + 20 if suffix == "met" else None
        notes.diagnosed(setting.chart, f"{name}-{suffix}", who[kept], problem, days[kept], until)
        setting.chart.write(
            REFERRAL, f"help-{name}-{suffix}", who[kept], what=name,
            status="completed" if suffix == "met" else "active",
            day=days[kept], visit=ids[kept], observation=told[kept],
        )  # fmt: skip
