"""The environment of a run's containers."""

from __future__ import annotations

from sweep_operator.api.model import JsonObject
from sweep_operator.api.names import FILES_DIR, RESULTS_FILE, RUN_DIR
from sweep_operator.api.parameters import env_name
from sweep_operator.api.sweep import Wandb
from sweep_operator.api.tracking import Destination, base_url, known_tracking
from sweep_operator.domain.identity import wandb_run_id
from sweep_operator.domain.value_text import float_text, plain_text
from sweep_operator.manifests.attempt import StageAttempt
from sweep_operator.manifests.overrides import CONFIG_FILE, OVERRIDES_FILE, PARAMS_FILE, WANDB_FILE
from sweep_operator.manifests.substitution import substitute

MASTER_PORT = 29500
OWNED_PREFIXES = ("SWEEP_", "PET_")
OWNED = frozenset(
    {"MASTER_ADDR", "MASTER_PORT", "WANDB_RUN_ID", "WANDB_SWEEP_ID", "WANDB_SWEEP_PARAM_PATH", "WANDB_RESUME"}
)
"""Variables that a template must not set."""


def is_owned_variable(name: str) -> bool:
    """Whether the operator sets the variable, so that neither ``env`` nor ``podTemplate`` may set it."""
    return name in OWNED or name.startswith(OWNED_PREFIXES)


def build_env(attempt: StageAttempt) -> list[JsonObject]:
    """The operator's variables, then the profile's, then the template's own (with names replaced)."""
    own = {**_run_variables(attempt), **{env_name(p): plain_text(v) for p, v in attempt.parameters.items()}}
    env = {name: _plain(name, value.replace("$", "$$")) for name, value in own.items()}
    if attempt.spec.nodes > 1:
        env |= _node_variables(attempt)
    if attempt.sweep.spec.tracking.wandb is not None:
        env |= _wandb_variables(attempt, attempt.sweep.spec.tracking.wandb)
    # The user id that a profile sets has no home directory in most images.
    home = {"HOME": "/tmp"} if attempt.profile.run_as_non_root else {}
    for name, value in {**home, **attempt.profile.env}.items():
        env.setdefault(name, _plain(name, value))
    for variable in attempt.spec.env or []:
        text = variable.get("value")
        if not isinstance(text, str):
            env[variable["name"]] = dict(variable)
        elif (replaced := substitute(text, attempt.values)) is not None:
            env[variable["name"]] = {**variable, "value": replaced}
    return list(env.values())


def _run_variables(attempt: StageAttempt) -> dict[str, str]:
    values, prediction = attempt.values, attempt.run.spec.prediction
    cost = None if prediction is None else prediction.cost
    found = {
        "SWEEP_NAME": attempt.sweep.display_name,
        "SWEEP_RUN_NAME": values.name,
        "SWEEP_RUN_INDEX": None if values.index is None else str(values.index),
        "SWEEP_RUN_SEED": str(values.seed),
        "SWEEP_STAGE": attempt.stage,
        "SWEEP_ATTEMPT": str(attempt.number),
        "SWEEP_RUN_DIR": RUN_DIR,
        "SWEEP_RESULTS_FILE": RESULTS_FILE,
        "SWEEP_PARAMS_FILE": f"{FILES_DIR}/{PARAMS_FILE}",
        "SWEEP_OVERRIDES_FILE": f"{FILES_DIR}/{OVERRIDES_FILE}",
        "SWEEP_CONFIG_FILE": f"{FILES_DIR}/{CONFIG_FILE}",
        "SWEEP_PREDICTED_COST": None if cost is None else float_text(cost),
    }
    return {name: value for name, value in found.items() if value is not None}


def _node_variables(attempt: StageAttempt) -> dict[str, JsonObject]:
    spec = attempt.spec
    procs = spec.procs_per_node if spec.procs_per_node != "auto" else max(1, attempt.profile.gpus_with(spec.resources))
    master = f"{attempt.name}-0.{attempt.name}"
    rank = {"fieldRef": {"fieldPath": "metadata.annotations['batch.kubernetes.io/job-completion-index']"}}
    plain = {
        "SWEEP_NUM_NODES": str(spec.nodes),
        "MASTER_ADDR": master,
        "MASTER_PORT": str(MASTER_PORT),
        "PET_NNODES": str(spec.nodes),
        "PET_NPROC_PER_NODE": str(procs),
        "PET_MASTER_ADDR": master,
        "PET_MASTER_PORT": str(MASTER_PORT),
    }
    env = {name: _plain(name, value) for name, value in plain.items()}
    return env | {name: {"name": name, "valueFrom": rank} for name in ("SWEEP_NODE_RANK", "PET_NODE_RANK")}


def _wandb_variables(attempt: StageAttempt, wandb: Wandb) -> dict[str, JsonObject]:
    sweep, run = attempt.sweep, attempt.run
    path = f"{FILES_DIR}/{WANDB_FILE}"
    if wandb.mode == "disabled":  # wandb.init() then does nothing, and a script that calls it needs no API key
        plain: dict[str, str | None] = {"WANDB_MODE": "disabled", "WANDB_SWEEP_PARAM_PATH": path}
        return {name: _plain(name, value) for name, value in plain.items() if value is not None}
    url = base_url(wandb, attempt.wandb_base_urls)
    online = wandb.mode == "online" and url is not None  # a server that is not allowed gets neither runs nor the key
    known = known_tracking(sweep, Destination(url, wandb.entity, wandb.project)) if url is not None and online else None
    plain = {
        "WANDB_MODE": "online" if online else "offline",
        "WANDB_PROJECT": wandb.project,
        # The operator's API key determined the entity of the sweep; the pod's key may have another default entity.
        "WANDB_ENTITY": wandb.entity or (known.entity if known is not None else None),
        "WANDB_BASE_URL": url,
        "WANDB_SWEEP_ID": known.wandb_sweep_id if known is not None else None,
        "WANDB_SWEEP_PARAM_PATH": path,
        "WANDB_RUN_ID": wandb_run_id(sweep, run),
        "WANDB_RUN_GROUP": sweep.display_name,
        "WANDB_NAME": attempt.values.name,
        "WANDB_TAGS": f"sweep,{attempt.stage}",
        "WANDB_JOB_TYPE": "trial",
        "WANDB_RESUME": "allow",
        "WANDB_INIT_TIMEOUT": "30",
        "WANDB_FINISH_TIMEOUT": "60",
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_DIR": None if online else RUN_DIR,  # the only directory whose files outlive the pod
    }
    env = {name: _plain(name, value) for name, value in plain.items() if value is not None}
    if wandb.api_key_secret is not None and online:
        key = {"name": wandb.api_key_secret.name, "key": wandb.api_key_secret.key}
        env["WANDB_API_KEY"] = {"name": "WANDB_API_KEY", "valueFrom": {"secretKeyRef": key}}
    return env


def _plain(name: str, value: str) -> JsonObject:
    return {"name": name, "value": value}
