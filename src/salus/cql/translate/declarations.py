"""What a library declares before its statements: models, included libraries, terminology, parameters; and its types.

Source: CQL 1.5, Author's Guide, Library, Data Models, Terminology, Parameters; Developer's Guide, Libraries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from salus.cql import ast
from salus.cql import types as t
from salus.cql.conversions import Json
from salus.cql.diagnostics import did_you_mean
from salus.cql.models import ClassInfo, Model, choice_of, class_info, found_for, model, similar
from salus.cql.translate.core import UNKNOWN, Fault, Nothing, Typed
from salus.cql.translate.retrieves import of_class
from salus.elm.types import ANY, IntervalOf, ListOf, Named, TupleOf, Type

if TYPE_CHECKING:
    from salus.cql.translate.including import Finder
    from salus.cql.translate.library import LibraryScope

_SECTIONS: dict[type[ast.Node], tuple[str, str, Type]] = {
    ast.CodeSystemDef: ("codeSystems", "CodeSystemRef", t.CODE_SYSTEM),
    ast.ValueSetDef: ("valueSets", "ValueSetRef", t.VALUE_SET),
    ast.CodeDef: ("codes", "CodeRef", t.CODE),
    ast.ConceptDef: ("concepts", "ConceptRef", t.CONCEPT),
    ast.ParameterDef: ("parameters", "ParameterRef", ANY),
}


class Declarations:
    """The declarations of one library. A fault in one is reported and leaves the others standing. `stand_ins` are the
    includes that are read in another version than was asked for.
    """

    def __init__(self, library: LibraryScope, finder: Finder) -> None:
        self._library, self._finder = library, finder
        self.models: dict[str, Model] = {}
        self._other_versions: set[str] = set()
        self.stand_ins: set[str] = set()
        self.includes: dict[str, LibraryScope | None] = {}
        self.terms: dict[str, tuple[ast.Definition, str, Type]] = {}
        self.sections: dict[str, list[Json]] = {}

    def read(self) -> None:
        """Read them all, in the order of the text."""
        system = model("System")
        assert system is not None
        self._add("usings", {"localIdentifier": "System", "uri": system.url})
        readers: dict[type[ast.Node], Callable[[Any], None]] = {ast.Using: self._using, ast.Include: self._include}
        readers |= dict.fromkeys(_SECTIONS, self._term)
        for node in self._library.tree.definitions:
            if reader := readers.get(type(node)):
                self._guarded(reader, node)

    def _guarded(self, reader: Callable[[Any], None], node: ast.Definition) -> None:
        try:
            reader(node)
        except Fault as fault:
            self._library.report.error(fault.at, fault.message, fault.hint)
        except Nothing:
            pass

    def _add(self, section: str, elm: Json, node: ast.Node | None = None) -> None:
        self.sections.setdefault(section, []).append(self._library.tr.place(elm, node) if node else elm)

    def _using(self, node: ast.Using) -> None:
        name, version = node.name.text, node.version.value if node.version else None
        if name == "System":
            return
        found = model(name, version)
        if found is None:
            like = similar(name)
            raise Fault(node.name, f"there is no model {name}", f"did you mean {like}?" if like else "")
        alias = node.alias.text if node.alias else name
        if warning := found_for(name, version):
            self._library.report.warning(node, warning)
            self._other_versions.add(found.name)
        self.models[alias] = found
        stated = {"version": version} if version else {}
        self._add("usings", {"localIdentifier": alias, "uri": found.url, **stated}, node)

    def first_using(self) -> ast.Node:
        """Where the first model is named, for faults about models."""
        nodes = [node for node in self._library.tree.definitions if isinstance(node, ast.Using)]
        return nodes[0] if nodes else self._library.tree

    def _include(self, node: ast.Include) -> None:
        alias = node.alias.text if node.alias else node.name.parts[-1].text
        if alias in self.includes:
            raise Fault(node, f"{alias} already stands for another library")
        self.includes[alias] = None
        version = node.version.value if node.version else None
        found = self._finder.include(self._library, node, version)
        self.includes[alias] = found
        if version not in (None, found.version):
            self.stand_ins.add(alias)
        stated = found.version or version
        elm = {"localIdentifier": alias, "path": node.name.text, **({"version": stated} if stated else {})}
        self._add("includes", elm, node)

    def _term(self, node: Any) -> None:
        section, kind, type_ = _SECTIONS[type(node)]
        name = node.name.text
        if name in self.terms:
            raise Fault(node.name, f"there is already something called {name} in this library")
        self.terms[name] = (node, kind, UNKNOWN)
        elm = {"name": name, "accessLevel": (node.access or "public").capitalize()}
        if isinstance(node, ast.ParameterDef):
            more, type_ = self._parameter(node)
        else:
            more = _MAKERS[type(node)](self, node)
        self.terms[name] = (node, kind, type_)
        self._add(section, {**elm, **more}, node)

    def _parameter(self, node: ast.ParameterDef) -> tuple[Json, Type]:
        """A parameter has a type, or that of its default."""
        elm: Json = {}
        type_: Type | None = None
        if node.type is not None:
            type_ = self.type_of(node.type)
            elm["parameterTypeSpecifier"] = self.specifier(node.type)
        if node.default is not None:
            value = self._library.tr.known(node.default)
            converted = self._library.tr.convert(value, type_ or value.type, node.default, "the default")
            elm["default"], type_ = converted.elm, converted.type
        if type_ is None:
            raise Fault(node, f"parameter {node.name.text} has neither a type nor a default")
        return elm, type_

    def _code_system(self, node: ast.CodeSystemDef) -> Json:
        return {"id": node.id.value, **_version(node.version)}

    def _value_set(self, node: ast.ValueSetDef) -> Json:
        systems = [self.code_system(name) for name in node.systems]
        return {"id": node.id.value, **_version(node.version), **({"codeSystem": systems} if systems else {})}

    def _code(self, node: ast.CodeDef) -> Json:
        return {"id": node.id.value, **_display(node.display), "codeSystem": self.code_system(node.system)}

    def _concept(self, node: ast.ConceptDef) -> Json:
        codes = [self._named(name, "CodeRef", "code") for name in node.codes]
        return {**_display(node.display), "code": codes}

    def code_system(self, name: ast.QualifiedName) -> Json:
        """A reference to a code system, as definitions have it."""
        return self._named(name, "CodeSystemRef", "code system")

    def _named(self, name: ast.QualifiedName, kind: str, what: str) -> Json:
        """A reference to a term of this library or of an included one."""
        last, scope = name.parts[-1], {}
        owner = self
        if len(name.parts) > 1:
            alias = name.parts[0].text
            if alias not in self.includes:
                raise Fault(name, f"no included library is called {alias}", did_you_mean(alias, self.includes))
            owner = self._library.included(alias, name).declared
            scope = {"libraryName": alias}
        found = owner.terms.get(last.text)
        if found is None or found[1] != kind:
            known = [term for term, (_, of, _) in owner.terms.items() if of == kind]
            raise Fault(name, f"no {what} is called {last.text}", did_you_mean(last.text, known))
        return self._library.tr.place({"name": last.text, **scope}, name)

    def is_private(self, name: str) -> bool:
        """Whether a term is hidden from other libraries."""
        found = self.terms.get(name)
        return found is not None and getattr(found[0], "access", None) == "private"

    def reference(self, name: str) -> Typed | None:
        """A term as a value."""
        if name not in self.terms:
            return None
        _, kind, type_ = self.terms[name]
        if type_ == UNKNOWN:
            raise Nothing
        kept = {"preserve": True} if kind == "ValueSetRef" else {}
        return Typed({"type": kind, "name": name, **kept}, type_)

    # types

    def type_of(self, node: ast.TypeSpecifier) -> Type:
        """The type a specifier names."""
        match node:
            case ast.NamedType():
                return self.named_type(node)
            case ast.ListType(element=element):
                return ListOf(self.type_of(element))
            case ast.IntervalType(point=point):
                return IntervalOf(self.type_of(point))
            case ast.ChoiceType(choices=choices):
                return choice_of([self.type_of(each) for each in choices])
            case ast.TupleType(elements=elements):
                return TupleOf(tuple((each.name.text, self.type_of(each.type)) for each in elements))

    def specifier(self, node: ast.TypeSpecifier) -> Json:
        """The type as an ELM specifier, with the places of its parts."""
        spec = t.specifier(self.type_of(node))
        match node:
            case ast.ListType(element=inner):
                spec["elementType"] = self.specifier(inner)
            case ast.IntervalType(point=inner):
                spec["pointType"] = self.specifier(inner)
            case ast.ChoiceType(choices=choices) if spec["type"] == "ChoiceTypeSpecifier":
                placed = {self.type_of(each): self.specifier(each) for each in choices}
                whole = t.alternatives(self.type_of(node))
                spec["choice"] = [placed.get(each) or t.specifier(each) for each in whole]
        return self._library.tr.place(spec, node)

    def named_type(self, node: ast.NamedType) -> Named:
        """A type of a model in use, or of System."""
        info = self._find(node.name)
        if info is None:
            raise Fault(node, f"there is no type {node.name.text}", did_you_mean(node.name.text, self._type_names()))
        return info.name

    def retrievable(self, node: ast.NamedType) -> ClassInfo:
        """The class a retrieve names, by name or by label."""
        info = self._find(node.name) or self._labelled(node.name.text)
        if info is None:
            raise Fault(
                node, f"there is no data type {node.name.text}", did_you_mean(node.name.text, self._type_names())
            )
        return info

    def _labelled(self, label: str) -> ClassInfo | None:
        return next((found for each in self.models.values() if (found := each.find_label(label))), None)

    def _find(self, name: ast.QualifiedName) -> ClassInfo | None:
        """By the model before the dot; without one in the models in use, then in System."""
        first, *rest = (part.text for part in name.parts)
        if rest and (owner := self._model(first)):
            return self._in(owner, ".".join(rest))
        for owner in (*self.models.values(), self._model("System")):
            if owner and (found := self._in(owner, name.text)):
                return found
        return None

    def _in(self, owner: Model, name: str) -> ClassInfo | None:
        """A type of a model. One that is read for another version of it may not have the class itself (S-22)."""
        return owner.find(name) or (owner.stand_in(name) if owner.name in self._other_versions else None)

    def _model(self, name: str) -> Model | None:
        return self.models.get(name) or (model("System") if name == "System" else None)

    def _type_names(self) -> list[str]:
        system = model("System")
        used = [*self.models.values(), *([system] if system else [])]
        return [name for each in used for name in each.names()]

    def context(self, node: ast.ContextDef) -> Typed | None:
        """A retrieve of the context's own resource; None for a context no model knows, which is reported."""
        models = (
            [self.models[node.model.text]] if node.model and node.model.text in self.models else self.models.values()
        )
        for each in models:
            if found := each.contexts.get(node.name.text):
                info = class_info(found.class_type)
                assert info is not None
                return Typed(of_class(info), info.name)
        known = [name for each in self.models.values() for name in each.contexts]
        hint = did_you_mean(node.name.text, [*known, "Unfiltered"])
        self._library.report.error(node, f"there is no context {node.name.text}", hint)
        return None

    def patient_model(self) -> Model | None:
        """The model whose patient the age functions mean."""
        return next((each for each in self.models.values() if each.birth_date), None)


_MAKERS: dict[type[ast.Node], Callable[[Declarations, Any], Json]] = {
    ast.CodeSystemDef: Declarations._code_system,
    ast.ValueSetDef: Declarations._value_set,
    ast.CodeDef: Declarations._code,
    ast.ConceptDef: Declarations._concept,
}


def _version(version: ast.StringLiteral | None) -> Json:
    return {"version": version.value} if version else {}


def _display(display: ast.StringLiteral | None) -> Json:
    return {"display": display.value} if display else {}
