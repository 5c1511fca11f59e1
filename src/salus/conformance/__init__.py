"""The official CQL conformance suite as a judge of the front end and the engines.

`suite` reads the tests, `expected` what they expect, `found` what an engine answered, both as `values`; `compare` says
where the two differ; `judge` puts it together, a verdict per test, and `probe` tries every kind of ELM node.
"""

from salus.conformance.judge import Verdict, judge
from salus.conformance.suite import Case, read_suite

__all__ = ["Case", "Verdict", "judge", "read_suite"]
