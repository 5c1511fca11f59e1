"""Retrieves of what was not requested, where FHIR R4 has no flag and versions of QI-Core differ in the extension."""

from __future__ import annotations

from typing import Any

import elm_text as elm
import pytest
from conftest_engine import Evaluate, patient

from salus.engine import oracle
from salus.engine.run import run

QI = "http://hl7.org/fhir/us/qicore/StructureDefinition/qicore-"
FLAGS = {
    "of-4": f"{QI}doNotPerform",
    "of-6": "http://hl7.org/fhir/5.0/StructureDefinition/extension-DeviceRequest.doNotPerform",
}


def request(name: str, url: str, value: bool) -> dict[str, Any]:
    flag = {"url": url, "valueBoolean": value}
    return {
        "resourceType": "DeviceRequest", "id": name, "status": "active", "intent": "order",
        "subject": {"reference": "Patient/p"}, "modifierExtension": [flag],
    }  # fmt: skip


@pytest.mark.parametrize("engine", [run, oracle.run])
def test_a_device_is_not_requested_by_the_flag_of_any_version(evaluate: Evaluate, engine: Any) -> None:
    records = [patient(), request("other", f"{QI}of-something-else", True)]
    records += [request(f"{name}-{value}", url, value) for name, url in FLAGS.items() for value in (True, False)]
    profiles = {
        name: elm.retrieve("DeviceRequest", template=f"{QI}{name}") for name in ("devicerequest", "devicenotrequested")
    }
    found = evaluate(records, profiles, engine=engine)
    assert found["devicenotrequested"]["p"] == ["of-4-True", "of-6-True"]
    assert found["devicerequest"]["p"] == ["of-4-False", "of-6-False", "other"]
