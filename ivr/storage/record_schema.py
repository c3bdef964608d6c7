"""The record as consumers may rely on it: a strict model and the JSON Schema of it (R22).

The engine writes records from ``ivr.core.record`` without this model, for speed; a test
holds the two together.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from ivr.core.record import SCHEMA
from ivr.errors import SpoolError

_Count = Annotated[int, Field(ge=0)]
_Peak = Annotated[int, Field(ge=0, le=32767, description="loudest sample; 0 is silence")]
_Moment = Annotated[
    str,
    StringConstraints(pattern=r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d(:\d\d)?)?$"),
    Field(description="ISO 8601 with milliseconds and offset; empty where it did not happen"),
]
_Hash = Annotated[
    str,
    StringConstraints(pattern=r"^([0-9a-f]{64})?$"),
    Field(description="SHA-256, lower-case hex; empty where there is no file"),
]
_Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
_Path = Annotated[
    str,
    StringConstraints(pattern=r"^(new/[0-9a-f-]{36}(\.[1-9][0-9]{0,3})?\.wav)?$"),
    Field(description="relative to the spool; empty where there is no file"),
]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class StepModel(_Strict):
    """One thing that happened; ``ms`` counts from the call's first entry."""

    what: str
    detail: str
    at: _Moment
    ms: _Count


class PromptModel(_Strict):
    """A prompt that was played, and how much of it was heard."""

    role: str
    name: str
    version: str
    language: str
    sha256: str
    length_ms: _Count
    heard_ms: _Count
    complete: bool
    missing: bool


class OptOutModel(_Strict):
    """What the caller did about opting out."""

    started: _Count
    returned: _Count
    confirmed: bool
    how: str
    reminders_repeated: _Count


class LegModel(_Strict):
    """Somebody the caller was connected to."""

    id: str
    """FreeSWITCH's id of the channel."""
    number: str
    """The number or extension that was reached."""
    at: _Moment


class PartModel(_Strict):
    """One audio file of the recording; ``offset_ms`` is where it begins on the time line."""

    path: _Path
    offset_ms: _Count
    frames: _Count
    size: _Count
    sha256: _Hash


class PausedSpanModel(_Strict):
    """One pause in one part of the recording, and what was found there when it was read back."""

    at: _Moment
    until: _Moment
    start_ms: _Count
    end_ms: _Count
    part: _Count
    by: str
    ended_by: str
    how: str
    keys_hidden: bool
    overdue: _Count
    guard_ms: _Count
    verdict: Literal["verified", "repaired", "nothing", "unproved"]
    peak: _Peak
    leaked_peak: _Peak


class MarkModel(_Strict):
    """A mark on the call: ``abuse``, or ``card-digits``."""

    mark: str
    by: str
    at: _Moment


class DestroyedModel(_Strict):
    """What was destroyed since the caller opted out, and when it was seen to be gone."""

    at: _Moment
    parts: _Count
    bytes: _Count


class RecordingModel(_Strict):
    """The recording, or why there is none."""

    state: Literal["kept", "none", "lost", "destroyed"]
    reason: str
    detail: str
    path: _Path
    format: str
    channels: _Count
    rate: _Count
    frames: _Count
    duration_ms: _Count
    size: _Count
    sha256: _Hash
    repaired: bool
    started_at: _Moment
    stopped_at: _Moment
    cause: str
    switch_ms: int
    missing_ms: int
    parts: list[PartModel]
    pauses: list[PausedSpanModel]
    unrecorded_ms: _Count
    destroyed: DestroyedModel | None


class EndedModel(_Strict):
    """Who ended the call and why; ``q850`` is 0 where unknown."""

    by: str
    cause: str
    q850: int
    reason: str


class DurationsModel(_Strict):
    """Milliseconds by the monotonic clock, ``wall_ms`` by the wall clock."""

    total_ms: _Count
    to_connect_ms: _Count
    connected_ms: _Count
    joined_ms: _Count
    wall_ms: int


