"""A synthetic community with a planted truth: to try measures on, and the judge of statistics that claim to find a
gap.

`synthesize` writes FHIR R4 Bulk Data (one NDJSON file per type) and the truth beside it; the same seed gives the same
bytes whatever the number of workers. In the order in which data passes: `scenario` (what is planted), `steps` (what
care is made of), `dice` and `chance`; `people`, `insurance`, `stays`, `pregnancies`, `visits`; `care` (a module per
domain); `registry`, `encounters`, `notes` over `chart` and `template` (FHIR); `mess`; `ledger` and `truth`; `block`
and `run`. See docs/synth.md.
"""

from __future__ import annotations

from salus.catalog.synth.run import Made, synthesize
from salus.catalog.synth.scenario import Mess, Scenario
from salus.catalog.synth.truth import Planted, Truth

__all__ = ["Made", "Mess", "Planted", "Scenario", "Truth", "synthesize"]
