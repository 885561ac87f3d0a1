"""What `make kind-*` uses, as far as it can be looked at without Docker."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from sweep_operator.api.hardware import SHIPPED
from sweep_operator.commands.checks import checked_for_any_cluster
from sweep_operator.config.yaml_files import read_documents
from tests.cluster import tools
from tests.cluster.releases import releases
from tests.cluster.tools import kind_dir, tool

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "deploy" / "kind" / "cluster.yaml"


def gpu_node() -> dict[str, object]:
    (found,) = (n for n in yaml.safe_load(CONFIG.read_text())["nodes"] if n.get("labels"))
    return dict(found)


def test_the_sweep_of_the_gpu_node_fits_on_it() -> None:
    (manifest,) = read_documents(ROOT / "deploy" / "kind" / "on-gpu-node.yaml")
    sweep = checked_for_any_cluster(manifest)
    profile = SHIPPED[sweep.spec.train.hardware]
    node = gpu_node()
    assert profile.node_selector.items() <= dict(node["labels"]).items()  # type: ignore[call-overload]
    (patch,) = node["kubeadmConfigPatches"]  # type: ignore[misc]
    (taint,) = yaml.safe_load(patch)["nodeRegistration"]["taints"]
    # a run's files lie on a volume of its node: eval must come there too
    assert sweep.spec.eval is not None
    assert sweep.spec.eval.hardware == sweep.spec.train.hardware
    (toleration,) = profile.tolerations
    assert (toleration["key"], toleration["operator"], toleration["effect"]) == (
        taint["key"],
        "Exists",
        taint["effect"],
    )


def test_kind_itself_reads_the_configuration(tmp_path: Path) -> None:
    if not any(os.access(f / "kind", os.X_OK) for f in (kind_dir(), *map(Path, os.get_exec_path()))):
        pytest.skip("kind is not here (`make kind-up` gets it)")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(CONFIG.read_text().replace("labels:", "lables:"))
    said = {}
    for path in (CONFIG, wrong):
        command = [str(tool("kind")), "create", "cluster", "--name", "none", "--config", str(path)]
        # no engine answers there: it gets no further than that
        env = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none", "KIND_EXPERIMENTAL_PROVIDER": "docker"}
        said[path] = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300).stderr
    assert "unable to decode config" not in said[CONFIG]
    assert "docker" in said[CONFIG]
    assert "field lables not found" in said[wrong]


def test_the_targets_say_what_they_would_do() -> None:
    targets = ["kind-up", "kind-load", "kind-demo", "kind-down"]
    command = ["make", "--no-print-directory", "-n", "-o", ".venv/.installed", *targets]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    order = [
        "create cluster --name sweep --config deploy/kind/cluster.yaml",
        "scripts/images",
        "load docker-image --name sweep --nodes",
        "ghcr.io/sweep-operator/operator:",
        "upgrade --install sweep-operator charts/sweep-operator --kube-context kind-sweep",
        "status cartpole -w",
        "best-params cartpole",
        "delete cluster --name sweep",
    ]
    at = [said.index(part) for part in order]
    assert at == sorted(at)
    for file in ("deploy/kind/cluster.yaml", "deploy/kind/values.yaml", "deploy/kind/on-gpu-node.yaml"):
        assert file in said
        assert (ROOT / file).is_file()


def test_another_node_image_and_another_cluster() -> None:
    command = [
        "make",
        "-n",
        "-o",
        ".venv/.installed",
        "kind-up",
        "KIND_IMAGE=mirror.test/node:v1.36.1",
        "KIND_CONFIG=one.yaml",
    ]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "--config one.yaml --image mirror.test/node:v1.36.1 --wait" in said


def test_where_tools_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    with pytest.raises(tools.NoTool, match="make cluster-binaries"):
        tool("helm")
    kind_dir().mkdir(parents=True)
    for folder in (kind_dir(), tmp_path / "bin"):
        folder.mkdir(exist_ok=True)
        (folder / "kind").write_text("")
        (folder / "kind").chmod(0o755)
        assert tool("kind") == folder / "kind"
    (release,) = releases("kind", tools.KIND.version, "linux", "amd64", ["kind"])
    assert release.url.endswith(f"/{tools.KIND.version}/kind-linux-amd64")
    assert release.checksums == f"{release.url}.sha256sum"
