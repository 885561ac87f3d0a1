"""Pods on one machine: paths, variables, volumes, quantities."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep_operator.api.names import INDEX_ANNOTATION
from sweep_operator.domain.references import expand, translate
from sweep_operator.kube.embedded.container import Place, Process, build_process
from sweep_operator.kube.embedded.memory_limit import limit_bytes
from sweep_operator.kube.embedded.volumes import Unsupported, materialize, unsupported
from sweep_operator.kube.protocol import Object


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/sweep/run", "/x"),
        ("--out=/sweep/run/a", "--out=/x/a"),
        ("/sweep/runner /sweep/run-2", "/sweep/runner /sweep/run-2"),
        ("/old/sweep/run", "/old/sweep/run"),
        ("a:/sweep/run:/etc/sweep/f", "a:/x:/y/f"),
        ("/sweep/run/deep/f", "/z/f"),
    ],
)
def test_paths_are_translated_at_their_boundaries(text: str, expected: str) -> None:
    assert translate(text, {"/sweep/run": "/x", "/etc/sweep": "/y", "/sweep/run/deep": "/z"}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("$(A)", "1"), ("$$(A)", "$(A)"), ("$(B)", "$(B)"), ("$A $", "$A $"), ("$$", "$"), ("$(A", "$(A")],
)
def test_expansion_is_kubernetes_own(text: str, expected: str) -> None:
    assert expand(text, {"A": "1"}) == expected


@given(st.text())
def test_escaped_text_comes_through(text: str) -> None:
    assert expand(text.replace("$", "$$"), {"A": "1"}) == text


def test_volumes_without_a_local_meaning_are_named() -> None:
    spec = {"volumes": [{"name": "d", "nfs": {}}, {"name": "sweep-run", "persistentVolumeClaim": {}}]}
    assert unsupported(spec) == [
        "volume 'd' of type nfs is not supported on one machine; use emptyDir, configMap, hostPath, downwardAPI"
    ]


@pytest.mark.parametrize(
    ("quantity", "expected"), [("100Mi", 100 * 2**20), ("1.5G", 1_500_000_000), ("7", 7), ("", None), ("lots", None)]
)
def test_memory_quantities(quantity: str, expected: int | None) -> None:
    assert limit_bytes({"resources": {"limits": {"memory": quantity}}}) == expected


def test_the_environment_of_an_outer_run_is_not_inherited(tmp_path: Path) -> None:
    outer = {"PATH": os.environ["PATH"], "SWEEP_RUN_NAME": "outer", "KEPT": "yes"}
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "main", "command": ["sh"]}]}}
    process = build_process(pod, Place(tmp_path, "s"), lambda name: None, outer, tmp_path, 1)
    assert "SWEEP_RUN_NAME" not in process.env
    assert process.env["KEPT"] == "yes"


def pod(main: Any = None, **spec: Any) -> Object:
    container = {"name": "main", "command": ["sh"], **(main or {})}
    return {"metadata": {"name": "p", "namespace": "default"}, "spec": {"containers": [container], **spec}}


def built(pod: Object, tmp_path: Path) -> Process:
    return build_process(pod, Place(tmp_path / "data", "s"), lambda name: None, {"HOME": "/h"}, tmp_path, 4711)


def test_variables_see_what_the_container_declares_and_nothing_else(tmp_path: Path) -> None:
    env = [
        {"name": "A", "value": "/data/x"},
        {"name": "B", "value": "$(A):$(HOME):$(LATER)"},
        {"name": "LATER", "value": "1"},
    ]
    mounts = [{"name": "v", "mountPath": "/data"}]
    process = built(pod({"env": env, "volumeMounts": mounts}, volumes=[{"name": "v", "emptyDir": {}}]), tmp_path)
    folder = tmp_path / "data" / "volumes" / "s" / "v"
    assert process.env["B"] == f"{folder}/x:$(HOME):$(LATER)", "translated once, although it lies below a data/ itself"


def test_text_from_elsewhere_is_not_expanded(tmp_path: Path) -> None:
    env = [{"name": "A", "value": "1"}, {"name": "NOTE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}}]
    subject = pod({"env": env})
    subject["metadata"]["uid"] = "$(A) $$"
    assert built(subject, tmp_path).env["NOTE"] == "$(A) $$"


def test_names_of_ranks_are_this_machine(tmp_path: Path) -> None:
    env = [{"name": "MASTER_PORT", "value": "29500"}, {"name": "MASTER_ADDR", "value": "j-0.j"}]
    args = ["--rdzv=$(MASTER_ADDR):$(MASTER_PORT)", "tcp://j-1.j.default.svc:80", "obj-0.j", "j-0x"]
    subject = pod({"env": env, "args": args}, hostname="j-1")
    subject["metadata"]["annotations"] = {INDEX_ANNOTATION: "1"}
    process = built(subject, tmp_path)
    assert process.argv[1:] == ["--rdzv=127.0.0.1:4711", "tcp://127.0.0.1:80", "obj-0.j", "j-0x"]
    assert (process.env["MASTER_ADDR"], process.env["MASTER_PORT"]) == ("127.0.0.1", "4711")


def test_config_maps_keep_modes_and_bytes(tmp_path: Path) -> None:
    maps = {"cm": {"data": {"run.sh": "#!/bin/sh\n"}, "binaryData": {"raw": base64.b64encode(b"\xff\x00").decode()}}}
    items = [{"key": "run.sh", "path": "bin/run.sh", "mode": 0o755}, {"key": "raw", "path": "raw"}]
    volume = {"name": "v", "configMap": {"name": "cm", "items": items, "defaultMode": 0o600}}
    subject = pod({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}, volumes=[volume])
    folder = Path(materialize(subject, tmp_path, tmp_path / "scratch", maps.get)["/v"])
    assert (folder / "raw").read_bytes() == b"\xff\x00"
    modes = {p.name: p.stat().st_mode & 0o777 for p in folder.rglob("*") if p.is_file()}
    assert modes == {"run.sh": 0o755, "raw": 0o600}


@pytest.mark.parametrize(
    ("name", "kind", "refused"),
    [
        ("dir", "", None),
        ("dir", "Directory", None),
        ("file", "File", None),
        ("new", "DirectoryOrCreate", None),
        ("new", "FileOrCreate", None),
        ("new", "", "does not exist; create it"),
        ("new", "Directory", "does not exist; create it"),
        ("file", "Directory", "is not a directory"),
        ("dir", "File", "is not a file"),
    ],
)
def test_host_paths(tmp_path: Path, name: str, kind: str, refused: str | None) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "file").touch()
    volume = {"name": "v", "hostPath": {"path": str(tmp_path / name), "type": kind}}
    subject = pod({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}, volumes=[volume])
    if refused is None:
        assert materialize(subject, tmp_path, tmp_path / "scratch", lambda name: None) == {"/v": str(tmp_path / name)}
    else:
        with pytest.raises(Unsupported, match=refused):
            materialize(subject, tmp_path, tmp_path / "scratch", lambda name: None)
