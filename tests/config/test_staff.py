"""Calls that staff make: whose route it is, who is called, and calls for help (R10)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.config.render import render
from ivr.config.settings import Configuration
from tests.config import staffed as town
from tests.config.conftest import build
from tests.config.staffed import said, staffed
from tests.config.switch import taken

ROUTE = """\
- name: more
  direction: {direction}
  numbers: [{number}]
{keys}  team: {team}
  destination: {destination}
"""


def route(
    number: str,
    keys: str = "",
    *,
    direction: str = "outbound",
    team: str = "customer-services",
    destination: str = "outside",
) -> str:
    return ROUTE.format(
        direction=direction, number=number, keys=keys, team=team, destination=destination
    )


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    """Made once for all examples."""
    return staffed(build(tmp_path_factory.mktemp("staff")))


@pytest.fixture(scope="module")
def xml(configuration: Configuration) -> str:
    return render(configuration)


@pytest.mark.parametrize(
    ("caller", "route_name", "dial"),
    [
        ("1101", "tax", "sofia/gateway/cheap/01427123456"),
        ("1234", "tax", "sofia/gateway/cheap/01427123456"),
        ("12", "staff", "sofia/gateway/provider/01427123456"),
        ("1001", "staff", "sofia/gateway/provider/01427123456"),
        ("", "staff", "sofia/gateway/provider/01427123456"),
    ],
)
def test_a_route_for_some_callers_comes_before_one_for_all(
    configuration: Configuration, caller: str, route_name: str, dial: str
) -> None:
    policy = configuration.policy_for("901427123456", caller=caller)
    assert policy
    assert (policy.route, policy.dial_string) == (route_name, dial)
    assert policy.announced == (route_name == "tax")


def test_the_route_that_the_dialplan_took_is_the_calls_own(configuration: Configuration) -> None:
    """FreeSWITCH knows whose password was proven; the engine sees what the telephone shows."""
    policy = configuration.policy_for("901427123456", caller="1001", route="tax")
    assert policy
    assert policy.route == "tax"
    other = configuration.policy_for("1001", caller="1001", route="tax")
    assert other
    assert other.route == "inside"


def test_calls_among_staff_are_internal(configuration: Configuration) -> None:
    policy = configuration.policy_for("1002", caller="1001")
    assert policy
    assert (policy.direction, policy.dial_string, policy.staff_call) == (
        "internal",
        "user/1002",
        True,
    )
    assert configuration.policy_for("1003", caller="1001") is None


@given(
    dialled=st.from_regex(r"9?[0-9]{2,14}", fullmatch=True)
    | st.sampled_from(["999", "9999", "112", "9112", "1001", "1999", "91999", "901427676699"]),
    caller=st.sampled_from(["1001", "1101", "12", "1299", "1299x", "07700900123", "a|1101", ""]),
    account=st.sampled_from(["", "1001", "1101", "1299"]),
)
def test_the_engine_and_the_rendered_dialplan_agree(
    configuration: Configuration, xml: str, dialled: str, caller: str, account: str
) -> None:
    """FreeSWITCH takes the first extension that fits, the engine what the configuration says."""
    call = taken(xml, "default", dialled, user_name=account, caller_id_number=caller)
    routed = [data for data in call.done("export") if data.startswith("ivr_route=")]
    policy = configuration.policy_for(dialled, caller=account or caller)
    if routed:
        assert policy
        assert routed == [f"ivr_route={policy.route}"]
        [number] = [d for d in call.done("set") if d.startswith("ivr_number=")]
        assert number.partition("=")[2] in policy.dial_string
        told = configuration.policy_for(dialled, route=policy.route)
        assert told == policy
    else:
        assert policy is None or not policy.staff_call


@pytest.mark.parametrize("number", ["999", "112", "9999", "9112"])
@pytest.mark.parametrize("account", ["1001", "1101", "1999"])
def test_a_call_for_help_is_bridged_at_once(
    configuration: Configuration, xml: str, number: str, account: str
) -> None:
    call = taken(xml, "default", number, user_name=account, caller_id_number=account)
    assert call.by == ("ivr-emergency",)
    assert call.actions == (
        ("export", "digits_dialed_filter=^(.+)$"),
        ("bridge", f"sofia/gateway/provider/{number[-3:]}"),
        ("hangup", ""),
    )
    assert configuration.policy_for(number, caller=account) is None
    assert taken(xml, "public", number).by == ()


def test_nothing_comes_before_a_call_for_help(configuration: Configuration, xml: str) -> None:
    """Also where a folder of both contexts includes the extensions."""
    assert xml.index('"ivr-emergency"') < xml.index('"ivr-exempt-to"', xml.index('"default"'))
    alone = render(configuration, whole_context=False)
    assert alone.index("<extension") == alone.index('<extension name="ivr-emergency"')


@pytest.mark.parametrize("key", ['from: ["1001"]', "from_team: true", "announce: true"])
def test_what_is_for_calls_of_staff_does_not_stand_in_a_route_of_callers(
    site_file: Path, key: str
) -> None:
    text = route('"0142"', f"  {key}\n", direction="inbound", destination="customer-services")
    town.write(site_file, routes=text)
    name = key.partition(":")[0]
    assert said(site_file) == [
        f'dialplan/routes.yaml:32:3: "{name}" is for calls that staff make, expected direction: '
        f"outbound or internal, or no {name}"
    ]


def test_a_team_without_extensions_has_no_calls_of_its_own(site_file: Path) -> None:
    town.write(site_file, routes=route('"80"', "  from_team: true\n"))
    assert said(site_file) == [
        'dialplan/routes.yaml:32:3: team "customer-services" has no extensions, expected them in '
        'dialplan/teams/customer-services.yaml, or from: ["1001"] instead'
    ]


CLAIMED = "number {} is claimed twice"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            route('"9*"'),
            CLAIMED.format('"9*"') + ", expected it in one route (dialplan/routes.yaml",
        ),
        (
            route('"9*"', '  from: ["1101"]\n'),
            CLAIMED.format('"9*"') + ' for calls from "1101", expected one route for each caller (',
        ),
        (route('"9*"', '  from: ["120*"]\n'), ' for calls from "120*", expected'),
        (route('"9*"', '  from: ["1*"]\n'), ' covers "1999"'),
        (route('"01427676676"'), CLAIMED.format('"01427676676"') + ", expected it in one route"),
        (route('"01427676676"', '  from: ["1001"]\n'), "expected it in one route"),
    ],
)
def test_a_number_is_claimed_once_for_each_caller(
    site_file: Path, text: str, expected: str
) -> None:
    town.write(site_file, routes=text.replace("  team", '  strip: "9"\n  team', 1))
    assert any(expected in mistake for mistake in said(site_file))


def test_other_callers_may_have_a_route_of_their_own(site_file: Path) -> None:
    keys = '  strip: "9"\n  from: ["1301", "14*"]\n'
    town.write(site_file, routes=route('"9*"', keys))
    assert said(site_file) == []
    config = town.load(site_file)
    for caller, name in (("1301", "more"), ("1455", "more"), ("1201", "tax"), ("1001", "staff")):
        policy = config.policy_for("901427123456", caller=caller)
        assert policy
        assert policy.route == name
        assert taken(render(config), "default", "901427123456", user_name=caller).last == (
            f"ivr-{name}:9"
        )


@pytest.mark.parametrize(
    ("number", "keys"), [("999", ""), ("9112", '  strip: "9"\n'), ("112", "  announce: true\n")]
)
def test_no_route_has_a_number_for_help(site_file: Path, number: str, keys: str) -> None:
    town.write(site_file, routes=route(f'"{number}"', keys))
    [mistake] = said(site_file)
    help_at = 13 if number == "999" else 20
    behind = 'behind the "9" that route "staff" strips ' if number == "9112" else ""
    assert mistake == (
        f'dialplan/routes.yaml:31:13: "{number}" is a number for help {behind}'
        f"(dialplan/policy.yaml:20:{help_at}), expected another: such calls go by no route"
    )


def test_nor_behind_what_another_route_strips(site_file: Path) -> None:
    """FreeSWITCH takes it for a call for help, before any route."""
    town.write(site_file, routes=route('"9112"', direction="internal", destination="inside"))
    [mistake] = said(site_file)
    assert '"9112" is a number for help behind the "9" that route "staff" strips' in mistake


def test_whoever_dials_an_extension_is_not_connected_to_the_emergency_services(
    site_file: Path,
) -> None:
    town.write(site_file, routes=route('"10*"', '  strip: "1"\n'), tax="")
    tax = Path("dialplan/teams/council-tax.yaml")
    tax.write_text(tax.read_text().replace('"1102"', '"1112"'))
    help_, exempt = said(site_file)
    assert exempt.startswith("dialplan/teams/council-tax.yaml:")
    assert '"1112" is a number for help behind the "1" that route "more" strips' in exempt
    assert help_.startswith("dialplan/policy.yaml:17:16: ")
    assert '"1999" is a number for help' in help_


@pytest.mark.parametrize("key", ["exempt", "emergency"])
def test_callers_do_not_arrive_where_staff_dial(site_file: Path, key: str) -> None:
    """There they could call out as if for help, and show the exempt extension's number."""
    town.write(site_file)
    for place in ("destinations", "routes"):
        path = Path(f"dialplan/{place}.yaml")
        path.write_text(town.GOOD[f"dialplan/{place}.yaml"])
    policy = Path("dialplan/policy.yaml")
    exempt, _, emergency = town.EXEMPT.partition("emergency:")
    only = exempt if key == "exempt" else f"emergency:{emergency}"
    policy.write_text(town.GOOD["dialplan/policy.yaml"] + only)
    assert said(site_file) == []
    site_file.write_text(site_file.read_text() + "render: {context: default}\n")
    [mistake] = said(site_file)
    assert "in which both callers' calls arrive and staff dial" in mistake
