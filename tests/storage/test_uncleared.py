"""The record is written, and what is left of the call cannot be cleared away (R22)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from ivr.storage.filing import Filed
from ivr.storage.journal import Journal, JournalLimits
from ivr.storage.look import verify
from ivr.storage.places import Places
from ivr.storage.spool import Spool
from tests.storage.bench import LIMITS, MAKER, Bench
from tests.storage.parts import CALL, OTHER, StillClock, Trace, settle, wav, whole_call


class WithFallback(Bench):
    """A spool whose fallback lies on another disk."""

    def __init__(self, root: Path, fallback: Path) -> None:
        self.root = root
        self.clock = StillClock()
        self.trace = Trace()
        self.refused = []
        self.filed = []
        self.uncleared: list[Filed] = []
        self.places: Places = Spool.prepare(root, LIMITS, fallback)
        self.journal = Journal(self.places.journal, self.clock, JournalLimits(gather_ms=0))
        self.spool = Spool(
            root,
            self.journal,
            self.clock,
            MAKER,
            LIMITS,
            self.trace.disk(),
            lambda call, error: self.refused.append((call, error)),
            fallback,
            self.uncleared.append,
        )

    def spare(self, call: str = CALL) -> Path:
        return Path(self.places.recorded(call, 1, self.places.folders[1]))

    def over(self, call: str = CALL) -> None:
        """A call that was recorded to the fallback is over."""
        path = str(self.spare(call))
        entries = whole_call(path)
        for each in entries:
            self.journal.append(call, each.entry, each.stamp)
        self.finish(call, entries=entries)

    def again(self) -> None:
        """The time of the next try comes, and it is over."""
        self.clock.turn(LIMITS.retry_ms)
        self.clock.turn(0)
        while self.spool._running:
            gevent.sleep(0.001)
        settle()
        assert self.journal.flush()


@pytest.fixture
def kept(tmp_path: Path, elsewhere: Path) -> Iterator[WithFallback]:
    """The record is there; its source in the fallback stays."""
    bench = WithFallback(tmp_path / "spool", elsewhere / "fallback")
    bench.spare().write_bytes(wav())
    bench.trace.failing[f"unlink:recording/{CALL}.wav"] = 30
    bench.over()
    settle()
    yield bench
    bench.trace.failing.clear()
    bench.spool.close()
    bench.journal.close()


def test_whoever_waits_for_the_record_has_it_and_nobody_calls_it_refused(
    kept: WithFallback,
) -> None:
    [filed] = kept.filed
    assert filed.record is not None
    assert (filed.record.recording.state, filed.shown) == ("kept", True)
    assert kept.names("new") == [f"{CALL}.json", f"{CALL}.wav"]
    assert kept.refused == []
    assert kept.spool.error is None
    assert kept.spool.waiting == 0
    assert kept.uncleared == [filed]
    assert "Read-only file system" in str(filed.error)
    assert kept.spool.depth().records in (0, 1)


def test_it_is_tried_again_without_a_word_until_it_goes(kept: WithFallback) -> None:
    for _ in range(3):
        kept.again()
    assert (len(kept.uncleared), kept.refused, kept.spool.error) == (1, [], None)
    assert kept.journal.open_calls == 1
    assert kept.spare().exists()
    kept.trace.failing.clear()
    kept.again()
    assert not kept.spare().exists()
    assert kept.journal.open_calls == 0
    assert len(kept.filed) == 1
    assert [(one.error, one.record, one.aside) for one in kept.uncleared[1:]] == [(None, None, ())]
    assert [finding.verdict for finding in verify(kept.root)] == ["good"]


def test_a_record_that_was_taken_meanwhile_is_not_made_again(kept: WithFallback) -> None:
    for path in (kept.root / "new").iterdir():
        path.unlink()
    kept.again()
    kept.trace.failing.clear()
    kept.again()
    assert kept.names("new") == kept.names("aside") == []
    assert not kept.spare().exists()
    assert kept.journal.open_calls == 0


def test_what_was_written_to_since_is_no_copys_source(kept: WithFallback) -> None:
    for path in (kept.root / "new").iterdir():
        path.unlink()
    kept.spare().write_bytes(wav(1600))
    kept.trace.failing.clear()
    kept.again()
    assert kept.names("aside") == [f"{CALL}.wav", f"{CALL}.wav.why"]
    [_told, later] = kept.uncleared
    assert len(later.aside) == 1


def test_a_folder_that_goes_away_meanwhile_is_waited_for(kept: WithFallback) -> None:
    fallback = kept.places.fallback
    assert fallback is not None
    fallback.rename(fallback.with_name("away"))
    kept.again()
    assert (kept.refused, kept.spool.error) == ([], None)
    fallback.with_name("away").rename(fallback)
    kept.trace.failing.clear()
    kept.again()
    assert not kept.spare().exists()
    assert kept.names("new") == [f"{CALL}.json", f"{CALL}.wav"]


def test_other_calls_go_on_and_stopping_does_not_wait(kept: WithFallback) -> None:
    kept.over(OTHER)
    assert [one.call_id for one in kept.filed] == [CALL, OTHER]
    assert kept.spool.join(0)
    assert kept.spool.close(0)


def test_a_fallback_that_really_is_read_only(tmp_path: Path) -> None:
    """A file system of this test's own, which nobody else sees."""
    code = (
        "import subprocess, sys\n"
        "from pathlib import Path\n"
        "from tests.storage.parts import CALL, wav\n"
        "from tests.storage.test_uncleared import WithFallback\n"
        "root = Path(sys.argv[1])\n"
        "(root / 'disk').mkdir()\n"
        "subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', root / 'disk'], check=True)\n"
        "bench = WithFallback(root / 'spool', root / 'disk' / 'fallback')\n"
        "bench.spare().write_bytes(wav())\n"
        "subprocess.run(['mount', '-o', 'remount,ro', root / 'disk'], check=True)\n"
        "bench.over()\n"
        "bench.again()\n"
        "assert bench.filed[0].record.recording.state == 'kept'\n"
        "assert 'Read-only file system' in str(bench.uncleared[0].error)\n"
        "assert (bench.refused, bench.spool.error, len(bench.uncleared)) == ([], None, 1)\n"
        "subprocess.run(['mount', '-o', 'remount,rw', root / 'disk'], check=True)\n"
        "bench.again()\n"
        "assert not bench.spare().exists()\n"
        "assert bench.names('new') == [f'{CALL}.json', f'{CALL}.wav']\n"
        "print('well')\n"
    )
    for own in (["unshare", "-rm"], ["unshare", "-m"]):
        may = subprocess.run([*own, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True)
        if may.returncode == 0:
            break
    else:
        pytest.skip(f"no file system can be mounted here: {may.stderr.decode().strip()}")
    here = Path(__file__).parents[2]
    done = subprocess.run(
        [*own, sys.executable, "-c", code, str(tmp_path)], capture_output=True, cwd=here, text=True
    )
    assert (done.stdout, done.returncode) == ("well\n", 0), done.stderr