class RecordModel(_Strict):
    """One call."""

    schema_version: Annotated[Literal[4], Field(alias="schema")]
    call: _Id
    host: str
    engine: str
    direction: str
    team: str
    route: str
    language: str
    number: str
    caller: str
    caller_name: str
    destination: str
    policy_version: str
    config_version: str
    arrived_at: _Moment
    connected_at: _Moment
    ended_at: _Moment
    durations: DurationsModel
    announcement: Literal["fully", "partly", "no"]
    prompts: list[PromptModel]
    opt_out: OptOutModel
    legs: tuple[LegModel, ...]
    """In the order in which they were connected."""
    recording: RecordingModel
    marks: list[MarkModel]
    ended: EndedModel
    taken_up: _Count
    """How many times an engine took up the call that another one had left."""
    steps: list[StepModel]


class ExemptModel(_Strict):
    """A call that the exempt extension took part in from its beginning: that there was one, and
    nothing else (R8)."""

    schema_version: Annotated[Literal[4], Field(alias="schema")]
    call: _Id
    exempt: Literal[True]
    day: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]
    host: str
    engine: str


def record_schema() -> dict[str, Any]:
    """The JSON Schema of a record of either kind, for consumers and editors."""
    both: TypeAdapter[RecordModel | ExemptModel] = TypeAdapter(RecordModel | ExemptModel)
    schema = both.json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = f"Record of a call, schema {SCHEMA}"
    return schema


def _of_now(data: bytes) -> bytes:
    """A record of an older schema as one of this; one that has what it could not, and anything
    else as it is, to be refused."""
    try:
        record = json.loads(data)
        said = record["schema"]
        if said == 1:
            _from_1(record)
        if said in (1, 2):
            _from_2(record)
        if said in (1, 2, 3):
            _from_3(record)
            return json.dumps(record).encode()
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    return data


def _is_exempt(data: bytes) -> bool:
    try:
        return "exempt" in json.loads(data)
    except (ValueError, TypeError, RecursionError):
        return False


def _from_1(record: dict[str, Any]) -> None:
    """Without pauses and marks. Raises KeyError where it has them."""
    sound = record["recording"]
    if "marks" in record or "pauses" in sound:
        raise KeyError("marks")
    record["marks"] = []
    sound |= {"pauses": [], "unrecorded_ms": 0}
    record["durations"]["joined_ms"] = record["durations"]["connected_ms"]


def _from_2(record: dict[str, Any]) -> None:
    """Never taken up, and its wall clock was that of its times. Raises KeyError where it says."""
    durations = record["durations"]
    if "taken_up" in record or "wall_ms" in durations:
        raise KeyError("taken_up")
    record["taken_up"] = 0
    times = [record[name] for name in ("arrived_at", "ended_at")]
    durations["wall_ms"] = 0
    if all(times):
        began, ended = map(datetime.fromisoformat, times)
        durations["wall_ms"] = (ended - began) // timedelta(milliseconds=1)


def _from_3(record: dict[str, Any]) -> None:
    """Never destroyed, and none of an exempt call. Raises KeyError where it says."""
    if "exempt" in record or "destroyed" in record["recording"]:
        raise KeyError("destroyed")
    record["schema"] = SCHEMA
    record["recording"]["destroyed"] = None


def parse_record(data: bytes, name: str) -> RecordModel:
    """A record of a call, read strictly; one of an older schema as if it were of this one.

    Raises SpoolError that names each field that is wrong, or that says that it is the record of
    an exempt call.
    """
    record = parse_either(data, name)
    if isinstance(record, ExemptModel):
        raise SpoolError(f"{name}: the record of an exempt call, of which nothing else is kept")
    return record


def parse_either(data: bytes, name: str) -> RecordModel | ExemptModel:
    """A record of either kind, read as :func:`parse_record` does. Raises SpoolError."""
    kind = ExemptModel if _is_exempt(data) else RecordModel
    try:
        return kind.model_validate_json(_of_now(data))
    except ValidationError as error:
        wrong = [
            f"  {'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise SpoolError("\n".join([f"{name}: not a record of schema {SCHEMA}", *wrong])) from error
