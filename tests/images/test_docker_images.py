"""The images of images/*/Dockerfile, as Kubernetes starts them: read-only root, any uid, no capabilities.

make test-images        builds them first (BASE, TORCH_INDEX and BUILD_FLAGS as for `make images`)
SWEEP_IMAGES_TAG=TAG    takes those that are there
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.operator_process import Operator
from tests.cluster.processes import Process
from tests.cluster.sweeps import check_ended_well, sweep, until_reason

ROOT = Path(__file__).parents[2]
DOCKER = os.environ.get("DOCKER", "docker")
IMAGES = os.environ.get("IMAGES", "ghcr.io/sweep-operator")
HARD = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
ANY_UID = "1234567:0"
"""As OpenShift gives them: in no /etc/passwd, of group 0."""

pytestmark = [pytest.mark.images, pytest.mark.timeout(3600)]


def docker(*arguments: str, timeout: float = 300) -> str:
    """Its standard output; its standard error is told where it fails."""
    done = subprocess.run([DOCKER, *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr or done.stdout}"
    return done.stdout


@pytest.fixture(scope="session")
def tag() -> str:
    """Of images that are there. Of the session, and so asked before the test cluster is started for nothing."""
    if shutil.which(DOCKER) is None or subprocess.run([DOCKER, "info"], capture_output=True, check=False).returncode:
        pytest.skip(f"no Docker engine answers ({DOCKER} info)")
    given = os.environ.get("SWEEP_IMAGES_TAG")
    if given:
        return given
    if not os.environ.get("SWEEP_BUILD_IMAGES"):
        pytest.skip("building the images takes minutes: `make test-images` does it")
    subprocess.run([ROOT / "scripts" / "images"], env={**os.environ, "IMAGE_TAG": "test", "IMAGES": IMAGES}, check=True)
    return "test"


def run(image: str, *command: str, user: str = ANY_UID, options: tuple[str, ...] = ()) -> str:
    return docker("run", "--rm", "--network", "none", *HARD, "--user", user, *options, image, *command)


@pytest.mark.parametrize("name", ["operator", "trainer"])
def test_labels_and_versions(tag: str, name: str) -> None:
    config = json.loads(docker("image", "inspect", f"{IMAGES}/{name}:{tag}"))[0]["Config"]
    assert config["User"] == "65532:65532"
    assert config.get("Healthcheck") is None, "probes are Kubernetes'"
    labels = {k.removeprefix("org.opencontainers.image."): v for k, v in config["Labels"].items()}
    version = subprocess.run([ROOT / "scripts" / "version"], capture_output=True, text=True, check=True).stdout.strip()
    assert labels["version"] == version
    assert labels["licenses"] == "MIT"
    assert {"title", "description", "revision", "created", "source"} <= labels.keys()


@pytest.mark.parametrize("name", ["operator", "trainer"])
def test_bytecode_is_complete_and_build_tools_are_absent(tag: str, name: str) -> None:
    modules = (
        "sweep_operator.runtime.operation, torch, gpytorch, protein.protein"
        if name == "operator"
        else "stable_baselines3, hydra, wandb"
    )
    script = f"""
import os, sys, {modules}
cached = {{name: vars(m).get("__cached__") for name, m in list(sys.modules.items())}}
files = {{name: path for name, path in cached.items() if isinstance(path, str)}}
missing = sorted(n for n, f in files.items() if f.startswith("/opt/venv") and not os.path.exists(f))
assert not missing, missing[:5]
flags = {{open(f, "rb").read(8)[4] for f in files.values() if f.startswith("/opt/venv")}}
assert flags == {{1}}, f"bytecode that is compared with its source at each start: {{flags}}"  # PEP 552: unchecked hash
assert not any(os.path.exists(p) for p in ("/opt/build", "/src", "/dist")), "what only the build needs"
print(len(files))
"""
    assert int(run(f"{IMAGES}/{name}:{tag}", "-c", script, options=("--entrypoint", "python"))) > 100


def test_the_operators_commands_start_for_any_user(tag: str) -> None:
    image = f"{IMAGES}/operator:{tag}"
    for user in (ANY_UID, "65532:65532"):
        assert "--lease-seconds" in run(image, "--help", user=user)
    assert "status" in run(image, "--help", options=("--entrypoint", "kubectl-sweep"))


@pytest.mark.skipif(sys.platform != "linux", reason="a container reaches the test cluster by the host's network")
def test_the_operator_runs_a_sweep(tag: str, cluster: Cluster, namespace: str) -> None:
    operator = Operator(cluster, namespace)
    folder = Path(operator.kubeconfig).parent
    name = f"sweep-operator-{namespace}-{os.getpid()}"
    command = [
        DOCKER, "run", "--rm", "--name", name, "--network", "host", *HARD, "--user", ANY_UID,
        "--volume", f"{folder}:{folder}:ro", f"{IMAGES}/operator:{tag}",
        f"--namespace={namespace}", f"--kubeconfig={operator.kubeconfig}", f"--port={operator.port}",
        "--host=127.0.0.1", "--lease-seconds=3",
    ]  # fmt: skip
    # A token is for its owner to read; this user is another one.
    for path in (folder, *folder.glob(f"{namespace}-*"), *folder.glob("certs/apiserver.crt"), folder / "certs"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    process = Process(f"docker-{namespace}", command, cluster.folder)
    try:
        process.until(operator.ready)
        # by the model: the optimizer's own process has started in there too
        limits = {"maxRuns": 4}
        cluster.apply(sweep("boxed", method="bayes", limits=limits, protein={"numRandomSamples": 1}), namespace)
        until_reason(cluster, "sweep", "boxed", namespace, "MaxRunsReached")
        found = check_ended_well(cluster, namespace, "boxed", 4)
        assert "model" in {r["spec"]["origin"] for r in found}
        assert "fallback" not in {r["spec"]["origin"] for r in found}
    finally:
        subprocess.run([DOCKER, "stop", name], capture_output=True, check=False)
        process.stop()


def test_the_trainer_trains_and_evaluates(tag: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    shared = ("--volume", f"{tmp_path}:/sweep", "--env", "SWEEP_RUN_DIR=/sweep/run", "--env", "SWEEP_RUN_SEED=1")
    named = (*shared, "--env", "SWEEP_RUN_NAME=box.r.0")
    settings = ("trainer.total_timesteps=512", "trainer.n_steps=128", "trainer.batch_size=64", "trainer.n_envs=2")
    image = f"{IMAGES}/trainer:{tag}"
    run(image, "python", "images/trainer/train.py", *settings, options=named)
    results = ("--env", "SWEEP_RESULTS_FILE=/sweep/results")
    run(image, "python", "images/trainer/sweep_eval.py", "sim.episodes=3", *settings, options=(*named, *results))
    found = json.loads((tmp_path / "results").read_text())
    assert 1 <= found["metrics"]["reward"] <= 500
