"""The cluster of a user's command: sources in kubectl's order, not in that of the operator."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from pathlib import Path

import pytest

from sweep_operator.kube.cluster import NoCluster, sources
from sweep_operator.kube.cluster.sources import (
    InCluster,
    Kubeconfig,
    find_persons_source,
    find_source,
    kubeconfig_contexts,
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home directory of a user who works in a pod, such as a notebook."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr(InCluster, "there", True)
    return tmp_path


def kubeconfig(path: Path, context: str, namespace: str | None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    server = {"server": f"https://{context}.invalid"}
    there = {"cluster": context, "user": context, **({"namespace": namespace} if namespace else {})}
    config = {
        "clusters": [{"name": context, "cluster": server}],
        "users": [{"name": context, "user": {"token": "t"}}],
        "contexts": [{"name": context, "context": there}],
        "current-context": context,
    }
    path.write_text(json.dumps(config))
    return path


def test_a_kubeconfig_has_priority_over_the_service_account(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(find_persons_source(None, None), InCluster)
    default = kubeconfig(home / ".kube" / "config", "mine", "team")
    found = find_persons_source(None, None)
    assert found == Kubeconfig(str(default))
    assert found.namespace() == "team"
    assert isinstance(find_source(None, None), InCluster), "the operator prefers the service account"
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(home / "other", "other", None)))
    assert find_persons_source(None, None).namespace() is None
    assert find_persons_source(default, None).namespace() == "team"


def test_the_first_of_several_kubeconfigs_sets_the_context(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [kubeconfig(home / name, name, f"ns-{name}") for name in ("one", "two")]
    monkeypatch.setenv("KUBECONFIG", ":".join([str(home / "none"), *map(str, files)]))
    assert kubeconfig_contexts(None) == ["one", "two"]
    for context, name in ((None, "one"), ("two", "two")):
        source = find_persons_source(None, context)
        assert source.namespace() == f"ns-{name}"
        assert asyncio.run(source.load()).host == f"https://{name}.invalid"


def test_an_unknown_context_is_named(home: Path) -> None:
    path = kubeconfig(home / "one", "one", None)
    with pytest.raises(NoCluster, match="nowhere"):
        find_persons_source(path, "nowhere").namespace()


def test_a_kubeconfig_that_cannot_be_read_is_named_with_the_cause(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kubeconfig(home / "one", "one", None)

    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(sources, "KubeConfigMerger", refused)
    with pytest.raises(NoCluster, match=f"^{path}: Permission denied$"):
        find_persons_source(path, None).namespace()


def test_a_message_names_the_whole_context_and_no_token(home: Path) -> None:
    found = Kubeconfig(str(kubeconfig(home / "one", "mine", None)), "all in one")
    with pytest.raises(NoCluster, match="/one: has no context 'all in one'; `kubectl config get-contexts`"):
        found.namespace()
    (home / "two").write_text(
        json.dumps({"contexts": [{"name": "all in one", "token": "secret"}], "current-context": "all in one"})
    )
    with pytest.raises(NoCluster) as caught:
        Kubeconfig(str(home / "two")).namespace()
    assert str(caught.value) == f"{home / 'two'}: Expected key context"
