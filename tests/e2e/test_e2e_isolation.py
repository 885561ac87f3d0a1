"""A node leaves nothing behind, even when its tests are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.cluster.binaries import Missing
from tests.cluster.fixtures import cannot_run
from tests.cluster.images import CHECKOUT
from tests.cluster.isolation import CGROUPS, remove_stale_cgroups
from tests.cluster.kubectl import PATIENCE
from tests.cluster.node import check_requirements

STARTED = """
import json, sys, time
from pathlib import Path
from tests.cluster.isolation import Isolation
isolation = Isolation(Path(sys.argv[1]))
isolation.start()
isolation.run("nft", "add", "table", "ip", "sweep-test")
print(json.dumps({"address": isolation.address, "cgroup": isolation.cgroup, "first": isolation.first_pid}), flush=True)
time.sleep(600)
"""


def told(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def kernel() -> dict[str, str]:
    """What a kubelet changes, or a node's network."""
    names = ("vm/overcommit_memory", "kernel/panic", "net/ipv4/ip_forward", "net/netfilter/nf_conntrack_max")
    settings = {name: Path("/proc/sys", name) for name in names}
    found = {name: path.read_text() for name, path in settings.items() if path.exists()}
    return {**found, "links": told("ip", "-o", "link"), "rules": told("nft", "list", "ruleset")}


def test_killed_tests_leave_nothing_but_empty_cgroups_which_the_next_removes(tmp_path: Path) -> None:
    if os.environ.get("KUBECONFIG"):
        pytest.skip("the cluster is somewhere else")
    try:
        check_requirements()
    except Missing as missing:
        cannot_run(missing)
    before, mounts = kernel(), Path("/proc/self/mountinfo").read_text()
    process = subprocess.Popen(
        [sys.executable, "-c", STARTED, str(tmp_path)], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told_us = json.loads(process.stdout.readline())
    first = psutil.Process(told_us["first"])
    assert f" {told_us['address'].rsplit('.', 1)[0]}.2/30 " in told("ip", "-o", "addr")
    inside = first.children(recursive=True)
    assert inside
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
    _, alive = psutil.wait_procs([first, *inside], timeout=PATIENCE)
    assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []
    deadline = time.monotonic() + PATIENCE
    while kernel() != before:  # the kernel takes a network apart on its own time
        assert time.monotonic() < deadline, kernel()
        time.sleep(0.1)
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert list(CGROUPS.glob(f"**/{told_us['cgroup']}"))
    remove_stale_cgroups()
    assert list(CGROUPS.glob(f"**/{told_us['cgroup']}")) == []
