"""pydantic's errors as mistakes with a place and the words that people use (R20)."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping

from pydantic import BaseModel, RootModel, ValidationError
from pydantic_core import ErrorDetails

from ivr.config.document import Document, Where
from ivr.config.kinds import Known
from ivr.config.mistakes import did_you_mean, one_of, printable, quoted
from ivr.config.strict import keys

T = typing.TypeVar("T", bound=BaseModel)


def validated(document: Document, model: type[T], known: Known) -> T | None:
    """The document as the model, or ``None`` with every mistake noted in the document."""
    if document.broken:
        return None
    try:
        found = model.model_validate(document.value, context=known)
    except ValidationError as failed:
        found = None
        errors = failed.errors(include_url=False)
        for error in errors:
            if not _written_wrong(error, errors):
                _say(document, model, error)
    for where, trap in document.traps.items():
        place = document.place(where)
        right = document.at(*where)
        document.say_at(place, f"{trap}, expected quotes, did you mean {quoted(str(right))}?")
    document.traps.clear()
    return found


def _written_wrong(error: ErrorDetails, errors: list[ErrorDetails]) -> bool:
    """Whether a missing key is there, but with a typing mistake that is reported anyway."""
    if error["type"] != "missing":
        return False
    *holder, name = error["loc"]
    wrong = [e["loc"][-1] for e in errors if e["type"] == "extra_forbidden"]
    near = [e for e in wrong if did_you_mean(str(e), [str(name)])]
    return any((*holder, e) in [x["loc"] for x in errors] for e in near)


def _say(document: Document, model: type[BaseModel], error: ErrorDetails) -> None:
    where: Where = error["loc"]
    kind = error["type"]
    # One value where a list is right is read as a list of one, which nobody wrote.
    alone = bool(where) and isinstance(where[-1], int) and where not in document.values
    where = where[:-1] if alone else where
    name = _name(where)
    value = error["input"]
    if where and where[-1] == "[key]":
        key = where[-2]
        what = "a name" if error["msg"].startswith("expected a name") else "a key"
        document.say(where[:-1], f"{quoted(str(key))} is {what}, {error['msg']}", at_key=True)
    elif kind == "extra_forbidden":
        keys = _keys_of(model, where[:-1])
        hint = did_you_mean(str(where[-1]), keys)
        document.say(where, f"unknown key {name}, expected {one_of(keys)}{hint}", at_key=True)
    elif kind == "missing":
        document.say(
            where[:-1], f"key {name} is missing, expected {_meaning(model, where)}", at_key=True
        )
    elif trap := document.traps.pop(where, None):
        plain = "expected a whole number in plain digits"
        right = plain if kind == "int_type" else _expected_there(model, error)
        document.say_at(document.place(where), f"{trap}, {right}")
    elif any(where[:cut] in document.spoiled for cut in range(len(where) + 1)):
        pass
    elif kind == "literal_error":
        document.say(where, f"{name} is {_found(value)}, {_expected_there(model, error)}")
    elif kind in ("too_short", "too_long"):
        items = len(value) if isinstance(value, list) else 0
        document.say(where, f"{name} has {items} items, {_expected(error)}")
    else:
        document.say(where, f"{name} is {_found(value)}, {_expected(error)}")


def _name(where: Where) -> str:
    for step in reversed(where):
        if isinstance(step, str):
            return quoted(step) if step == where[-1] else f"an item of {quoted(step)}"
    return "an item" if where else "the file"


def _found(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"the number {value}"
    if isinstance(value, str):
        return quoted(value)
    return "a mapping" if isinstance(value, dict) else "a list"


def _expected_there(model: type[BaseModel], error: ErrorDetails) -> str:
    if error["type"] != "literal_error":
        return _expected(error)
    words = typing.get_args(_bare(_annotation(model, error["loc"])))
    value = error["input"]
    hint = did_you_mean(value, words) if isinstance(value, str) else ""
    return f"expected {one_of(words)}{hint}"


def _expected(error: ErrorDetails) -> str:
    context: Mapping[str, object] = error.get("ctx") or {}
    match error["type"]:
        case "wrong":
            return printable(error["msg"])
        case "int_type":
            return "expected a whole number without quotes"
        case "bool_type":
            return "expected true or false"
        case "greater_than_equal":
            return f"expected {context['ge']} or more"
        case "less_than_equal":
            return f"expected {context['le']} or less"
        case "too_short":
            return f"expected {context['min_length']} or more"
        case "too_long":
            return f"expected {context['max_length']} or fewer"
        case "list_type":
            return 'expected a list: lines that begin with "- "'
        case "dict_type" | "model_type" | "model_attributes_type":
            return 'expected "key: value" lines'
    return f"expected something else ({printable(error['msg'])})"


def _bare(annotation: object) -> object:
    """The annotation without ``| None`` and ``Annotated``."""
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif typing.get_origin(annotation) in (typing.Union, types.UnionType):
            args = [a for a in typing.get_args(annotation) if a is not type(None)]
            annotation = args[0]
        else:
            return annotation


def _annotation(model: object, where: Where) -> object:
    """What the schema says at a place that it knows."""
    found: object = model
    for step in where:
        found = _bare(found)
        if isinstance(found, type) and issubclass(found, RootModel):
            found = _bare(found.model_fields["root"].annotation)
        if isinstance(found, type) and issubclass(found, BaseModel):
            found = keys(found)[str(step)].annotation
        else:
            found = typing.get_args(found)[-1]
    return _bare(found)


def _keys_of(model: type[BaseModel], where: Where) -> list[str]:
    found = _annotation(model, where)
    if isinstance(found, type) and issubclass(found, BaseModel):
        return list(keys(found))
    return []


def _meaning(model: type[BaseModel], where: Where) -> str:
    """What a missing key is for, out of the schema's own descriptions."""
    holder = _annotation(model, where[:-1])
    if isinstance(holder, type) and issubclass(holder, BaseModel):
        text = keys(holder)[str(where[-1])].description or ""
        first = " ".join(text.split()).rstrip(".")
        return f"{where[-1]}: <{first[:1].lower()}{first[1:]}>" if first else f"{where[-1]}: …"
    return f"{where[-1]}: …"
