"""Editors are told what the loader accepts, and the shipped files say where (R20)."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Annotated

import jsonschema
import pytest
from click.testing import CliRunner
from pydantic import TypeAdapter, ValidationError

from ivr.cli import main
from ivr.config import addresses, groups, kinds, telephone, times
from ivr.config.load import load
from ivr.config.reading import read
from ivr.config.schema import json_schemas

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "deploy/schemas"
SHIPPED = {
    "deploy/ivr.yaml": "site",
    "dialplan/policy.yaml": "policy",
    "dialplan/destinations.yaml": "destinations",
    "dialplan/routes.yaml": "routes",
    "dialplan/teams/customer-services.yaml": "team",
    "dialplan/teams/council-tax.yaml": "team",
    "prompts/en-GB.yaml": "prompts",
    "prompts/cy-GB.yaml": "prompts",
}


def test_the_committed_schemas_are_what_the_code_says(tmp_path: Path) -> None:
    CliRunner().invoke(main, ["schema", str(tmp_path)], catch_exceptions=False)
    written = sorted(tmp_path.glob("*.json"))
    assert {path.name for path in written} == {path.name for path in SCHEMAS.glob("*.json")}
    for path in written:
        committed = (SCHEMAS / path.name).read_text(encoding="utf-8")
        assert committed == path.read_text(encoding="utf-8"), "run `make schemas` to renew it"


@pytest.mark.parametrize("name", json_schemas())
def test_schemas_are_right_and_forbid_what_is_unknown(name: str) -> None:
    schema = json_schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    for part in [schema, *schema.get("$defs", {}).values()]:
        if "properties" in part:
            assert part["additionalProperties"] is False
            assert all("description" in key or "$ref" in key for key in part["properties"].values())


@pytest.mark.parametrize(("file", "name"), SHIPPED.items())
def test_shipped_files_fit_their_schema_and_name_it(file: str, name: str) -> None:
    document = read(ROOT / file)
    assert not document.mistakes
    jsonschema.Draft202012Validator(json_schemas()[name]).validate(document.value)
    first = document.data.decode().splitlines()[0]
    found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert found
    named = ((ROOT / file).parent / found[1]).resolve()
    assert json.loads(named.read_text()) == json_schemas()[name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("routes", [{"name": "a", "numbers": ["0142 7"], "team": "b", "destination": "c"}]),
        ("routes", [{"name": "a", "numbers": ["01427"], "team": "b"}]),
        ("destinations", {"a": {"dial": 1001}}),
        ("team", {"name": "A", "ring": 30}),
        ("team", {"name": "A", "ring": None}),
        ("team", {"name": "A", "opt_out": {"keys": "*#A"}}),
        ("team", {"name": "A", "colour": "red"}),
        ("team", {"name": "A", "pause": {"codes": {"pause": "7"}}}),
        ("team", {"name": "A", "pause": {"card_digits": 4}}),
        ("team", {"name": "A", "pause": {"card_digits": "8"}}),
        ("destinations", {"a": {"dial": "user/1", "payment_line": "yes"}}),
        ("routes", [{"name": "a", "numbers": ["9X"], "team": "b", "destination": "c"}]),
        ("team", {"name": "A", "hours": {"mon": "9-17"}}),
        ("team", {"name": "A", "hours": {"mon": []}}),
        ("team", {"name": "A", "closed_on": ["24 December"]}),
        ("team", {"name": "A", "holidays": "wales"}),
        ("team", {"name": "A", "overflow": [{"prompt": "overflow"}]}),
        ("team", {"name": "A", "languages": {"wait": "5s"}}),
        ("team", {"name": "A", "opt_out": {"connected": "yes"}}),
        ("destinations", {"a": {"dial": "user/1", "ring": "round", "members": ["1001"]}}),
        ("destinations", {"a": {"ring": "round"}}),
        ("destinations", {"a": {"queue": {"members": []}}}),
        ("destinations", {"a": {}}),
        ("policy", {"version": "1"}),
        ("site", {"spool": "x"}),
        ("prompts", {"language": "en-GB", "voice": "x", "prompts": {"a": {"version": 1}}}),
    ],
)
def test_schemas_refuse_what_the_loader_refuses(name: str, value: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(json_schemas()[name]).validate(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("team", {"name": "A", "pause": {"codes": {"pause": "", "resume": "#7*"}}}),
        ("team", {"name": "A", "pause": {"card_digits": "never"}}),
        ("team", {"name": "A", "pause": {"card_digits": 8}}),
        ("destinations", {"a": {"dial": "user/1", "payment_line": True, "numbers": ["15"]}}),
        ("routes", [{"name": "a", "numbers": ["9*"], "team": "b", "destination": "c"}]),
        ("team", {"name": "A", "hours": {"mon-fri": "09:00-24:00", "sat": "closed"}}),
        ("team", {"name": "A", "hours": {"mon": ["09:00-12:00", "13:00-17:00"]}}),
        ("team", {"name": "A", "languages": {"keys": {"1": "en-GB", "#": "cy-GB"}}}),
        ("team", {"name": "A", "opt_out": {"connected": "destroy"}}),
        ("destinations", {"a": {"ring": "round", "members": ["1001", "user/1002"]}}),
        ("destinations", {"a": {"queue": {"members": ["1001"], "every": "45s"}}}),
    ],
)
def test_schemas_accept_what_the_loader_accepts(name: str, value: object) -> None:
    jsonschema.Draft202012Validator(json_schemas()[name]).validate(value)


TEXTS = (
    "a", "a b", "user/1001", "+441427676676", "9*", "10*", "*#*", "*7", "", "08:30-17:00",
    "08:30-24:00", "closed", "2026-02-28", "en-GB", "1s", "1500ms", "5m", "10MB", "mon", "mon-fri",
    "local_stream://moh", "/x.wav", "127.0.0.1:8084", "[::1]:5", "Europe/London", "é", "2.0", "1",
    "1001", "never",
)  # fmt: skip


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for module in (addresses, groups, kinds, telephone, times)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, kinds.Kind) and kind is not kinds.NameOf
    ],
)
def test_no_editor_marks_what_the_loader_accepts(kind: type[kinds.Kind]) -> None:
    """It sees less: one file, no ranges; what it marks is wrong."""
    asked = TypeAdapter(Annotated[str, kind()])
    schema = jsonschema.Draft202012Validator(asked.json_schema())
    accepted = []
    for text in TEXTS:
        with contextlib.suppress(ValidationError):
            accepted.append(asked.validate_python(text))
    assert accepted
    assert [text for text in accepted if not schema.is_valid(text)] == []


def test_the_shipped_configuration_is_right() -> None:
    config = load(ROOT / "deploy/ivr.yaml")
    main, tax = config.policy_for("01427676676"), config.policy_for("01427676690")
    assert main
    assert tax
    assert (main.team, tax.team) == ("customer-services", "council-tax")
    assert (main.opt_out_keys, main.return_key) == ("*#*", "1")
    assert main.announcement.name == "announcement"
    assert tax.announcement.name == "announcement-council-tax"
    assert (main.pausing.codes.pause, tax.pausing.codes.pause) == ("*7", "#70")
    assert (main.pausing.card_digits, tax.pausing.card_digits) == (0, 8)
    assert main.pausing.lines == {"1500"}
    assert main.dial_string == "user/1001,user/1002,user/1003"
    assert tax.dial_string == "user/1101|user/1102"
    assert config.extensions["council-tax"] == ("1101", "1102")
    assert [route.hours for route in config.routes] == [None] * len(config.routes)
    staff = config.policy_for("901427676600")
    assert staff
    assert (staff.direction, staff.dial_string) == (
        "outbound",
        "sofia/gateway/provider/01427676600",
    )
    assert config.site.spool == ROOT / "var/spool"
    assert str(config.site.freeswitch.address) == "127.0.0.1:8021"
