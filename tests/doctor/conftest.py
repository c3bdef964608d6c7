from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.config.load import load
from ivr.doctor.patient import Patient
from ivr.doctor.process import process
from ivr.lab import LabSwitch
from tests.doctor import right
from tests.engine import site


@pytest.fixture
def site_file(tmp_path: Path) -> Path:
    """A right configuration; FreeSWITCH's port is one on which nothing listens."""
    return site.write(tmp_path, 9)


@pytest.fixture
def well(site_file: Path) -> Patient:
    """A host where everything is in place, but that no engine runs and there is no spool yet."""
    configuration = load(site_file)
    return Patient(
        mistakes=(),
        site=configuration.site,
        configuration=configuration,
        engine=None,
        stray=False,
        engine_unknown="",
        said=right.said(configuration),
        away=None,
        switch=process(os.getpid()),
        wall_ms=time.time_ns() // 1_000_000,
    )


class DoctoredSwitch(LabSwitch):
    """A lab switch that answers what the checks ask as a FreeSWITCH does that is well."""

    answers: dict[str, str]
    """By command; a test may change them."""
    site_file: Path

    def api(self, command: str, arg: str) -> str:
        whole = f"{command} {arg}".strip()
        if whole in self.answers:
            return self.faults.around(whole, lambda: self.answers[whole])
        if whole.startswith("xml_locate"):
            return "can't find anything\n"
        return super().api(command, arg)


@pytest.fixture
def switch(tmp_path: Path) -> Iterator[DoctoredSwitch]:
    """One that listens; the site file beside it leads to it."""
    one = DoctoredSwitch(password="a password of its own")
    _host, port = one.listen(("127.0.0.1", 0))
    one.site_file = site.write(tmp_path, port, password=one.password)
    one.answers = right.answers(load(one.site_file))
    yield one
    one.close()
