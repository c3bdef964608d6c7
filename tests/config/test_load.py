"""A right configuration becomes exactly the policies that calls are treated by (R9, R18, R20)."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest

from ivr.config.load import load
from ivr.config.settings import (
    Address,
    EventSocket,
    Limits,
    LogSettings,
    RenderSettings,
    Site,
)
from ivr.core.policy import CallPolicy, Prompt, PromptFile
from tests.config.conftest import GOOD, build
from tests.noted import note_audio


def prompt(root: Path, name: str, version: str) -> Prompt:
    """The prompt as the tones of the right configuration make it."""
    files = {}
    for rate in (8000, 16000):
        path = root / f"prompts/en-GB/{rate}/{name}.wav"
        files[rate] = PromptFile(
            str(path), rate, 400, hashlib.sha256(path.read_bytes()).hexdigest()
        )
    return Prompt(name, version, "en-GB", files)


def test_a_team_that_says_nothing_has_the_defaults(site_file: Path) -> None:
    root = site_file.parent.parent
    config = load(site_file)
    expected = CallPolicy(
        team="customer-services",
        route="main-line",
        language="en-GB",
        policy_version="2.0",
        config_version=config.version,
        announcement=prompt(root, "announcement", "3"),
        reminder=prompt(root, "reminder", "1"),
        goodbye=prompt(root, "goodbye", "1"),
        busy=prompt(root, "busy", "1"),
        no_answer=prompt(root, "no-answer", "1"),
        unavailable=prompt(root, "unavailable", "1"),
        opt_out_keys="*#*",
        return_key="1",
        inter_digit_ms=3000,
        confirm_ms=10_000,
        reminders=2,
        destination="customer-services",
        dial_string="user/1001,user/1002",
        ring_ms=45_000,
        longest_call_ms=4 * 3_600_000,
        without_recording="connect",
    )
    assert config.policy_for("01427676676") == expected
    assert config.policy_for("+441427676676") == expected
    assert config.policy_version == "2.0"


def test_a_team_has_its_own_where_it_says_so(site_file: Path) -> None:
    root = site_file.parent.parent
    config = load(site_file)
    default = config.policy_for("01427676676")
    assert default
    assert config.policy_for("01427676690") == dataclasses.replace(
        default,
        team="council-tax",
        route="council-tax",
        announcement=prompt(root, "announcement-council-tax", "4"),
        opt_out_keys="##",
        inter_digit_ms=1500,
        reminders=0,
        destination="council-tax",
        dial_string="{origination_caller_id_name='Tax & <Rates>'}user/1101|user/1102",
        ring_ms=60_000,
        without_recording="refuse",
    )


def test_routes_say_what_happens_without_an_engine(site_file: Path) -> None:
    root = site_file.parent.parent
    main, tax = load(site_file).routes
    assert (main.name, main.numbers) == ("main-line", ("01427676676", "+441427676676"))
    assert (main.without_engine, main.no_engine) == ("connect", None)
    assert (tax.without_engine, tax.no_engine) == ("message", prompt(root, "no-engine", "1"))


@pytest.mark.parametrize("number", ["", "1427676676", "014276766760", "01427676676\n", "*"])
def test_a_number_that_nobody_claims_has_no_policy(site_file: Path, number: str) -> None:
    assert load(site_file).policy_for(number) is None


def test_the_site_is_typed_and_its_paths_are_whole(site_file: Path) -> None:
    root = site_file.parent.parent
    assert load(site_file).site == Site(
        file=site_file,
        listen=Address("127.0.0.1", 8084),
        engines=(Address("127.0.0.1", 8084), Address("10.0.0.2", 8084)),
        freeswitch=EventSocket(Address("127.0.0.1", 8021), "ClueCon"),
        spool=root / "var/spool",
        http=Address("127.0.0.1", 9184),
        tokens=root / "deploy/tokens.json",
        log=LogSettings("auto", "info", "masked"),
        limits=Limits(
            command_ms=5000, connections=6000, least_free_bytes=512_000_000, stop_ms=10_000
        ),
        render=RenderSettings("public", "default", 10),
        dialplan=root / "dialplan",
        prompts=root / "prompts",
        fallback=None,
    )


def test_a_site_with_a_second_folder_and_other_limits(site_file: Path) -> None:
    site_file.write_text(
        GOOD["deploy/ivr.yaml"] + '  least_free: "2GB"\n  stop: "30s"\nfallback: ../../elsewhere\n'
    )
    site = load(site_file).site
    assert site.fallback == site_file.parents[2] / "elsewhere"
    assert (site.limits.least_free_bytes, site.limits.stop_ms) == (2_000_000_000, 30_000)
    assert (site.limits.command_ms, site.limits.connections) == (5000, 6000)


def test_limits_that_are_not_said_are_what_the_settings_take_too(site_file: Path) -> None:
    assert load(site_file).site.limits == Limits(5000, 6000)


def test_paths_are_relative_to_the_file_and_not_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site_file = build(tmp_path / "there")
    monkeypatch.chdir(tmp_path)
    from_above = load(Path("there/deploy/ivr.yaml"))
    monkeypatch.chdir("there/deploy")
    from_beside = load(Path("ivr.yaml"))
    assert from_above == from_beside == load(site_file)
    assert from_above.site.spool == tmp_path / "there/var/spool"


def test_ipv6_and_port_0_are_addresses_to_listen_at(site_file: Path) -> None:
    text = GOOD["deploy/ivr.yaml"].replace('listen: "127.0.0.1:9184"', 'listen: "[::1]:0"')
    site_file.write_text(text)
    http = load(site_file).site.http
    assert (http.host, http.port, str(http)) == ("::1", 0, "[::1]:0")


def test_the_password_is_not_shown(site_file: Path) -> None:
    config = load(site_file)
    assert config.site.freeswitch.password == "ClueCon"
    assert "ClueCon" not in repr(config)


def test_the_version_changes_with_every_byte_of_yaml_and_audio(site_file: Path) -> None:
    seen = [load(site_file).version]
    assert load(site_file).version == seen[0]
    for name in GOOD:
        Path(name).write_text(GOOD[name] + "# another comment\n")
        seen.append(load(site_file).version)
    audio = Path("prompts/en-GB/16000/busy.wav")
    data = bytearray(audio.read_bytes())
    data[-1] ^= 1
    audio.write_bytes(data)
    note_audio(Path("prompts"), "en-GB")
    seen.append(load(site_file).version)
    assert len(set(seen)) == len(GOOD) + 2
    assert all(len(version) == 12 and int(version, 16) >= 0 for version in seen)


def test_the_version_is_the_same_wherever_the_files_lie(tmp_path: Path) -> None:
    one, two = load(build(tmp_path / "one")), load(build(tmp_path / "two"))
    assert one.version == two.version


def test_a_second_language_needs_no_code(site_file: Path) -> None:
    Path("prompts/cy.yaml").write_text(GOOD["prompts/en-GB.yaml"].replace("en-GB", "cy"))
    Path("prompts/en-GB").rename("prompts/cy")
    Path("prompts/en-GB.yaml").unlink()
    for name in ("dialplan/policy.yaml", "dialplan/teams/council-tax.yaml"):
        Path(name).write_text(GOOD[name].replace("en-GB", "cy"))
    policy = load(site_file).policy_for("01427676690")
    assert policy
    assert policy.language == policy.busy.language == "cy"
    assert policy.busy.files[8000].path.endswith("/prompts/cy/8000/busy.wav")


def test_prompts_at_8_khz_alone_are_enough(site_file: Path) -> None:
    for file in Path("prompts/en-GB/16000").iterdir():
        file.unlink()
    Path("prompts/en-GB/16000").rmdir()
    policy = load(site_file).policy_for("01427676676")
    assert policy
    assert policy.busy.file_for(16000) == policy.busy.files[8000]


def test_the_message_without_an_engine_is_needed_only_where_it_is_played(site_file: Path) -> None:
    text = GOOD["prompts/en-GB.yaml"]
    Path("prompts/en-GB.yaml").write_text(text[: text.index("  no-engine")])
    team = Path("dialplan/teams/council-tax.yaml")
    team.write_text(team.read_text().replace("without_engine: message", "without_engine: connect"))
    assert {route.without_engine for route in load(site_file).routes} == {"connect"}


def test_configuration_cannot_be_changed(site_file: Path) -> None:
    config = load(site_file)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.version = "x"  # type: ignore[misc]  # that it is refused is what is tested
    with pytest.raises(TypeError):
        config.by_number["999"] = config.routes  # type: ignore[index]  # the same
