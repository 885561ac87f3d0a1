"""Namespaces of the kernel in which a whole node lives: its own network, mounts and processes.

Links, rules, mounts, kernel settings and every process of every pod are inside, so that the machine keeps its own as
they are, and everything ends at once with the first process, which ends with the tests: nothing outlives a crash but
empty cgroups, which the next node removes.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from tests.cluster.processes import NotReady, Process

CGROUPS = Path("/sys/fs/cgroup")
_CGROUP_PREFIX = "sweep-e2e-"
_UNSHARE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
# The first process adopts orphans, so it has to be one that waits for them.
_INIT = ["bash", "-c", "while :; do sleep 3600 & wait; done"]
_KUBELET_CONTROLLERS = {"cpu", "cpuset", "hugetlb", "io", "memory", "pids"}
PRIVATE = ("/run", "/var/lib", "/var/log")
# What a kubelet wants the kernel to be told, for the whole machine. It finds these values in files of ours instead.
_SETTINGS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}


class Isolation:
    """``address``: the node's, which this machine can reach; ``cgroup``: under which its pods are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = ""
        self.cgroup = f"{_CGROUP_PREFIX}{os.getpid()}"
        self._holder: Process | None = None
        self.first_pid = 0

    def start(self) -> None:
        """Root only. Raises NotReady."""
        remove_stale_cgroups()
        self._holder = Process("namespaces", [*_UNSHARE, *_INIT], self.folder)
        self._holder.until(self._entered)
        self._mount()
        self._link()
        make_cgroup(self.cgroup)

    def stop(self) -> None:
        """Every process inside is gone when this returns."""
        if self._holder is None:
            return
        inside = self._processes()
        self._holder.kill()
        psutil.wait_procs(inside, timeout=120)
        remove_cgroup(self.cgroup)

    @property
    def enter(self) -> list[str]:
        """What to put before a command that is to run inside."""
        return ["nsenter", f"--target={self.first_pid}", "--net", "--mount", "--pid", "--"]

    @property
    def enter_network(self) -> list[str]:
        """The same for a server that needs the network alone: a signal reaches the command itself."""
        return ["nsenter", f"--net=/proc/{self.first_pid}/ns/net", "--"]

    def run(self, *command: str | Path, text: str | None = None) -> str:
        """One command inside; its standard output. Raises NotReady with what it said."""
        whole = [*self.enter, *(str(c) for c in command)]
        done = subprocess.run(whole, input=text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NotReady(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    # -- the parts --------------------------------------------------------------------------------------------------

    def _entered(self) -> bool:
        assert self._holder is not None
        children = psutil.Process(self._holder.pid).children()
        if not children or "while" not in " ".join(children[0].cmdline()):
            return False
        self.first_pid = children[0].pid
        return True

    def _mount(self) -> None:
        for place in PRIVATE:
            self.run("mount", "-t", "tmpfs", "sweep", place)
        settings = self.folder / "settings"
        for name, value in _SETTINGS.items():
            file = settings / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{value}\n")
            self.run("mount", "--bind", file, f"/proc/sys/{name}")
        self.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")

    def _link(self) -> None:
        """A pair of interfaces, one end here. The first free name is ours: names are given once, addresses follow."""
        self.run("ip", "link", "set", "lo", "up")
        taken = subprocess.run(["ip", "-4", "-o", "addr"], capture_output=True, text=True, check=True).stdout
        for number in range(1, 255):
            here, subnet = f"sweep{number}", f"10.245.{number}"
            if f" {subnet}." in taken:
                continue
            pair = ["ip", "link", "add", here, "type", "veth", "peer", "name", "uplink", "netns", str(self.first_pid)]
            made = subprocess.run(pair, capture_output=True, text=True, check=False)
            if made.returncode == 0:
                break
            if "exists" not in made.stderr:
                raise NotReady(f"{' '.join(pair)}: {made.stderr.strip()}")
        else:
            raise NotReady("254 links sweep1 to sweep254 exist; remove them: ip link del NAME")
        self.address = f"{subnet}.1"
        subprocess.run(["ip", "addr", "add", f"{subnet}.2/30", "dev", here], check=True)
        subprocess.run(["ip", "link", "set", here, "up"], check=True)
        self.run("ip", "addr", "add", f"{self.address}/30", "dev", "uplink")
        self.run("ip", "link", "set", "uplink", "up")

    def _processes(self) -> Sequence[psutil.Process]:
        namespace = os.readlink(f"/proc/{self.first_pid}/ns/pid")
        found = []
        for process in psutil.process_iter():
            with suppress(OSError):
                if os.readlink(f"/proc/{process.pid}/ns/pid") == namespace:
                    found.append(process)
        return found


def may_isolate() -> bool:
    """Whether this process may make such namespaces: root in a container mostly may not."""
    tried = subprocess.run([*_UNSHARE, "mount", "-t", "tmpfs", "sweep", "/run"], capture_output=True, check=False)
    return tried.returncode == 0


# -- cgroups --------------------------------------------------------------------------------------------------------


def make_cgroup(name: str) -> None:
    """The root of the pods' cgroups, in every hierarchy, so that a kubelet never looks at the pods of another one."""
    if (CGROUPS / "cgroup.controllers").exists():
        wanted = _KUBELET_CONTROLLERS & set((CGROUPS / "cgroup.controllers").read_text().split())
        made = CGROUPS / name
        made.mkdir(exist_ok=True)
        for folder in (CGROUPS, made):
            try:
                (folder / "cgroup.subtree_control").write_text(" ".join(f"+{c}" for c in sorted(wanted)))
            except OSError as error:  # inside a container, where processes are in the way
                raise NotReady(f"{folder}/cgroup.subtree_control: {error}; run on the machine itself") from None
        return
    for hierarchy in _hierarchies():
        made = hierarchy / name
        made.mkdir(exist_ok=True)
        for file in ("cpuset.cpus", "cpuset.mems"):  # a new cpuset may use nothing until it is told
            if (made / file).exists():
                (made / file).write_text((hierarchy / file).read_text())


def remove_cgroup(name: str) -> None:
    """With everything below; processes in it must have ended."""
    for hierarchy in _hierarchies():
        if (hierarchy / name).exists():
            for folder, _, _ in os.walk(hierarchy / name, topdown=False):
                Path(folder).rmdir()


def remove_stale_cgroups() -> None:
    """Of nodes whose tests ended without an end."""
    names = {path.name for hierarchy in _hierarchies() for path in hierarchy.glob(f"{_CGROUP_PREFIX}*")}
    for name in names:
        if not psutil.pid_exists(int(name.removeprefix(_CGROUP_PREFIX))):
            remove_cgroup(name)


def _hierarchies() -> list[Path]:
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return [path for path in CGROUPS.iterdir() if path.is_dir() and not path.is_symlink()]
