"""The kinds of YAML files, and their JSON Schemas (R20).

What may stand in each is in the module of its name.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from ivr.config.schema.access import AccessFile
from ivr.config.schema.destinations import Destination, DestinationsFile, Queue
from ivr.config.schema.policy import DefaultCodes, DefaultOptOut, DefaultPause, Defaults, PolicyFile
from ivr.config.schema.prompts import CataloguePrompt, PromptsFile
from ivr.config.schema.retention import RetentionFile
from ivr.config.schema.routes import Route, RoutesFile
from ivr.config.schema.schedule import ScheduleFile
from ivr.config.schema.simulation import SimulationFile
from ivr.config.schema.site import EventSocket, Http, Limits, Log, Outbound, Render, SiteFile
from ivr.config.schema.team import (
    Codes,
    Languages,
    OptOut,
    OutOfHours,
    Overflow,
    Pause,
    TeamFile,
    TeamPrompts,
)

__all__ = [
    "AccessFile",
    "CataloguePrompt",
    "Codes",
    "DefaultCodes",
    "DefaultOptOut",
    "DefaultPause",
    "Defaults",
    "Destination",
    "DestinationsFile",
    "EventSocket",
    "FileModel",
    "Http",
    "Languages",
    "Limits",
    "Log",
    "OptOut",
    "OutOfHours",
    "Outbound",
    "Overflow",
    "Pause",
    "PolicyFile",
    "PromptsFile",
    "Queue",
    "Render",
    "RetentionFile",
    "Route",
    "RoutesFile",
    "ScheduleFile",
    "SimulationFile",
    "SiteFile",
    "TeamFile",
    "TeamPrompts",
    "json_schemas",
]

FileModel = SiteFile | PolicyFile | TeamFile | DestinationsFile | RoutesFile | PromptsFile

_FILES: dict[str, type[BaseModel]] = {
    "site": SiteFile,
    "policy": PolicyFile,
    "team": TeamFile,
    "destinations": DestinationsFile,
    "routes": RoutesFile,
    "prompts": PromptsFile,
    "simulation": SimulationFile,
    "retention": RetentionFile,
    "schedule": ScheduleFile,
    "access": AccessFile,
}


def json_schemas() -> dict[str, dict[str, Any]]:
    """A JSON Schema for each kind of file, by name, for editors (``ivr schema``)."""
    schemas = {}
    for name, model in _FILES.items():
        schema = _plain(model.model_json_schema())
        schemas[name] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return schemas


def _plain(schema: Any) -> Any:
    """The schema without nulls: a key that is left out is not a key that holds nothing."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {k: _plain(v) for k, v in schema.items() if not (k == "default" and v is None)}
    options = found.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        rest = [option for option in options if option != {"type": "null"}]
        del found["anyOf"]
        found = {**rest[0], **found} if len(rest) == 1 else {"anyOf": rest, **found}
    return found
