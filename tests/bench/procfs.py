"""What Linux knows of a process: CPU time, memory, and who listens on a port."""

from __future__ import annotations

import os
from pathlib import Path

TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
LISTEN = "0A"


def family(pid: int) -> list[int]:
    """The process and all that it started."""
    pids = [pid]
    for one in pids:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            pids += [int(word) for word in task.read_text().split()]
    return pids


def cpu_ms(pid: int) -> float:
    """CPU of the process (all its threads, ended ones too) and its children, user and system."""
    total = 0
    for one in family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total * TICK_MS


def rss_mib(pid: int) -> float:
    """Resident memory of the process and its children, in MiB."""
    kib = 0
    for one in family(pid):
        for line in Path(f"/proc/{one}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                kib += int(line.split()[1])
    return kib / 1024


def peak_mib() -> float:
    """The most resident memory that this process has had, in MiB.

    ``ru_maxrss`` is no good for that: a child begins with what its parent had.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/self/status has no VmHWM")


def listening(port: int) -> bool:
    """Whether anybody listens on the TCP port; asks the kernel, so that nobody is disturbed."""
    wanted = f":{port:04X}"
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN and fields[1].endswith(wanted):
                return True
    return False
