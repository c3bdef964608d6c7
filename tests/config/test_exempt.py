"""Whatever would have a call with the exempt extension recorded is refused (R8)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.config.load import check, load
from tests.config import staffed as town
from tests.config.conftest import build
from tests.config.staffed import said, staffed

ITS = "dialplan/policy.yaml:17:16"
"""Where the exempt extension stands."""
ROUTE = """\
- name: more
  direction: {direction}
  numbers: [{number}]
{keys}  team: customer-services
  destination: {destination}
"""


def route(number: str, *, direction: str = "inbound", keys: str = "", to: str = "outside") -> str:
    destination = "customer-services" if direction == "inbound" else to
    return ROUTE.format(direction=direction, number=number, keys=keys, destination=destination)


def changed(place: str, old: str, new: str) -> None:
    path = Path(place)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


REFUSED = [
    (
        "routes",
        route('"1999"'),
        f'"1999" is the exempt extension ({ITS}), expected another: calls with it are never '
        "recorded",
    ),
    (
        "routes",
        route('"+441427676699"'),
        f'"+441427676699" is a number of the exempt extension "1999" ({ITS}), expected another',
    ),
    (
        "routes",
        route('"91999"', direction="outbound", keys='  strip: "9"\n'),
        f'"91999" is the exempt extension ({ITS}), expected another',
    ),
    (
        "routes",
        route('"1*"', direction="internal"),
        f'"1*" covers "1999", which is the exempt extension ({ITS}), expected beginnings or '
        "numbers without it",
    ),
    (
        "routes",
        route('"08*"', direction="outbound", keys='  from: ["1001", "1999"]\n'),
        f'"1999" is the exempt extension ({ITS})',
    ),
    (
        "routes",
        route('"08*"', direction="outbound", keys='  from: ["19*"]\n'),
        f'"19*" covers "1999", which is the exempt extension ({ITS})',
    ),
    (
        "destinations",
        'x:\n  dial: "user/1001,user/1999"\n',
        f'"user/1001,user/1999" reaches "1999", which is the exempt extension ({ITS}), expected it '
        "nowhere here: it is called by dialling it, and never recorded",
    ),
    ("destinations", 'x:\n  dial: "user/1999@council.example"\n', 'reaches "1999"'),
    ("destinations", 'x:\n  dial: "sofia/internal/1999@10.0.0.1"\n', 'reaches "1999"'),
    ("destinations", 'x:\n  dial: "sofia/internal/1999%council.example"\n', 'reaches "1999"'),
    ("destinations", 'x:\n  dial: "sofia/internal/sip:1999@10.0.0.1:5060"\n', 'reaches "1999"'),
    ("destinations", 'x:\n  dial: "loopback/1999/default"\n', 'reaches "1999"'),
    (
        "destinations",
        'x:\n  dial: "sofia/gateway/provider/01427676699"\n',
        f'reaches "01427676699", which is a number of the exempt extension "1999" ({ITS})',
    ),
    ("destinations", 'x:\n  dial: "sofia/gateway/p/441427676699"\n', 'reaches "01427676699"'),
    ("destinations", 'x:\n  dial: "[api_on_answer=x 1999]user/1001"\n', 'reaches "1999"'),
    (
        "destinations",
        'x:\n  dial: "group/all@council.example"\n',
        '"group/all@council.example" cannot be seen through, and the exempt extension "1999" '
        f'({ITS}) may be behind it, expected the telephones themselves, such as "user/1001"',
    ),
    ("destinations", 'x:\n  dial: "user/1001|loopback/2000/default"\n', '"loopback/2000/default"'),
    ("destinations", 'x:\n  dial: "${group_call(all)}"\n', '"${group_call(all)}" cannot be seen'),
    ("destinations", 'x:\n  ring: at-once\n  members: ["1001", "1999"]\n', 'reaches "1999"'),
    ("destinations", 'x:\n  queue:\n    members: ["1999"]\n', 'reaches "1999"'),
    (
        "destinations",
        'x:\n  dial: "user/1500"\n  payment_line: true\n  numbers: ["01427676699"]\n',
        'is a number of the exempt extension "1999"',
    ),
    ("tax", 'pause: {codes: {abuse: "*1999"}}\n', '"*1999" is the exempt extension'),
    ("routes", route('"00441427676699"'), '"00441427676699" is a number of the exempt extension'),
    ("routes", route('"676699"'), '"676699" is a number of the exempt extension'),
    (
        "routes",
        route('"9676699"', direction="outbound", keys='  strip: "9"\n'),
        '"9676699" is a number of the exempt extension',
    ),
    (
        "routes",
        route('"08*"', direction="outbound", keys='  from: ["441427676699"]\n'),
        '"441427676699" is a number of the exempt extension',
    ),
    (
        "routes",
        route('"08*"', direction="outbound", keys='  from: ["4414*"]\n'),
        '"4414*" covers "01427676699"',
    ),
    ("destinations", 'x:\n  dial: "sofia/gateway/p/01427-676699"\n', 'reaches "01427676699"'),
    ("destinations", 'x:\n  dial: "sofia/gateway/p/676699"\n', 'reaches "01427676699"'),
    ("destinations", 'x:\n  dial: "sofia/internal/1%3999@h"\n', 'reaches "1999"'),
    ("destinations", "x:\n  dial: '[api_on_answer=x\\s1999]user/1001'\n", 'reaches "1999"'),
]


@pytest.mark.parametrize(("file", "text", "expected"), REFUSED)
def test_what_would_record_it_is_refused(
    site_file: Path, file: str, text: str, expected: str
) -> None:
    town.write(site_file, **{file: text})
    [mistake] = said(site_file)
    folder = "dialplan/teams/council-tax" if file == "tax" else f"dialplan/{file}"
    assert mistake.startswith(f"{folder}.yaml:")
    assert expected in mistake
    assert ITS in mistake


@pytest.mark.parametrize(
    ("place", "old", "new"),
    [
        ("dialplan/teams/council-tax.yaml", '"1102"', '"1999"'),
        ("dialplan/policy.yaml", '"112"', '"1999"'),
        ("dialplan/policy.yaml", "provider/$number", "provider/1999"),
        ("dialplan/policy.yaml", 'keys: "*#*"', 'keys: "*1999#"'),
        ("dialplan/teams/council-tax.yaml", 'keys: "##"', 'keys: "1999"'),
    ],
)
def test_so_it_is_in_teams_and_in_the_policy(
    site_file: Path, place: str, old: str, new: str
) -> None:
    town.write(site_file)
    changed(place, old, new)
    mistakes = said(site_file)
    assert any(mistake.startswith(place) and ITS in mistake for mistake in mistakes)


def test_staff_may_dial_numbers_that_begin_as_its_own_does(site_file: Path) -> None:
    """Or no house without a digit for a line could call out: the dialplan takes them out."""
    more = route('"0*"', direction="outbound")
    town.write(site_file, routes=more)
    assert said(site_file) == []
    config = load(site_file)
    assert config.policy_for("01427676699") is None
    assert config.policy_for("01427676698") is not None


def test_what_merely_looks_like_it_is_right(site_file: Path) -> None:
    more = (
        'x:\n  dial: "[leg_timeout=1999]sofia/internal/1001@10.0.0.1:1999"\n'
        'y:\n  dial: "user/19990,user/21999"\n'
        'z:\n  dial: "user/76699,sofia/gateway/p/02071231999,sofia/gateway/p-1999x/01427676698"\n'
    )
    town.write(site_file, destinations=more)
    assert said(site_file) == []


def test_a_second_one_needs_a_reason_and_a_date(site_file: Path) -> None:
    town.write(site_file)
    more = '  - extension: "1998"\n{}emergency:'
    reason, date = "    reason: a second trade union\n", '    date: "2026-02-01"\n'
    changed("dialplan/policy.yaml", "emergency:", more.format(""))
    assert said(site_file) == [
        f"dialplan/policy.yaml:19:5: a second exempt extension ({ITS} is the first), expected one, "
        "or reason: … and date: … beside it, since it is decided that there are more"
    ]
    changed("dialplan/policy.yaml", '"1998"\n', f'"1998"\n{reason}')
    assert "or date: … beside it" in said(site_file)[0]
    changed("dialplan/policy.yaml", reason, reason + date)
    assert said(site_file) == []


def test_one_that_is_named_twice(site_file: Path) -> None:
    town.write(site_file)
    changed("dialplan/policy.yaml", '["01427676699"]', '["01427676699", "1999"]')
    [mistake] = said(site_file)
    assert '"1999" is exempt twice, expected it once (line 17 has it already)' in mistake


@pytest.mark.parametrize("dial", ["user/$number", "loopback/1999", "group/union", "${x}"])
def test_its_telephone_must_be_said(site_file: Path, dial: str) -> None:
    town.write(site_file)
    changed("dialplan/policy.yaml", "emergency:", f'    dial: "{dial}"\nemergency:')
    [mistake] = said(site_file)
    assert mistake.startswith("dialplan/policy.yaml:19:11:")
    assert "does not say which telephone is called" in mistake


@pytest.mark.parametrize(
    ("variable", "found"),
    [
        ("execute_on_answer='record_session /x.wav'", 'without "record_session"'),
        ("execute_on_answer='set a=b'", '"execute_on_answer" is in the dial string, expected'),
        ("api_on_answer='status'", '"api_on_answer" is in the dial string'),
        ("recording_follow_transfer=true", '"recording_follow_transfer" is in the dial'),
        ("ivr_exempt=false", 'expected it without "ivr_exempt"'),
        ("ivr_exempt_leg=false", 'expected it without "ivr_exempt_leg"'),
    ],
)
def test_nothing_is_done_to_its_leg(site_file: Path, variable: str, found: str) -> None:
    """Of two variables of a name the last is in force, which would be this one."""
    town.write(site_file)
    dial = f'    dial: "{{{variable}}}user/1999"\n'
    changed("dialplan/policy.yaml", "emergency:", f"{dial}emergency:")
    mistakes = said(site_file)
    assert any(m.startswith("dialplan/policy.yaml:19:11:") and found in m for m in mistakes)


@pytest.mark.parametrize(
    "dial",
    [
        "{execute_on_answer='record_session /x.wav'}user/1001",
        "[api_on_answer='uuid_record x start /y.wav']user/1001",
        "{ivr_route=main-line}user/1001",
    ],
)
def test_no_dial_string_records_or_pretends(site_file: Path, dial: str) -> None:
    """Nobody could pause such a recording (R6)."""
    town.write(site_file, destinations=f'x:\n  dial: "{dial}"\n')
    [mistake] = said(site_file)
    assert 'expected it without "' in mistake


def test_the_telephone_of_another_number_is_exempt_too(site_file: Path) -> None:
    town.write(site_file, destinations='x:\n  dial: "sofia/gateway/union/5550"\n')
    changed(
        "dialplan/policy.yaml", "emergency:", '    dial: "sofia/gateway/union/5550"\nemergency:'
    )
    [mistake] = said(site_file)
    assert 'reaches "5550"' in mistake
    Path("dialplan/destinations.yaml").write_text(
        Path("dialplan/destinations.yaml").read_text().replace("/5550", "/5551")
    )
    assert said(site_file) == []


def test_calls_are_given_its_numbers(site_file: Path) -> None:
    config = staffed(site_file)
    assert {policy for route in config.routes for policy in route.policy.exempt} == {
        "1999",
        "01427676699",
        "+441427676699",
        "441427676699",
        "00441427676699",
    }


def test_no_route_has_it(site_file: Path) -> None:
    config = staffed(site_file)
    for number in ("1999", "01427676699", "+441427676699", "901427676699", "91999"):
        assert config.policy_for(number) is None
        assert config.is_left_alone(number)
    assert not config.is_left_alone("901427676698")


def test_a_reload_refuses_it_too(site_file: Path) -> None:
    """Reloading is loading."""
    staffed(site_file)
    town.write(site_file, routes=route('"1999"'))
    with pytest.raises(Exception, match="is the exempt extension"):
        load(site_file)


SPELLED = ("{}", "user/{}", "user/{}@a.example", "sofia/i/{}@10.0.0.1", "sofia/gateway/g/+{}")
DIALS = (
    ("destinations", 'x:\n  dial: "{0}"\n'),
    ("destinations", 'x:\n  dial: "user/1001,{0}|user/1003"\n'),
    ("destinations", 'x:\n  ring: round\n  members: ["1001", "{0}"]\n'),
    ("destinations", 'x:\n  queue:\n    members: ["{0}", "1001"]\n'),
    ("destinations", 'x:\n  dial: "user/1500"\n  payment_line: true\n  numbers: ["{0}"]\n'),
    ("routes", route('"{0}"')),
    ("routes", route('"{0}"', direction="outbound")),
    ("routes", route('"{0}"', direction="internal", to="inside")),
    ("routes", route('"8{0}"', direction="internal", keys='  strip: "8"\n', to="inside")),
    ("routes", route('"08*"', direction="outbound", keys='  from: ["{0}"]\n')),
    ("tax", 'pause: {{codes: {{pause: "*{0}"}}}}\n'),
)


@given(
    extension=st.from_regex(r"[2-8][0-9]{2,4}", fullmatch=True),
    where=st.sampled_from(DIALS),
    spelled=st.sampled_from(SPELLED),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_mentions_it_is_refused(
    tmp_path_factory: pytest.TempPathFactory,
    extension: str,
    where: tuple[str, str],
    spelled: str,
) -> None:
    file, text = where
    is_dial = "dial" in text or "members" in text
    mention = spelled.format(extension) if is_dial and "payment" not in text else extension
    site = build(tmp_path_factory.mktemp("exempt"))
    town.write(site, **{file: text.format(mention)})
    policy = site.parent.parent / "dialplan/policy.yaml"
    policy.write_text(policy.read_text().replace('"1999"', f'"{extension}"'))
    mistakes = [str(mistake) for mistake in check(site)]
    assert any(
        "exempt extension" in mistake and "policy.yaml:17:16" in mistake for mistake in mistakes
    )


def test_two_telephones_are_two_exempt_extensions(site_file: Path) -> None:
    town.write(site_file)
    policy = Path("dialplan/policy.yaml")
    entry = '  - extension: "1999"\n'
    rung = f'{entry}    dial: "user/1999,user/1998"\n'
    whole = policy.read_text()
    policy.write_text(re.sub(entry + "(?:    dial: .*\n)?", rung, whole))
    wrong = "2 telephones of the exempt extension, expected one"
    assert any(wrong in one for one in said(site_file))
