"""Labels, annotations, finalizers and names in one place: what is written on objects, and how they are found."""

from __future__ import annotations

GROUP = "metta.ai"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "sweep-operator"
SWEEP_LABEL = f"{GROUP}/sweep"
"""The Sweep's object name, on everything that belongs to it."""
SWEEP_UID_LABEL = f"{GROUP}/sweep-uid"
RUN_LABEL = f"{GROUP}/run"
"""The SweepRun's object name, on its Jobs, Pods, claims and Services."""
RUN_UID_LABEL = f"{GROUP}/run-uid"
"""Tells what belongs to a run from what an earlier run of that name has left."""
STAGE_LABEL = f"{GROUP}/stage"
ATTEMPT_LABEL = f"{GROUP}/attempt"

RESULT_FINALIZER = f"{GROUP}/result"
"""On a pod, until SweepRun.status holds what its termination message says."""

RUN_PATH_ANNOTATION = f"{GROUP}/run-path"
"""On a pod: ``<displayName>/runs/<runName>``, the run directory below the root of a shared directory."""
INDEX_ANNOTATION = "batch.kubernetes.io/job-completion-index"
"""On a pod of a run with several nodes: its number. Kubernetes writes it."""
FILES_ANNOTATION_PREFIX = f"files.{GROUP}/"
"""``files.metta.ai/<file name>`` on a pod: one parameter file, mounted by a downwardAPI volume."""

KUEUE_GROUP = "kueue.x-k8s.io"
QUEUE_LABEL = f"{KUEUE_GROUP}/queue-name"
PRIORITY_LABEL = f"{KUEUE_GROUP}/priority-class"

MAIN_CONTAINER = "main"
RUN_VOLUME = "sweep-run"
"""The volume handed from train to eval. In local mode: the run directory."""
FILES_VOLUME = "sweep-files"
"""The downwardAPI volume of the parameter files. In local mode its files lie in the run directory."""

RUN_DIR = "/sweep/run"
FILES_DIR = "/etc/sweep"
RESULTS_FILE = "/dev/termination-log"
"""Where $SWEEP_RESULTS_FILE points in a container: Kubernetes' own default termination message path."""

MAX_RESULT_BYTES = 4096
PEAK_MEMORY = "peakMemoryBytes"
"""Metric with the highest memory use of a stage, which is measured if the program does not report it."""


def run_object_name(sweep: str, index: int) -> str:
    """The SweepRun that is the reservation of ``index``."""
    return f"{sweep}.r.{index}"


def job_name(run: str, stage: str, attempt: int) -> str:
    """An Indexed Job's name plus its index must be a DNS label, so the dots of the run's name become dashes."""
    return f"{run.replace('.', '-')}-{stage}-{attempt}"
