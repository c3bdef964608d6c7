"""How a team's calls are treated: hours, overflow, languages, opting out while connected (R9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.config.load import Configuration, check, load
from ivr.core.entries import Arrived, Stamp, Stamped
from ivr.core.policy import CallPolicy
from tests.config.languages import MORE, add_language, add_prompts, write

MAIN, TAX = "01427676676", "01427676690"
TUESDAY = datetime(2026, 11, 24, 10, tzinfo=UTC)
NIGHT = datetime(2026, 11, 24, 22, tzinfo=UTC)
TEAM = "dialplan/teams/customer-services.yaml"
HOURS = 'hours: {mon-fri: "08:30-17:00"}\n'


@pytest.fixture
def root(site_file: Path) -> Path:
    """The folder of a configuration whose clock is London's and that has all prompts."""
    folder = site_file.parent.parent
    add_prompts(folder, *MORE)
    write(folder, "deploy/ivr.yaml", more="time_zone: Europe/London\n")
    return folder


def loaded(root: Path) -> Configuration:
    return load(root / "deploy/ivr.yaml")


def policy(root: Path, at: datetime = TUESDAY, number: str = MAIN) -> CallPolicy:
    found = loaded(root).policy_for(number, at=at)
    assert found
    return found


def test_a_team_without_hours_is_always_open(root: Path) -> None:
    assert policy(root) == policy(root, NIGHT)
    route = loaded(root).route_for(MAIN)
    assert route
    assert route.open_at(NIGHT) == (True, "the team has no hours")


def test_out_of_hours_the_prompt_ends_the_call(root: Path) -> None:
    write(root, TEAM, more=HOURS + "overflow:\n  - destination: council-tax\n")
    day, night = policy(root), policy(root, NIGHT)
    assert day.closed is None
    assert night.closed
    assert night.closed.name == "closed"
    assert night == replace(day, closed=night.closed, overflow=())


def test_out_of_hours_calls_go_elsewhere(root: Path) -> None:
    write(
        root,
        TEAM,
        more=HOURS
        + "out_of_hours: {destination: council-tax, announcement: announcement-council-tax}\n",
    )
    day, night = policy(root), policy(root, NIGHT)
    assert (day.destination, night.destination) == ("customer-services", "council-tax")
    assert "user/1101|user/1102" in night.dial_string
    assert night.announcement.name == "announcement-council-tax"
    assert night.closed is None


def test_days_off_of_the_policy_and_of_the_team_are_closed(root: Path) -> None:
    write(
        root,
        "dialplan/policy.yaml",
        more='  holidays: scotland\n  closed_on: ["2026-12-24"]\n',
    )
    write(root, TEAM, more=HOURS + 'closed_on: ["2026-12-23"]\n')
    days = {day: policy(root, datetime.fromisoformat(f"{day}T10:00")).closed for day in (
        "2026-11-30", "2026-12-22", "2026-12-23", "2026-12-24", "2026-12-25")}  # fmt: skip
    assert [day for day, closed in days.items() if not closed] == ["2026-12-22"]
    write(root, TEAM, more=HOURS + "holidays: none\n")
    assert policy(root, datetime(2026, 11, 30, 10)).closed is None


def test_the_moment_is_taken_by_the_sites_clock(root: Path) -> None:
    write(root, TEAM, more=HOURS)
    summer = datetime(2026, 7, 1, 7, 45, tzinfo=UTC)
    assert policy(root, summer).closed is None
    write(root, "deploy/ivr.yaml", more="time_zone: America/New_York\n")
    assert policy(root, summer).closed is not None


def test_without_a_moment_it_is_now(root: Path) -> None:
    config = loaded(root)
    assert config.policy_for(MAIN) == config.policy_for(MAIN, at=TUESDAY)
    write(root, TEAM, more='hours: {mon-sun: "00:00-24:00"}\n')
    found = loaded(root).policy_for(MAIN)
    assert found
    assert found.closed is None
    write(root, TEAM, more="hours: {mon-sun: closed}\n")
    found = loaded(root).policy_for(MAIN)
    assert found
    assert found.closed


def test_a_call_that_an_engine_left_is_treated_as_when_it_arrived(root: Path) -> None:
    write(root, TEAM, more=HOURS)
    config = loaded(root)
    for at, closed in ((TUESDAY, False), (NIGHT, True)):
        entry = Arrived(MAIN, "07700900123", "", "inbound", "", "", "", "", "", "")
        journal = [Stamped(Stamp(int(at.timestamp() * 1000), 1), entry)]
        assert (config.policy_left(journal).closed is not None) is closed
    beyond = [Stamped(Stamp(10**18, 1), entry), Stamped(Stamp(-(10**18), 1), entry)]
    assert config.policy_left(beyond).team == "customer-services"
    unknown = [Stamped(Stamp(0, 1), replace(entry, number="5"))]
    assert config.policy_left(unknown).longest_call_ms == config.policy_left([]).longest_call_ms


