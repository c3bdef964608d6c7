"""The measurement of copies itself runs."""

from __future__ import annotations

import pytest

from tests.export.bench import main


def test_each_format_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    main(1.5)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["mp3", "opus", "wav", "flac"]
    assert all(float(line.split()[1]) > 0.1 for line in lines)
