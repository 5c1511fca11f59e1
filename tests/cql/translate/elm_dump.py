"""ELM as one short line, and the translation of a few lines of CQL, for expectations that read well.

Operators are calls, `[day]` is a precision, names stand plain, text is in quotes; a written cast and one that was
implied look the same. Not a form Salus reads.
"""

from __future__ import annotations

from typing import Any

from salus.cql.source import Source
from salus.cql.translate import Finder, Translation, translate

HELPERS = """
library FHIRHelpers version '4.0.1'
using FHIR version '4.0.1'
define function ToInterval(period FHIR.Period): Interval[period."start".value, period."end".value]
define function ToInterval(range FHIR.Range): null as Interval<Quantity>
define function ToConcept(concept FHIR.CodeableConcept): null as Concept
define function ToCode(coding FHIR.Coding): null as Code
define function ToQuantity(quantity FHIR.Quantity): null as Quantity
define function ToDateTime(value FHIR.dateTime): value.value
define function ToDateTime(value FHIR.instant): value.value
define function ToDate(value FHIR.date): value.value
define function ToString(value FHIR.string): value.value
define function ToString(value FHIR.uri): value.value
define function ToString(value FHIR.AdministrativeGender): value.value
define function ToBoolean(value FHIR.boolean): value.value
define function ToInteger(value FHIR.integer): value.value
define function ToValue(value Choice<FHIR.string, FHIR.Quantity>): null as String
define function ToValueSet(uri String): ValueSet { id: uri }
"""


class Texts:
    """Libraries by name, each without a version or in the one its first line states."""

    def __init__(self, *texts: str) -> None:
        self._sources: dict[str, dict[str | None, Source]] = {}
        for text in (HELPERS, *texts):
            words = text.split()
            name = words[1].strip('"')
            version = words[3].strip("'") if words[2] == "version" else None
            self._sources.setdefault(name, {})[version] = Source(text, name)

    def versions(self, name: str) -> list[str | None]:
        return list(self._sources.get(name, {}))

    def text(self, name: str, version: str | None) -> Source:
        return self._sources[name][version]

    def names(self) -> list[str]:
        return list(self._sources)


HEADS = {
    "": "library T\n",
    "FHIR": "library T\nusing FHIR version '4.0.1'\ninclude FHIRHelpers version '4.0.1'\n",
    "QICore": "library T\nusing QICore version '6.0.0'\ninclude FHIRHelpers version '4.0.1'\n",
}


def translated(text: str, *libraries: str, model: str = "") -> Translation:
    """The translation of definitions, below a head that uses the model."""
    return translate(Source(HEADS[model] + text, "T"), Finder(Texts(*libraries)))


def statement(translation: Translation, name: str) -> dict[str, Any]:
    """A statement's ELM."""
    return next(each for each in translation.elm["statements"]["def"] if each["name"] == name)


def elm_of(text: str, *libraries: str, model: str = "") -> str:
    """The define X of a text, short; its errors must be none."""
    made = translated(text, *libraries, model=model)
    assert not made.errors, "\n".join(map(str, made.errors))
    return dump(statement(made, "X")["expression"])


def expression(text: str, *before: str, model: str = "") -> str:
    """An expression's ELM, short; definitions may stand before it."""
    return elm_of("\n".join([*before, f"define X: {text}"]), model=model)


def errors(text: str, *libraries: str, model: str = "") -> list[str]:
    """What is wrong with a text, as `line:column message (hint)`; lines count below the head."""
    made = translated(text, *libraries, model=model)
    above = HEADS[model].count("\n")
    return [f"{e.line - above}:{e.column} {e.message}" + (f" ({e.hint})" if e.hint else "") for e in made.errors]


def warnings(text: str, *libraries: str, model: str = "") -> list[str]:
    """What is to be noted about a text."""
    made = translated(text, *libraries, model=model)
    return [each.message for each in made.diagnostics if each.severity == "warning"]


def dump(elm: Any) -> str:
    """A piece of ELM, short."""
    form = _FORMS.get(elm.get("type", ""))
    return form(elm) if form else _operator(elm)


def type_text(spec: Any) -> str:
    """A type specifier or QName, short: System types plain, others as `FHIR:Name`."""
    if isinstance(spec, str):
        return spec.replace("{urn:hl7-org:elm-types:r1}", "").replace("{http://hl7.org/fhir}", "FHIR:")
    match spec["type"]:
        case "ListTypeSpecifier":
            return f"List<{type_text(spec['elementType'])}>"
        case "IntervalTypeSpecifier":
            return f"Interval<{type_text(spec['pointType'])}>"
        case "ChoiceTypeSpecifier":
            return f"Choice<{', '.join(map(type_text, spec['choice']))}>"
        case "TupleTypeSpecifier":
            return f"Tuple<{', '.join(e['name'] + ' ' + type_text(e['elementType']) for e in spec['element'])}>"
    return type_text(spec["name"])


_SKIPPED = frozenset({"type", "locator", "localId", "signature", "preserve"})


