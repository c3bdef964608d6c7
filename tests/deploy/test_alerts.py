"""The alert rules in deploy/prometheus/ name metrics and pages that exist (R21)."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from ivr.retention.metrics import RetentionMetrics
from tests.docs.pages import ROOT

FILE = ROOT / "deploy" / "prometheus" / "retention.rules.yaml"
_METRIC = re.compile(r"\bivr_\w+")
_PROMTOOL = shutil.which("promtool")


def rules() -> list[dict[str, Any]]:
    """The alerts of the file."""
    (group,) = yaml.safe_load(FILE.read_text(encoding="utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def exposed() -> tuple[set[str], str]:
    """The names that a scrape has, and all that it says of them."""
    text = generate_latest(RetentionMetrics().registry).decode()
    return {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}, text


ALERTS = [str(rule["alert"]) for rule in rules()]


@pytest.mark.parametrize("rule", rules(), ids=ALERTS)
def test_every_metric_of_an_alert_is_exposed(rule: dict[str, Any]) -> None:
    named = set(_METRIC.findall(rule["expr"]))
    assert named or 'up{job="ivr-retention"}' in rule["expr"]
    assert named - exposed()[0] == set()


@pytest.mark.parametrize("rule", rules(), ids=ALERTS)
def test_every_alert_leads_to_a_page_of_the_run_book(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    page = rule["annotations"]["runbook"]
    assert page.startswith("docs/runbook/")
    assert (ROOT / page).is_file()


def test_alerts_have_names_of_their_own() -> None:
    assert len(set(ALERTS)) == len(ALERTS)


@pytest.mark.parametrize(
    "metric",
    [
        "ivr_retention_spool_oldest_timestamp_seconds",
        "ivr_retention_set_aside_total",
        "ivr_retention_destruction_stopped",
        "ivr_retention_due_recordings",
        "ivr_retention_dying_recordings",
        "ivr_retention_last_sweep_timestamp_seconds",
        "ivr_retention_audit_faults",
        "ivr_retention_audit_verified_timestamp_seconds",
        "ivr_retention_schedule_waits",
        "ivr_retention_mail_server_wrong",
        'ivr_retention_mails{state="failed"}',
        'ivr_retention_mails{state="unknown"}',
        "up{job=",
    ],
)
def test_what_somebody_must_hear_of_has_an_alert(metric: str) -> None:
    assert any(metric in rule["expr"] for rule in rules())


@pytest.mark.skipif(_PROMTOOL is None, reason="promtool is not installed here")
def test_prometheus_reads_them() -> None:
    found = subprocess.run(
        [str(_PROMTOOL), "check", "rules", str(FILE)], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
