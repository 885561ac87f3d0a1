"""The environment of a run's containers."""

from __future__ import annotations

from collections.abc import Sequence

from sweep_operator.api.hardware import WANDB_BASE_URLS, Profile
from sweep_operator.api.model import JsonObject
from sweep_operator.api.names import FILES_DIR, RESULTS_FILE, RUN_DIR, job_name
from sweep_operator.api.parameters import env_name
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import Stage, SweepRun
from sweep_operator.api.template import StageTemplate
from sweep_operator.api.tracking import Destination, base_url, known_place
from sweep_operator.domain.identity import run_display_name, run_seed, wandb_run_id
from sweep_operator.domain.revisions import RunTemplate
from sweep_operator.manifests.overrides import CONFIG_FILE, OVERRIDES_FILE, PARAMS_FILE, WANDB_FILE, run_parameters
from sweep_operator.manifests.substitution import Values, substitute
from sweep_operator.manifests.values import number_text, plain_text

MASTER_PORT = 29500
OWNED_PREFIXES = ("SWEEP_", "PET_")
OWNED = frozenset(
    {"MASTER_ADDR", "MASTER_PORT", "WANDB_RUN_ID", "WANDB_SWEEP_ID", "WANDB_SWEEP_PARAM_PATH", "WANDB_RESUME"}
)
"""Names that a template must not set itself."""


def is_owned_variable(name: str) -> bool:
    """Whether the operator sets it, so that neither ``env`` nor ``podTemplate`` may."""
    return name in OWNED or name.startswith(OWNED_PREFIXES)


def build_env(
    sweep: Sweep,
    run: SweepRun,
    template: RunTemplate,
    stage: Stage,
    attempt: int,
    spec: StageTemplate,
    profile: Profile,
    values: Values,
    wandb_base_urls: Sequence[str] = WANDB_BASE_URLS,
) -> list[JsonObject]:
    """Ours, the profile's, then the template's own (with names replaced)."""
    env: dict[str, JsonObject] = {}

    def put(name: str, value: str) -> None:
        env[name] = {"name": name, "value": value.replace("$", "$$")}

    put("SWEEP_NAME", sweep.display_name)
    put("SWEEP_RUN_NAME", run_display_name(sweep, run))
    if run.spec.index is not None:
        put("SWEEP_RUN_INDEX", str(run.spec.index))
    put("SWEEP_RUN_SEED", str(run_seed(sweep, run)))
    put("SWEEP_STAGE", stage)
    put("SWEEP_ATTEMPT", str(attempt))
    put("SWEEP_RUN_DIR", RUN_DIR)
    put("SWEEP_RESULTS_FILE", RESULTS_FILE)
    put("SWEEP_PARAMS_FILE", f"{FILES_DIR}/{PARAMS_FILE}")
    put("SWEEP_OVERRIDES_FILE", f"{FILES_DIR}/{OVERRIDES_FILE}")
    put("SWEEP_CONFIG_FILE", f"{FILES_DIR}/{CONFIG_FILE}")
    if run.spec.prediction is not None and run.spec.prediction.cost is not None:
        put("SWEEP_PREDICTED_COST", number_text(run.spec.prediction.cost))
    for path, value in run_parameters(run, template).items():
        put(env_name(path), plain_text(value))
    if spec.nodes > 1:
        _put_nodes(env, run, stage, attempt, spec, profile)
    _put_wandb(env, sweep, run, stage, wandb_base_urls)
    for name, value in profile.env.items():
        env.setdefault(name, {"name": name, "value": value})
    for variable in spec.env or []:
        text = variable.get("value")
        replaced = substitute(text, values) if isinstance(text, str) else None
        if isinstance(text, str) and replaced is None:
            continue
        env[variable["name"]] = {**variable, "value": replaced} if replaced is not None else dict(variable)
    return list(env.values())


def _put_nodes(
    env: dict[str, JsonObject], run: SweepRun, stage: Stage, attempt: int, spec: StageTemplate, profile: Profile
) -> None:
    job = job_name(run.name, stage, attempt)
    procs = spec.procs_per_node if spec.procs_per_node != "auto" else max(1, profile.gpus)
    master = f"{job}-0.{job}"
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
    for name, value in plain.items():
        env[name] = {"name": name, "value": value}
    for name in ("SWEEP_NODE_RANK", "PET_NODE_RANK"):
        env[name] = {"name": name, "valueFrom": rank}


def _put_wandb(env: dict[str, JsonObject], sweep: Sweep, run: SweepRun, stage: Stage, base_urls: Sequence[str]) -> None:
    wandb = sweep.spec.tracking.wandb
    if wandb is None:
        return
    if wandb.mode == "disabled":  # wandb.init() does nothing, and a script written for it needs no key
        values = {"WANDB_MODE": "disabled", "WANDB_SWEEP_PARAM_PATH": f"{FILES_DIR}/{WANDB_FILE}"}
        env.update({name: {"name": name, "value": value} for name, value in values.items()})
        return
    url = base_url(wandb, base_urls)
    online = wandb.mode == "online" and url is not None  # a server that is not allowed gets neither runs nor the key
    known = known_place(sweep, Destination(url, wandb.entity, wandb.project)) if url is not None and online else None
    plain = {
        "WANDB_MODE": "online" if online else "offline",
        "WANDB_PROJECT": wandb.project,
        # The sweep lies with the entity that the operator's key has found, which need not be this key's own.
        "WANDB_ENTITY": wandb.entity or (known.entity if known is not None else None),
        "WANDB_BASE_URL": url,
        "WANDB_SWEEP_ID": known.wandb_sweep_id if known is not None else None,
        "WANDB_SWEEP_PARAM_PATH": f"{FILES_DIR}/{WANDB_FILE}",
        "WANDB_RUN_ID": wandb_run_id(sweep, run),
        "WANDB_RUN_GROUP": sweep.display_name,
        "WANDB_NAME": run_display_name(sweep, run),
        "WANDB_TAGS": f"sweep,{stage}",
        "WANDB_JOB_TYPE": "trial",
        "WANDB_RESUME": "allow",
        "WANDB_INIT_TIMEOUT": "30",
        "WANDB_FINISH_TIMEOUT": "60",
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_DIR": None if online else RUN_DIR,  # the only place whose files outlive the pod
    }
    for name, value in plain.items():
        if value is not None:
            env[name] = {"name": name, "value": value}
    if wandb.api_key_secret is not None and online:
        key = {"name": wandb.api_key_secret.name, "key": wandb.api_key_secret.key}
        env["WANDB_API_KEY"] = {"name": "WANDB_API_KEY", "valueFrom": {"secretKeyRef": key}}
