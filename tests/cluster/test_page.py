"""The page of a cluster: users see and do what the API server allows their token, and one watch serves all of them."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import expect

from dev.generate.rbac import UI_RULES, VIEW_RULES
from tests.cluster.audit import resource, writes
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import PATIENCE, Object
from tests.cluster.page import Page, Stream
from tests.cluster.person import EDIT, VIEW, Person
from tests.cluster.processes import Process, free_port
from tests.cluster.rights import asked, rights_of
from tests.cluster.sweeps import manual_run, sweep
from tests.ui.browser import needs_chromium, opened

FAILED = {
    "type": "Succeeded",
    "status": "False",
    "reason": "Error",
    "message": "",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}
USERS = ("admin", "editor", "reader")
SEEN = [(verb, kind) for kind in ("sweeps", "sweepruns") for verb in ("list", "watch")]
ACTIONS: tuple[tuple[Object, str, str], ...] = (
    ({"action": "suspend"}, "patch", "sweeps"),
    ({"action": "resume"}, "patch", "sweeps"),
    ({"action": "limits", "limits": {"maxRuns": 7}}, "patch", "sweeps"),
    ({"action": "add", "parameters": {"x": 0.25}}, "create", "sweepruns"),
    ({"action": "retry", "run": "{}-failed"}, "create", "sweepruns"),
    ({"action": "stop", "run": "{}-first"}, "patch", "sweepruns"),
    ({"action": "stop"}, "patch", "sweeps"),
)
"""What each action needs; {} is the user."""


@dataclass(frozen=True)
class User:
    """Somebody with a kubeconfig; ``account``: the name in the audit log."""

    cluster: Cluster
    kubeconfig: Path
    account: str

    @property
    def token(self) -> str:
        """The bearer token."""
        return str(json.loads(self.kubeconfig.read_text())["users"][0]["user"]["token"])

    def may(self, verb: str, what: str, namespace: str) -> bool:
        """What ``kubectl auth can-i`` says."""
        name, _, part = what.partition("/")
        name = f"{name}.metta.ai" if name.startswith("sweep") else name
        command = self.cluster.command("auth", "can-i", verb, name, f"--subresource={part}", "-n", namespace)
        return _said((*command, f"--kubeconfig={self.kubeconfig}")) == "yes"


@cache
def _said(command: tuple[str, ...]) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False).stdout.strip()


@pytest.fixture(scope="module")
def places(cluster: Cluster) -> tuple[str, str]:
    """Two namespaces with a sweep of two runs for each user."""
    made = cluster.namespace(), cluster.namespace()
    for namespace in made:
        for name in USERS:
            runs = [manual_run(f"{name}-first", name, x=0.5), manual_run(f"{name}-failed", name, x=0.75)]
            cluster.apply([sweep(name), *runs], namespace)
            failed = {"status": {"conditions": [FAILED]}}
            cluster.patch("sweeprun", f"{name}-failed", namespace, failed, "--subresource=status")
    return made


@pytest.fixture(scope="module")
def person(cluster: Cluster, places: tuple[str, str]) -> Person:
    """May read the first namespace."""
    return Person(cluster, places[0], "reader", VIEW)


@pytest.fixture(scope="module")
def users(cluster: Cluster, places: tuple[str, str], person: Person) -> dict[str, User]:
    """The administrator, an editor of the first namespace only, and somebody who may read both."""
    home, other = places
    editor = Person(cluster, home, "editor", EDIT)
    rbac = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": {"name": "reader"}, "rules": VIEW_RULES}
    binding = {
        "apiVersion": f"{rbac}/v1", "kind": "RoleBinding", "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": home}],
    }  # fmt: skip
    cluster.apply([role, binding], other)
    return {
        "admin": User(cluster, cluster.kubeconfig, "admin"),
        "editor": User(cluster, editor.kubeconfig, editor.account),
        "reader": User(cluster, person.kubeconfig, person.account),
    }


@pytest.fixture(scope="module")
def page(cluster: Cluster, places: tuple[str, str]) -> Iterator[Page]:
    """Shows both namespaces, and reaches the API server through the proxy."""
    with Page(cluster, *places, through=cluster.proxied) as page:
        yield page
        cluster.proxy.mode = "pass"


@pytest.mark.parametrize("name", USERS)
async def test_everybody_gets_what_kubectl_auth_can_i_says(
    cluster: Cluster, places: tuple[str, str], users: dict[str, User], page: Page, name: str
) -> None:
    user = users[name]
    sees = {n for n in places if all(user.may(verb, kind, n) for verb, kind in SEEN)}
    assert sees == ({places[0]} if name == "editor" else set(places)), "the users differ"
    async with page.session(user.token) as session:
        async with session.get("/api/sweeps") as answer:
            assert {row["namespace"] for row in (await answer.json())["items"]} == sees
        for namespace in places:
            url = f"/api/sweeps/{namespace}/{name}"
            may_read = all(user.may("list", kind, namespace) for kind in ("sweeps", "sweepruns"))
            for path in (url, f"{url}/curves", f"{url}/runs/{name}-first"):
                async with session.get(path) as answer:
                    assert answer.status == (200 if may_read else 403), (path, await answer.text())
            async with session.get("/api/events", params={"sweep": f"{namespace}/{name}"}) as answer:
                assert answer.status == (200 if namespace in sees else 403)
            may_log = may_read and user.may("get", "pods/log", namespace)
            async with session.get(f"{url}/runs/{name}-first/log") as answer:
                assert answer.status == (404 if may_log else 403), await answer.text()
            for action, verb, kind in ACTIONS:
                allowed = may_read and user.may(verb, kind, namespace)
                body = {**action, "namespace": namespace, "sweep": name, "preview": False}
                body |= {"run": run.format(name)} if (run := action.get("run")) else {}
                async with session.post("/api/actions", json=body) as answer:
                    said = await answer.json()
                    assert answer.status == (200 if allowed else 403), (body, said)
                    if not allowed:
                        missing = f"{verb} {kind}" if may_read else "list sweeps"
                        assert f"not allowed to {missing}.metta.ai in namespace {namespace}" in said["error"], said
    # by the audit log: the API server has carried out exactly these writes, in the user's own name
    written = {
        (namespace, e["verb"], resource(e))
        for namespace in places  # other tests act as the admin, too
        for e in writes(cluster, namespace=namespace, user=user.account)
        if e["userAgent"].startswith("sweep-operator/") and e["objectRef"].get("apiGroup") == "metta.ai"
    }
    assert written == {(n, v, k) for n in places for _, v, k in ACTIONS if n in sees and user.may(v, k, n)}


async def test_the_page_s_account_uses_exactly_its_role(cluster: Cluster, page: Page) -> None:
    requests = list(asked(cluster, page.account))
    assert {right for right, _ in requests} == rights_of(UI_RULES)
    assert not writes(cluster, user=page.account)
    denied = [e for _, e in requests if e["responseStatus"]["code"] == 403]
    assert all(cluster.control_plane.was_starting(e["stageTimestamp"]) for e in denied)


async def test_a_hundred_pages_cost_one_watch_per_resource_and_miss_nothing_in_an_outage(
    cluster: Cluster, places: tuple[str, str], users: dict[str, User], page: Page
) -> None:
    home = places[0]
    async with page.session(users["reader"].token) as session:
        streams = [Stream(session, f"{home}/reader") for _ in range(100)]
        tasks = [asyncio.create_task(stream.follow()) for stream in streams]
        await until(lambda: all("reader-first" in s.runs and len(s.sweeps) == 6 for s in streams), "all pages are open")
        watches = {
            (e["objectRef"]["namespace"], e["objectRef"]["resource"], e["auditID"])
            for right, e in asked(cluster, page.account)
            if right.verb == "watch"
        }
        assert sorted(w[:2] for w in watches) == sorted((n, r) for n in places for r in ("sweepruns", "sweeps"))

        # changes while the page cannot reach the API server, which is killed and restarted meanwhile: they
        # are listed when it can
        cluster.proxy.mode = "cut"
        cluster.control_plane.processes["kube-apiserver"].kill()
        try:
            await until(lambda: all(s.trouble for s in streams), "every page says that its data is old")
        finally:
            cluster.start_apiserver()
        cluster.apply(manual_run("later", "reader", x=0.1), home)
        cluster.kubectl("delete", "sweeprun", "reader-failed", "-n", home)
        cluster.kubectl("delete", "sweep", "reader", "-n", places[1])
        assert all("waiting for the API server" in s.trouble and "later" not in s.runs for s in streams)
        cluster.proxy.mode = "pass"
        await until(lambda: all(s.runs.keys() == {"reader-first", "later"} for s in streams), "no run is missed")
        await until(lambda: all(len(s.sweeps) == 5 for s in streams), "no sweep is missed")
        await until(lambda: not any(s.trouble for s in streams), "every page says that its data is current")
        assert not any(task.done() for task in tasks), "the streams stayed open"
        for task in tasks:
            task.cancel()


@needs_chromium
async def test_a_browser_asks_for_a_token_and_shows_what_its_owner_may_see(
    places: tuple[str, str], users: dict[str, User], page: Page
) -> None:
    async with opened(f"{page.url}/#token=outdated") as tab:
        await tab.get_by_label("Token").fill(users["editor"].token)
        await tab.get_by_role("button", name="Continue").click()
        links = tab.get_by_role("link", name="admin")
        await expect(links).to_have_count(1)
        await links.click()
        await expect(tab.get_by_role("heading", name="admin")).to_be_visible()
        assert f"/s/{places[0]}/admin" in tab.url
        assert users["editor"].token not in tab.url


async def test_wrong_tokens_and_hosts_are_refused_and_no_token_is_logged(users: dict[str, User], page: Page) -> None:
    forged = users["reader"].token[:-2] + "xx"
    for token, status in ((forged, 401), (users["reader"].token, 200)):
        async with page.session(token) as session, session.get("/api/sweeps") as answer:
            assert answer.status == status
    async with page.session(users["reader"].token) as session:
        for host, status in (("evil.example", 421), ("sweeps.example.com", 200), (f"localhost:{page.port}", 200)):
            async with session.get("/api/sweeps", headers={"Host": host}) as answer:
                assert answer.status == status, host
        for host in ("evil.example", "10.0.0.1:8081"):
            async with session.get("/readyz", headers={"Host": host}) as answer:
                assert answer.status == 200, "a kubelet sends the pod's address"
    log = page.log()
    assert "page on port" in log, "the page logs"
    assert not [name for name, user in users.items() if user.token in log]
    assert forged not in log
    assert "Bearer" not in log


async def test_the_plugin_s_page_has_the_rights_of_the_kubeconfig(
    cluster: Cluster, places: tuple[str, str], users: dict[str, User], person: Person
) -> None:
    port, command = free_port(), person.command("ui", "--no-browser")
    environment = person.environment(SWEEP_UI_TOKEN="of-this-page")
    page = Process("plugin-page", [*command, f"--port={port}"], cluster.folder, env=environment)
    try:
        page.until(lambda: "#token=of-this-page" in page.log.read_text())
        headers = {"Authorization": "Bearer of-this-page"}
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session:
            async with session.get("/api/sweeps") as answer:
                assert {row["namespace"] for row in (await answer.json())["items"]} == {places[0]}
            body = {"action": "suspend", "namespace": places[0], "sweep": "reader", "preview": False}
            async with session.post("/api/actions", json=body) as answer:
                said = (await answer.json())["error"]
                assert answer.status == 403
                assert f"{person.account} is not allowed to patch sweeps.metta.ai" in said, said
            async with session.get("/api/sweeps", headers={"Authorization": "Bearer guessed"}) as answer:
                assert answer.status == 401
        taken = await asyncio.to_thread(person.kubectl, "sweep", "ui", "--no-browser", f"--port={port}")
        assert taken.code == 2
        assert taken.err == f"error: --port {port}: Address already in use; choose another port, or omit --port\n"
    finally:
        page.kill()
    done = await asyncio.to_thread(person.sweep, "ui", "--no-browser", "-A")
    assert done.code == 1
    assert "not allowed to list sweeps.metta.ai cluster-wide" in done.err


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until the condition holds."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"not within {PATIENCE:g} s: {what}")