def _operator(elm: Any) -> str:
    if "type" not in elm:
        return _named(elm)
    parts: list[str] = []
    for key, value in elm.items():
        if key in _SKIPPED or (key == "precision" and isinstance(value, str)):
            continue
        if key == "operand":
            parts += map(dump, value) if isinstance(value, list) else [dump(value)]
        elif isinstance(value, dict) and ("type" in value or "name" in value):
            parts.append(f"{key}: {dump(value)}")
    precision = f"[{elm['precision'].lower()}]" if isinstance(elm.get("precision"), str) else ""
    return f"{elm['type']}{precision}({', '.join(parts)})"


def _named(elm: Any) -> str:
    return f"{elm['libraryName']}.{elm['name']}" if "libraryName" in elm else str(elm["name"])


def _literal(elm: Any) -> str:
    return f"'{elm['value']}'" if elm["valueType"].endswith("String") else str(elm["value"])


def _property(elm: Any) -> str:
    owner = elm.get("scope") or dump(elm["source"])
    return f"{owner}.{elm['path']}"


def _function(elm: Any) -> str:
    signature = f"<{', '.join(map(type_text, elm['signature']))}>" if elm.get("signature") else ""
    return f"{_named(elm)}{signature}({', '.join(map(dump, elm['operand']))})"


def _typed(word: str, key: str) -> Any:
    def form(elm: Any) -> str:
        return f"({dump(elm['operand'])} {word} {type_text(elm.get(key) or elm.get(key + 'Specifier'))})"

    return form


def _cast(elm: Any) -> str:
    return ("strict " if elm.get("strict") else "") + _typed("as", "asType")(elm)


def _interval(elm: Any) -> str:
    if "lowClosedExpression" in elm:
        return f"Interval{{{dump(elm['low'])}, {dump(elm['high'])}}}"
    left, right = "[" if elm["lowClosed"] else "(", "]" if elm["highClosed"] else ")"
    return f"Interval{left}{dump(elm['low'])}, {dump(elm['high'])}{right}"


def _elements(elm: Any) -> str:
    return ", ".join(f"{e['name']}: {dump(e['value'])}" for e in elm["element"])


def _case(elm: Any) -> str:
    head = f" {dump(elm['comparand'])}" if "comparand" in elm else ""
    items = " ".join(f"when {dump(i['when'])} then {dump(i['then'])}" for i in elm["caseItem"])
    return f"case{head} {items} else {dump(elm['else'])} end"


def _if(elm: Any) -> str:
    return f"if {dump(elm['condition'])} then {dump(elm['then'])} else {dump(elm['else'])}"


def _retrieve(elm: Any) -> str:
    codes = f": {elm['codeProperty']} {elm['codeComparator']} {dump(elm['codes'])}" if "codes" in elm else ""
    context = f"{dump(elm['context'])} -> " if "context" in elm else ""
    template = elm.get("templateId", "").rpartition("/")[2]
    return f"[{context}{type_text(elm['dataType']).removeprefix('FHIR:')} {template}{codes}]"


def _query(elm: Any) -> str:
    parts = ["from " + ", ".join(f"{dump(s['expression'])} {s['alias']}" for s in elm["source"])]
    parts += [f"let {each['identifier']}: {dump(each['expression'])}" for each in elm["let"]]
    for each in elm["relationship"]:
        source = f"{dump(each['expression'])} {each['alias']}"
        parts.append(f"{each['type'].lower()} {source} such that {dump(each['suchThat'])}")
    if "where" in elm:
        parts.append(f"where {dump(elm['where'])}")
    if "return" in elm:
        word = {False: "all ", True: "distinct ", None: ""}[elm["return"].get("distinct")]
        parts.append(f"return {word}{dump(elm['return']['expression'])}")
    if "aggregate" in elm:
        parts.append(_aggregate(elm["aggregate"]))
    if "sort" in elm:
        parts.append("sort " + ", ".join(map(_sort_key, elm["sort"]["by"])))
    return f"({' '.join(parts)})"


def _aggregate(elm: Any) -> str:
    word = {False: "all ", True: "distinct ", None: ""}[elm.get("distinct")]
    return f"aggregate {word}{elm['identifier']} starting {dump(elm['starting'])}: {dump(elm['expression'])}"


def _sort_key(elm: Any) -> str:
    what = f"by {elm['path']} " if "path" in elm else f"by {dump(elm['expression'])} " if "expression" in elm else ""
    return what + str(elm["direction"])


_REFERENCES = (
    *("ExpressionRef", "ParameterRef", "ValueSetRef", "CodeSystemRef", "CodeRef", "ConceptRef"),
    *("AliasRef", "QueryLetRef", "OperandRef", "IdentifierRef"),
)
_FORMS: dict[str, Any] = {
    **dict.fromkeys(_REFERENCES, _named),
    "Literal": _literal,
    "Null": lambda _: "null",
    "Quantity": lambda elm: f"{elm['value']} '{elm['unit']}'",
    "Property": _property,
    "FunctionRef": _function,
    "As": _cast,
    "Is": _typed("is", "isType"),
    "Interval": _interval,
    "List": lambda elm: f"{{{', '.join(map(dump, elm['element']))}}}",
    "Tuple": lambda elm: f"Tuple{{{_elements(elm)}}}",
    "Instance": lambda elm: f"{type_text(elm['classType'])}{{{_elements(elm)}}}",
    "Case": _case,
    "If": _if,
    "Retrieve": _retrieve,
    "Query": _query,
}
