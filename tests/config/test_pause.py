"""How a team pauses for payment: the defaults, and where a team differs (R6, R9)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.config.load import check, load
from ivr.core.policy import FeatureCodes, Pausing
from tests.config.conftest import GOOD

POLICY, TEAM = "dialplan/policy.yaml", "dialplan/teams/council-tax.yaml"
MAIN, TAX = "01427676676", "01427676690"


def paused(site_file: Path, number: str) -> Pausing:
    """How calls to the number are paused."""
    policy = load(site_file).policy_for(number)
    assert policy is not None
    return policy.pausing


def write(policy: str = "", team: str = "") -> None:
    """Add a ``pause`` to the policy's defaults, to the team, or to both."""
    Path(POLICY).write_text(GOOD[POLICY] + (f"  pause: {policy}\n" if policy else ""))
    Path(TEAM).write_text(GOOD[TEAM] + (f"pause: {team}\n" if team else ""))


def test_a_policy_that_says_nothing_has_the_codes_that_are_usual(site_file: Path) -> None:
    assert paused(site_file, MAIN) == paused(site_file, TAX)
    assert paused(site_file, MAIN) == Pausing(
        codes=FeatureCodes("*7", "*8", "*9"),
        overdue_ms=600_000,
        guard_ms=250,
        card_digits=0,
        on_hold="mask",
        lines=frozenset(),
    )


def test_what_is_left_out_in_yaml_is_what_the_core_takes_too(site_file: Path) -> None:
    assert paused(site_file, MAIN) == Pausing()


def test_the_policy_decides_for_all_and_a_team_for_itself(site_file: Path) -> None:
    write(
        '{codes: {pause: "#1", resume: "#2", abuse: "#3"}, overdue: "5m", guard: "1s", '
        "card_digits: 8}",
        '{codes: {abuse: "*99"}, guard: "100ms", card_digits: never}',
    )
    assert paused(site_file, MAIN) == Pausing(FeatureCodes("#1", "#2", "#3"), 300_000, 1000, 8)
    assert paused(site_file, TAX) == Pausing(FeatureCodes("#1", "#2", "*99"), 300_000, 100, 0)


@pytest.mark.parametrize("one", ["mask", "record"])
def test_what_is_said_on_hold_is_as_the_policy_has_it_or_the_team(
    site_file: Path, one: str
) -> None:
    other = "record" if one == "mask" else "mask"
    write(f"{{on_hold: {one}}}", f"{{on_hold: {other}}}")
    assert (paused(site_file, MAIN).on_hold, paused(site_file, TAX).on_hold) == (one, other)
    write(f"{{on_hold: {one}}}")
    assert paused(site_file, TAX).on_hold == one


def test_a_team_can_do_without_codes(site_file: Path) -> None:
    write(team='{codes: {pause: "", resume: "", abuse: ""}}')
    assert paused(site_file, TAX).codes == FeatureCodes("", "", "")
    assert paused(site_file, MAIN).codes == FeatureCodes()


def test_a_resume_code_alone_ends_what_a_payment_page_began(site_file: Path) -> None:
    write(team='{codes: {pause: ""}}')
    assert paused(site_file, TAX).codes == FeatureCodes("", "*8", "*9")


@pytest.mark.parametrize("digits", [6, 8, 19])
def test_card_digits_are_a_plain_number(site_file: Path, digits: int) -> None:
    write(team=f"{{card_digits: {digits}}}")
    assert paused(site_file, TAX).card_digits == digits


@pytest.mark.parametrize("digits", [0, 5, 20, -8, "true", "[8]", "8.0"])
def test_other_card_digits_are_refused(site_file: Path, digits: object) -> None:
    write(team=f"{{card_digits: {digits}}}")
    [said] = check(site_file)
    assert said.text.endswith("expected never or a whole number from 6 to 19 without quotes")


def test_a_clash_within_the_policy_is_said_once_and_not_of_every_team(site_file: Path) -> None:
    write('{codes: {pause: "*8"}}', '{guard: "1s"}')
    assert [Path(said.path).name for said in check(site_file)] == ["policy.yaml"]


def test_a_mistaken_code_does_not_hide_the_clash_of_two_others(site_file: Path) -> None:
    write(team='{codes: {pause: "7", resume: "*1", abuse: "*12"}}')
    assert [said.text.split(",")[0] for said in check(site_file)] == [
        '"pause" is "7"',
        'the abuse code is "*12" and the resume code "*1"',
    ]


def test_the_tokens_lie_beside_the_site_and_need_not_exist(site_file: Path) -> None:
    assert load(site_file).site.tokens == site_file.parent / "tokens.json"
    assert not load(site_file).site.tokens.exists()
    listen = '  listen: "127.0.0.1:9184"\n'
    text = GOOD["deploy/ivr.yaml"].replace(listen, listen + "  tokens: ../var/who.json\n")
    site_file.write_text(text)
    assert load(site_file).site.tokens == site_file.parent.parent / "var/who.json"