def test_overflow_is_tried_one_after_the_other(root: Path) -> None:
    destinations = root / "dialplan/destinations.yaml"
    destinations.write_text(
        destinations.read_text() + 'last:\n  queue: {members: ["1003"], longest: 2m}\n'
    )
    write(
        root,
        TEAM,
        more="overflow:\n  - {destination: council-tax, prompt: overflow}\n"
        "  - destination: last\nring: 20s\n",
    )
    first, second, last = policy(root).destinations
    assert (first.name, second.name, last.name) == ("customer-services", "council-tax", "last")
    assert second.prompt
    assert (second.prompt.name, second.ring_ms, second.alternatives) == ("overflow", 20_000, 2)
    assert last.prompt is None
    assert last.queue
    assert last.queue.longest_ms == 120_000


def test_a_key_chooses_a_language_and_all_that_is_said_in_it(root: Path) -> None:
    add_language(root, "cy-GB")
    write(
        root,
        TEAM,
        more=HOURS + "overflow:\n  - {destination: council-tax, prompt: overflow}\n"
        'languages:\n  keys: {"1": en-GB, "2": cy-GB}\n  wait: 7s\n',
    )
    day, night = policy(root), policy(root, NIGHT)
    assert day.menu
    assert night.menu
    assert (day.menu.prompt.name, day.menu.prompt.language) == ("choose-language", "en-GB")
    assert (sorted(day.menu.keys), day.menu.wait_ms) == (["1", "2"], 7_000)
    welsh = day.spoken(day.menu.keys["2"])
    assert welsh.language == "cy-GB"
    said = (welsh.announcement, welsh.reminder, welsh.goodbye, welsh.busy, welsh.no_answer)
    assert {prompt.language for prompt in said} == {"cy-GB"}
    assert welsh.overflow[0].prompt
    assert welsh.overflow[0].prompt.language == "cy-GB"
    closed = night.spoken(night.menu.keys["2"]).closed
    assert closed
    assert (closed.name, closed.language) == ("closed", "cy-GB")


def test_a_number_chooses_a_language_and_nobody_is_asked(root: Path) -> None:
    add_language(root, "cy-GB")
    write(root, TEAM, more='languages:\n  keys: {"1": en-GB, "2": cy-GB}\n')
    write(
        root,
        "dialplan/routes.yaml",
        ("  team: customer-services\n", "  language: cy-GB\n  team: customer-services\n"),
    )
    found = policy(root)
    assert found.menu is None
    assert (found.language, found.announcement.language) == ("cy-GB", "cy-GB")


def test_what_a_language_lacks_is_said_where_it_is_chosen(root: Path) -> None:
    without = ("closed", "reminder", "overflow", "queue-announcement", "announcement-council-tax")
    add_language(root, "cy-GB", without=without)
    write(
        root,
        TEAM,
        more=HOURS + "overflow:\n  - {destination: council-tax, prompt: overflow}\n"
        'languages:\n  keys:\n    "2": cy-GB\n',
    )
    write(root, "dialplan/routes.yaml", ("  team: council-tax\n",
          "  team: council-tax\n  language: cy-GB\n"))  # fmt: skip
    write(
        root,
        "dialplan/destinations.yaml",
        ('  dial: "user/1001,user/1002"', "  queue:\n    members: [user/1]\n    language: cy-GB\n"
         "    announcement: queue-announcement"),
    )  # fmt: skip
    team = (
        'language "cy-GB" has no prompt "{}", which team "{}" needs, expected it in its catalogue'
    )
    said = [(m.line, m.column, m.text) for m in check(root / "deploy/ivr.yaml")]
    assert said == [
        (
            5,
            19,
            'language "cy-GB" has no prompt "queue-announcement", expected it in its catalogue, or '
            'another, did you mean "announcement"?',
        ),
        (8, 13, team.format("announcement-council-tax", "council-tax")
         + ', did you mean "announcement"?'),
        (8, 13, team.format("reminder", "council-tax")),
        (7, 10, team.format("closed", "customer-services")),
        (7, 10, team.format("overflow", "customer-services")),
        (7, 10, team.format("reminder", "customer-services")),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("default", "own", "found"),
    [
        ("", "", "no"),
        ("    connected: keep\n", "", "keep"),
        ("    connected: keep\n", "opt_out: {connected: destroy}\n", "destroy"),
        ("    connected: keep\n", "opt_out: {connected: never}\n", "no"),
    ],
)
def test_opting_out_while_connected(root: Path, default: str, own: str, found: str) -> None:
    write(root, "dialplan/policy.yaml", ("    reminders: 2\n", "    reminders: 2\n" + default))
    write(root, TEAM, more=own)
    assert policy(root).opt_out_connected == found


