"""FreeSWITCH's queues: what mod_callcenter reads, and how callers come to them (R9)."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from ivr.cli import main
from ivr.config.load import check, load
from ivr.config.render import render
from ivr.config.render.queues import render_queues
from tests.config.conftest import GOOD
from tests.config.switch import taken

QUEUES = """\
waiting:
  queue:
    members: ["1001", "[leg_timeout=9,x='a b']sofia/gateway/provider/01427"]
    strategy: {strategy}
    music: "local_stream://moh"
    announcement: announcement
    every: "20s"
    longest: "90s"
late:
  queue:
    members: ["1002", "1001"]
    strategy: at-once
    music: "tone_stream://L=1;%(1,0,1)"
    longest: "10m"
"""


@pytest.fixture
def queued(site_file: Path) -> Path:
    """A configuration with two queues; calls to the main line come to one of them."""
    destinations = Path("dialplan/destinations.yaml")
    destinations.write_text(GOOD["dialplan/destinations.yaml"] + QUEUES.format(strategy="in-order"))
    routes = Path("dialplan/routes.yaml")
    text = GOOD["dialplan/routes.yaml"]
    routes.write_text(text.replace("destination: customer-services", "destination: waiting", 1))
    assert check(site_file) == []
    return site_file


def params(xml: str, name: str) -> dict[str | None, str | None]:
    [queue] = [one for one in ET.fromstring(xml).iter("queue") if one.get("name") == name]
    return {one.get("name"): one.get("value") for one in queue}


def test_a_queue_is_as_the_file_says(queued: Path) -> None:
    xml = render_queues(load(queued))
    assert params(xml, "waiting") == {
        "strategy": "sequentially-by-agent-order",
        "moh-sound": "local_stream://moh",
        "announce-sound": str(queued.parent.parent / "prompts/en-GB/8000/announcement.wav"),
        "announce-frequency": "20",
        "time-base-score": "system",
        "max-wait-time": "90",
        "max-wait-time-with-no-agent": "0",
        "tier-rules-apply": "false",
        "abandoned-resume-allowed": "false",
        "discard-abandoned-after": "60",
    }
    late = params(xml, "late")
    assert (late["strategy"], late["max-wait-time"]) == ("ring-all", "600")
    assert "announce-sound" not in late


@pytest.mark.parametrize(
    ("strategy", "word"),
    [
        ("at-once", "ring-all"),
        ("in-order", "sequentially-by-agent-order"),
        ("round", "round-robin"),
    ],
)
def test_each_strategy(queued: Path, strategy: str, word: str) -> None:
    destinations = Path("dialplan/destinations.yaml")
    destinations.write_text(GOOD["dialplan/destinations.yaml"] + QUEUES.format(strategy=strategy))
    assert params(render_queues(load(queued)), "waiting")["strategy"] == word


def test_each_telephone_is_an_agent_once_with_its_places(queued: Path) -> None:
    root = ET.fromstring(render_queues(load(queued)))
    agents = {one.get("name"): one for one in root.iter("agent")}
    other = "[leg_timeout=9,x='ab']sofia/gateway/provider/01427"
    assert list(agents) == ["user/1001", other, "user/1002"]
    own = "{leg_timeout=45,sensitive_dtmf=true,digits_dialed_filter=^(.+)$,"
    own += "outbound_redirect_fatal=true}"
    assert agents["user/1001"].get("contact") == f"{own}user/1001"
    contact = agents[other].get("contact")
    assert contact == own + "[leg_timeout=9,x='a b']sofia/gateway/provider/01427"
    assert {one.get("type") for one in agents.values()} == {"callback"}
    assert {one.get("status") for one in agents.values()} == {"Available"}
    tiers = [(one.get("queue"), one.get("agent"), one.get("position")) for one in root.iter("tier")]
    assert tiers == [
        ("waiting", "user/1001", "1"),
        ("waiting", other, "2"),
        ("late", "user/1002", "1"),
        ("late", "user/1001", "2"),
    ]
    assert {one.get("level") for one in root.iter("tier")} == {"1"}


def test_who_is_a_member_no_more_is_none_in_freeswitch(queued: Path) -> None:
    settings = ET.fromstring(render_queues(load(queued))).find("settings")
    assert settings is not None
    assert {one.get("name"): one.get("value") for one in settings} == {
        "truncate-agents-on-load": "true",
        "truncate-tiers-on-load": "true",
    }


def test_without_an_engine_callers_wait_in_the_queue_all_the_same(queued: Path) -> None:
    xml = render(load(queued))
    call = taken(xml, "public", "ivr-fallback-main-line", ivr_route="main-line")
    assert call.actions[-3:] == (("answer", ""), ("callcenter", "waiting"), ("hangup", ""))
    assert ("stop_record_session", "all") in call.actions
    assert call.done("bridge") == []


def test_the_command_writes_them(queued: Path) -> None:
    run = CliRunner()
    site = ["--site", str(queued)]
    result = run.invoke(main, ["dialplan", "render", "--queues", *site], catch_exceptions=False)
    assert result.stdout == render_queues(load(queued))
    result = run.invoke(main, ["dialplan", "render", "--queues", "--extensions", *site])
    assert result.exit_code == 2
    assert "two different files" in result.output


def test_without_queues_there_is_an_empty_file(site_file: Path) -> None:
    root = ET.fromstring(render_queues(load(site_file)))
    assert root.get("name") == "callcenter.conf"
    assert list(root.iter("queue")) == list(root.iter("agent")) == []
