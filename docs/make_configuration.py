"""Write the tables of ``docs/configuration.md`` from the models that check the YAML.

    .venv/bin/python docs/make_configuration.py

The text between the marks ``<!-- keys of NAME -->`` and ``<!-- end -->`` is replaced; the
rest of the page is written by hand. A test fails where the page is out of date.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel, RootModel
from pydantic.fields import FieldInfo

from ivr.config import schema
from ivr.config.kinds import Kind, NameOf
from ivr.config.strict import keys

PAGE = Path(__file__).with_name("configuration.md")
MODELS: dict[str, type[BaseModel]] = {
    "site": schema.SiteFile,
    "policy": schema.PolicyFile,
    "team": schema.TeamFile,
    "destinations": schema.DestinationsFile,
    "routes": schema.RoutesFile,
    "prompts": schema.PromptsFile,
    "simulation": schema.SimulationFile,
    "retention": schema.RetentionFile,
    "schedule": schema.ScheduleFile,
    "access": schema.AccessFile,
}
_MARKED = re.compile(r"(<!-- keys of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


class Row(NamedTuple):
    """One key of a file."""

    key: str
    default: str
    accepts: str
    meaning: str


def rows(model: type[BaseModel], above: str = "") -> Iterator[Row]:
    """Every key that may stand in a file of this model, the outer ones first."""
    if issubclass(model, RootModel):
        yield from _of_root(model)
        return
    for name, field in keys(model).items():
        key = f"{above}{name}"
        inner = _models(field.annotation)
        if not inner:
            yield Row(key, _default(field), _accepts(field), _line(field.description))
        elif _is_mapping(field.annotation):
            yield Row(f"{key}.<name>", _default(field), "a mapping", _line(field.description))
            yield from rows(inner[0], f"{key}.<name>.")
        else:
            yield from rows(inner[0], f"{key}.- " if _holds(field.annotation, list) else f"{key}.")


def table(model: type[BaseModel]) -> str:
    """The keys as a Markdown table."""
    lines = ["| key | default | accepts | meaning |", "|---|---|---|---|"]
    for row in rows(model):
        cells = (f"`{row.key}`", row.default, row.accepts, row.meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def filled(page: str) -> str:
    """The page with every marked table made anew."""
    return _MARKED.sub(lambda m: f"{m[1]}{table(MODELS[m[2]])}{m[3]}", page)


def _of_root(model: type[RootModel[Any]]) -> Iterator[Row]:
    annotation = model.model_fields["root"].annotation
    (inner,) = _models(annotation)
    yield from rows(inner, "<name>." if _is_mapping(annotation) else "- ")


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models inside a type: of a mapping's values, a list's items, or itself."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models(part)]


def _is_mapping(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) is dict


def _holds(annotation: Any, kind: type) -> bool:
    """Whether a type is a list, or a mapping, itself or beside None."""
    if get_origin(annotation) is Annotated:
        return _holds(get_args(annotation)[0], kind)
    if get_origin(annotation) in (Union, UnionType):
        return any(_holds(part, kind) for part in get_args(annotation))
    return get_origin(annotation) is kind


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    nothing = field.default is None or field.default_factory is not None
    return "" if nothing else f"`{json.dumps(field.default)}`"


def _parts(annotation: Any, metadata: list[Any]) -> Iterator[Any]:
    """All marks of a field, wherever in its type they stand, and all its literal words."""
    yield from metadata
    for part in get_args(annotation):
        if isinstance(part, (str, Kind)):
            yield part
        else:
            yield from _parts(part, list(getattr(part, "__metadata__", ())))
    if annotation in (int, dict, list):
        yield annotation


def _accepts(field: FieldInfo) -> str:
    kinds_of_value = (field.annotation, *get_args(field.annotation))
    if bool in kinds_of_value:
        return "`true` or `false`"
    if Literal[True] in kinds_of_value:
        return "`true`"
    marks = list(_parts(field.annotation, list(field.metadata)))
    for mark in marks:
        if isinstance(mark, FieldInfo):
            marks += mark.metadata
    words = [f"`{mark}`" for mark in marks if isinstance(mark, str)]
    if words:
        return " or ".join(words)
    kinds = [mark for mark in marks if isinstance(mark, Kind)]
    if kinds:
        kind = kinds[-1]
        text = _named(kind)
        if _holds(field.annotation, dict):
            return f"a mapping of {_named(kinds[0])} to {text}"
        least = next((mark.min_length for mark in marks if isinstance(mark, MinLen)), None)
        most = next((mark.max_length for mark in marks if isinstance(mark, MaxLen)), None)
        if least is None:
            return f"a list: {text}" if _holds(field.annotation, list) else text
        return f"a list of {least} to {most}: {text}" if most else f"a list: {text}"
    lowest = next((mark.ge for mark in marks if isinstance(mark, Ge)), None)
    highest = next((mark.le for mark in marks if isinstance(mark, Le)), None)
    if highest is None:
        return f"a whole number from {lowest}"
    return f"a whole number from {lowest} to {highest}"


def _named(kind: Kind) -> str:
    return f"the name of a {kind.kind}" if isinstance(kind, NameOf) else kind.expected


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


if __name__ == "__main__":
    before = PAGE.read_text(encoding="utf-8")
    after = filled(before)
    if "--check" in sys.argv:
        sys.exit("docs/configuration.md is out of date: run it" if after != before else 0)
    PAGE.write_text(after, encoding="utf-8")
