"""The oracle: CQL's meaning, plainly. One patient at a time, one file per chapter of the reference.

Slow and simple, it judges the other engines and explains single cases. `run` answers what `salus.engine.run` answers;
`Interpreter` evaluates one define for one patient, and a `Trace` keeps what every node was.
"""

from salus.engine.oracle.everyone import look_after
from salus.engine.oracle.interpreter import Interpreter, Setting
from salus.engine.oracle.run import measurement_period, run, setting, value_of
from salus.engine.oracle.trace import Place, Trace

__all__ = ["Interpreter", "Place", "Setting", "Trace", "look_after", "measurement_period", "run", "setting", "value_of"]