def test_extensions_of_a_team(root: Path) -> None:
    write(root, TEAM, more='extensions: ["1001", "1002"]\n')
    assert loaded(root).extensions == {
        "customer-services": ("1001", "1002"),
        "council-tax": (),
    }


def test_a_route_knows_where_what_holds_for_it_is_written(root: Path) -> None:
    write(root, TEAM, more=HOURS + "opt_out:\n  keys: '**'\n")
    route = loaded(root).route_for(MAIN)
    assert route
    places = {key: str(place).rpartition("dialplan/")[2] for key, place in route.places.items()}
    assert places["route"] == "routes.yaml:1:3"
    assert places[f"number:{MAIN}"] == "routes.yaml:2:13"
    assert places["team"] == "routes.yaml:3:3"
    assert places["destination:customer-services"] == "destinations.yaml:1:1"
    assert places["hours"] == "teams/customer-services.yaml:2:1"
    assert places["opt_out.keys"] == "teams/customer-services.yaml:4:3"
    assert places["opt_out.return_key"] == "policy.yaml:8:5"
    assert places["ring"] == "policy.yaml:12:3"
    assert "overflow" not in places
    assert "out_of_hours" not in places


def test_hours_and_overflow_are_of_callers_only(root: Path) -> None:
    destinations = root / "dialplan/destinations.yaml"
    destinations.write_text(destinations.read_text() + 'out:\n  dial: "sofia/gateway/g/$number"\n')
    write(
        root,
        TEAM,
        more=HOURS + 'languages:\n  keys: {"1": en-GB}\noverflow:\n  - destination: council-tax\n',
    )
    write(
        root,
        "dialplan/routes.yaml",
        more="- {name: out, direction: outbound, numbers: ['9*'], strip: '9', destination: out,"
        " team: customer-services}\n",
    )
    found = policy(root, NIGHT, "901427000000")
    assert (found.closed, found.overflow, found.menu) == (None, (), None)
    assert found.dial_string == "sofia/gateway/g/01427000000"


def test_staff_do_not_wait_in_queues(root: Path) -> None:
    write(root, "dialplan/destinations.yaml", more="calm:\n  queue: {members: ['1001']}\n")
    write(
        root,
        "dialplan/routes.yaml",
        more="- name: out\n  direction: outbound\n  numbers: ['9700']\n  strip: '9'\n"
        "  team: customer-services\n  destination: calm\n",
    )
    (mistake,) = check(root / "deploy/ivr.yaml")
    assert (mistake.line, mistake.column) == (14, 16)
    assert mistake.text.startswith('destination "calm" is a queue, which is for callers')


@pytest.mark.parametrize("key", ["overflow:\n  - destination: out\n",
                                 HOURS + "out_of_hours: {destination: out}\n"])  # fmt: skip
def test_callers_are_not_sent_where_staff_dial(root: Path, key: str) -> None:
    write(root, "dialplan/destinations.yaml", more='out:\n  dial: "sofia/gateway/g/$number"\n')
    write(root, TEAM, more=key)
    (mistake,) = check(root / "deploy/ivr.yaml")
    assert mistake.text.startswith('destination "out" calls $number, which staff dial')


def test_what_agents_hear_who_wait_is_the_teams_or_the_policys(site_file: Path) -> None:
    def heard() -> list[str]:
        return [route.policy.music for route in load(site_file).routes]

    assert heard() == ["local_stream://default"] * 2
    policy, tax = Path("dialplan/policy.yaml"), Path("dialplan/teams/council-tax.yaml")
    policy.write_text(policy.read_text() + "  music: local_stream://moh\n")
    tax.write_text(tax.read_text() + "music: /srv/music/calm.wav\n")
    assert heard() == ["local_stream://moh", "/srv/music/calm.wav"]
    places = load(site_file).routes[1].places
    assert places["music"].path == "dialplan/teams/council-tax.yaml"
    tax.write_text(tax.read_text().replace("/srv/music/calm.wav", "calm music"))
    [mistake] = check(site_file)
    assert '"music" is "calm music", expected what FreeSWITCH can play' in mistake.text
