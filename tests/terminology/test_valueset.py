"""Value sets: from expansions and definitions to codes, and what is said when that is not possible."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salus.errors import SalusError
from salus.terminology.valueset import MissingValueSet, Terminology
from salus.terminology.versions import newest, split_canonical

URL = "http://example.org/ValueSet/"


def value_set(name: str, **fields: Any) -> dict[str, Any]:
    return {"resourceType": "ValueSet", "url": URL + name, **fields}


def concepts(system: str, *codes: str) -> dict[str, Any]:
    return {"system": system, "concept": [{"code": code} for code in codes]}


def includes(*clauses: dict[str, Any], exclude: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"include": list(clauses), "exclude": list(exclude)}


def contains(*codes: str, system: str = "s", **fields: Any) -> list[dict[str, Any]]:
    return [{"system": system, "code": code, **fields} for code in codes]


def codes(terminology: Terminology, name: str, version: str | None = None) -> set[tuple[str, str]]:
    return set(terminology.lookup(URL + name, version, "a test").codes)


def test_what_a_definition_lists_is_a_member_though_an_older_expansion_lacks_it() -> None:
    resource = value_set("a", expansion={"contains": contains("1", "2")}, compose=includes(concepts("s", "2", "9")))
    terminology = Terminology([resource])
    assert codes(terminology, "a") == {("s", "1"), ("s", "2"), ("s", "9")}
    assert terminology.warnings == [
        "the definitions of 1 value sets list 1 codes that their expansions, made with older editions, do not hold; "
        f"they count as members: {URL}a (1)"
    ]


def test_a_definition_counts_through_the_sets_it_refers_to() -> None:
    grouping = value_set("a", expansion={"contains": contains("1")}, compose=includes({"valueSet": [URL + "b"]}))
    member = value_set("b", expansion={"contains": contains("1")}, compose=includes(concepts("s", "1", "2")))
    assert codes(Terminology([grouping, member]), "a") == {("s", "1"), ("s", "2")}


def test_a_definition_that_does_not_tell_its_codes_leaves_the_expansion_as_it_is() -> None:
    by_filter = {"system": "s", "filter": [{"property": "concept", "op": "is-a", "value": "1"}]}
    resource = value_set("a", expansion={"contains": contains("1", "2")}, compose=includes(by_filter))
    terminology = Terminology([resource])
    assert codes(terminology, "a") == {("s", "1"), ("s", "2")}
    assert terminology.warnings == []


def test_nested_expansions_leave_out_abstract_entries_and_keep_inactive_codes() -> None:
    inner = [*contains("2", inactive=True), *contains("3")]
    outer = [
        *contains("1", abstract=True, contains=inner),
        {"display": "a heading", "contains": contains("4")},
    ]
    terminology = Terminology([value_set("a", expansion={"contains": outer})])
    assert codes(terminology, "a") == {("s", "2"), ("s", "3"), ("s", "4")}


def test_a_definition_adds_clauses_and_takes_exclusions_off() -> None:
    compose = includes(concepts("s", "1", "2"), concepts("t", "1"), exclude=(concepts("s", "2"),))
    assert codes(Terminology([value_set("a", compose=compose)]), "a") == {("s", "1"), ("t", "1")}


def test_one_clause_means_what_all_its_parts_share() -> None:
    small = value_set("small", expansion={"contains": contains("1", "2", "3")})
    other = value_set("other", compose=includes(concepts("s", "2", "3", "4")))
    clause = {**concepts("s", "3", "4"), "valueSet": [URL + "small", URL + "other"]}
    both = value_set("both", compose=includes(clause))
    assert codes(Terminology([small, other, both]), "both") == {("s", "3")}


@pytest.mark.parametrize(
    ("clause", "words"),
    [
        ({"system": "http://loinc.org"}, "all of http://loinc.org"),
        ({"system": "http://loinc.org", "filter": [{"property": "x"}]}, "a filter on http://loinc.org"),
        ({}, "names nothing"),
    ],
)
def test_what_only_a_server_could_expand_is_refused_by_name(clause: dict[str, Any], words: str) -> None:
    with pytest.raises(MissingValueSet, match=words) as caught:
        codes(Terminology([value_set("a", compose=includes(clause))]), "a")
    assert URL + "a" in str(caught.value)
    assert "a test" in str(caught.value)


def test_a_set_without_content_is_refused() -> None:
    with pytest.raises(MissingValueSet, match="neither an expansion nor a definition"):
        codes(Terminology([value_set("a")]), "a")


def test_a_set_that_refers_to_itself_is_refused() -> None:
    loop = [value_set("a", compose=includes({"valueSet": [URL + "b"]}))]
    loop += [value_set("b", compose=includes({"valueSet": [URL + "a"]}))]
    with pytest.raises(MissingValueSet, match="defined by itself"):
        codes(Terminology(loop), "a")


def test_a_cut_expansion_is_made_whole_by_its_definition() -> None:
    expansion = {"total": 3, "contains": contains("1")}
    whole = value_set("a", expansion=expansion, compose=includes(concepts("s", "1", "2", "3")))
    terminology = Terminology([whole])
    assert len(codes(terminology, "a")) == 3
    assert terminology.warnings == [
        f"value set {URL}a: its expansion is cut (1 of 3 codes); its definition gives the rest, 3 codes are used"
    ]


@pytest.mark.parametrize("compose", [includes({"valueSet": [URL + "gone"]}), includes(concepts("s", "2"))])
def test_a_cut_expansion_that_cannot_be_made_whole_is_told(compose: dict[str, Any]) -> None:
    expansion = {"total": 4, "contains": contains("1")}
    terminology = Terminology([value_set("a", expansion=expansion, compose=compose)])
    assert ("s", "1") in codes(terminology, "a")
    assert [w for w in terminology.warnings if "codes are missing" in w]


@pytest.mark.parametrize(
    "expansion",
    [
        {"parameter": [{"name": "limitedExpansion", "valueBoolean": True}], "contains": contains("1")},
        {"parameter": [{"name": "count", "valueInteger": 1}], "contains": contains("1")},
        {
            "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/valueset-toocostly"}],
            "contains": contains("1"),
        },
    ],
)
def test_an_expansion_that_says_it_is_limited_is_told(expansion: dict[str, Any]) -> None:
    terminology = Terminology([value_set("a", expansion=expansion)])
    codes(terminology, "a")
    assert "limited (1 codes)" in terminology.warnings[0]


def test_a_whole_expansion_is_not_warned_about() -> None:
    expansion = {"total": 1, "parameter": [{"name": "count", "valueInteger": 1}], "contains": contains("1")}
    terminology = Terminology([value_set("a", expansion=expansion)])
    codes(terminology, "a")
    assert terminology.warnings == []


def test_an_empty_expansion_is_told() -> None:
    terminology = Terminology([value_set("a", expansion={"total": 0})])
    assert codes(terminology, "a") == set()
    assert "no codes at all" in terminology.warnings[0]


def test_versions_are_exact_and_the_newest_is_the_default() -> None:
    terminology = Terminology(
        value_set("a", version=version, expansion={"contains": contains(version)}) for version in ("2.10", "2.9")
    )
    assert codes(terminology, "a") == {("s", "2.10")}
    assert codes(terminology, "a", "2.9") == {("s", "2.9")}
    assert codes(terminology, "a|2.9") == {("s", "2.9")}
    with pytest.raises(MissingValueSet, match=r"a\|3 is not in the content; there is 2\.10, 2\.9"):
        codes(terminology, "a", "3")


def test_json_bytes_and_oids_are_understood() -> None:
    resource = value_set("a", identifier=[{"value": "urn:oid:1.2.3"}], expansion={"contains": contains("1")})
    terminology = Terminology([json.dumps(resource).encode()])
    assert terminology.lookup("urn:oid:1.2.3").codes == codes(terminology, "a")


def test_a_damaged_resource_is_an_error() -> None:
    with pytest.raises(SalusError, match="cannot be read"):
        Terminology([value_set("a", version=3)])


def test_the_same_set_twice_with_other_codes_is_told() -> None:
    twice = [value_set("a", expansion={"contains": contains(code)}) for code in "12"]
    terminology = Terminology(twice)
    assert codes(terminology, "a") == {("s", "1")}
    assert "more than once with different codes" in terminology.warnings[0]


def test_a_missing_set_may_be_allowed_but_never_silently() -> None:
    terminology = Terminology(allow_missing=True)
    assert codes(terminology, "gone") == set()
    terminology.lookup(URL + "gone", None, "another library")
    assert terminology.missing == {URL + "gone": ["a test", "another library"]}
    assert len(terminology.warnings) == 2


def test_versions_sort_by_number() -> None:
    assert newest(["0.9.000", None, "0.10.000", "Draft 2"]) == "0.10.000"
    assert split_canonical("http://x|1#frag") == ("http://x", "1")


def test_every_published_set_is_read(shared_data: Callable[[str], Path]) -> None:
    lines = shared_data("ecqm/content/ValueSet.ndjson").read_bytes().splitlines()
    terminology = Terminology(lines)
    total = sum(len(terminology.lookup(json.loads(line)["url"]).codes) for line in lines)
    completed = [w for w in terminology.warnings if "gives the rest" in w]
    cut = [w for w in terminology.warnings if "codes are missing" in w]
    assert (len(lines), len(completed), len(cut)) == (985, 13, 8)
    assert total > 110_000


TREE: dict[str, Any] = {
    "resourceType": "CodeSystem",
    "url": "s",
    "version": "1",
    "content": "complete",
    "concept": [
        {
            "code": "group",
            "property": [{"code": "notSelectable", "valueBoolean": True}],
            "concept": [{"code": "a", "concept": [{"code": "a1"}]}, {"code": "b"}],
        },
        {"code": "c", "display": "See b", "property": [{"code": "parent", "valueCode": "b"}]},
        {"code": "d", "property": [{"code": "kind", "valueCoding": {"code": "old"}}]},
    ],
}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], "a a1 b c d"),
        ([("concept", "is-a", "a")], "a a1"),
        ([("concept", "descendent-of", "group")], "a a1 b c"),
        ([("concept", "is-not-a", "a")], "b c d"),
        ([("kind", "=", "old")], "d"),
        ([("kind", "exists", "false"), ("code", "in", "a, d")], "a"),
        ([("code", "not-in", "a,a1,b")], "c d"),
        ([("display", "regex", "See .*")], "c"),
        ([("concept", "is-a", "nowhere")], ""),
    ],
)
def test_a_code_system_that_is_there_whole_tells_what_a_definition_leaves_to_it(
    filters: list[tuple[str, str, str]], expected: str
) -> None:
    asked = [{"property": name, "op": op, "value": value} for name, op, value in filters]
    terminology = Terminology(
        [value_set("a", compose=includes({"system": "s", **({"filter": asked} if asked else {})}))]
    )
    terminology.add_system(TREE)
    assert {code for _, code in codes(terminology, "a")} == set(expected.split())


@pytest.mark.parametrize(
    ("system", "part"),
    [
        (TREE | {"content": "fragment"}, {}),
        (TREE, {"version": "2"}),
        (TREE, {"filter": [{"property": "concept", "op": "generalizes", "value": "a"}]}),
    ],
)
def test_a_code_system_in_part_or_another_version_tells_nothing(system: dict[str, Any], part: dict[str, Any]) -> None:
    terminology = Terminology([value_set("a", compose=includes({"system": "s", **part}))])
    terminology.add_system(system)
    with pytest.raises(MissingValueSet, match=r"cannot be expanded: it .*is defined as (all of|a filter on) s"):
        codes(terminology, "a")


def test_the_pages_of_an_expansion_are_put_together() -> None:
    def page(offset: int, *there: str) -> dict[str, Any]:
        return value_set("a", version="1", expansion={"total": 3, "offset": offset, "contains": contains(*there)})

    terminology = Terminology([page(2, "3"), page(0, "1", "2")])
    assert codes(terminology, "a") == {("s", "1"), ("s", "2"), ("s", "3")}
    assert terminology.warnings == []
    terminology = Terminology([page(0, "1", "2")])
    assert len(codes(terminology, "a")) == 2
    assert "cut (2 of 3 codes)" in terminology.warnings[0]


OID = "2.16.840.1.113883.3.464.1003.101.12.1001"


@pytest.mark.parametrize("url", [f"http://cts.nlm.nih.gov/fhir/ValueSet/{OID}", f"urn:oid:{OID}", OID])
@pytest.mark.parametrize("asked", [f"http://cts.nlm.nih.gov/fhir/ValueSet/{OID}", f"urn:oid:{OID}", f"{OID}|1"])
def test_an_oid_is_one_name_however_it_is_written(url: str, asked: str) -> None:
    terminology = Terminology([{**value_set("a", version="1", expansion={"contains": contains("1")}), "url": url}])
    assert terminology.lookup(asked).codes == {("s", "1")}


@pytest.mark.parametrize(
    ("concept", "pattern", "why"),
    [({"display": "no code"}, "a.*", "a concept without a code"), ({"code": "a"}, "(", "regex")],
)
def test_what_is_wrong_with_a_code_system_or_a_filter_is_said(concept: dict[str, str], pattern: str, why: str) -> None:
    asked = {"property": "code", "op": "regex", "value": pattern}
    terminology = Terminology([value_set("a", compose=includes({"system": "s", "filter": [asked]}))])
    terminology.add_system({"resourceType": "CodeSystem", "url": "s", "content": "complete", "concept": [concept]})
    with pytest.raises(MissingValueSet, match=f"cannot be expanded: it is defined as a filter on s .*{why}"):
        codes(terminology, "a")
