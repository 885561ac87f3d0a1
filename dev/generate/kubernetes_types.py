"""Schemas of the Kubernetes types that the chart's values contain.

They check names and types of fields, so that `helm install` names the key of a mistake. The API server checks the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from sweep_operator.api.hardware import QUANTITY
from sweep_operator.api.model import JsonObject

_STRING, _OBJECT, _LIST = {"type": "string"}, {"type": "object"}, {"type": "array"}
_BOOLEAN, _ID = {"type": ["boolean", "null"]}, {"type": ["integer", "null"], "minimum": 0}
_PORT: JsonObject = {"type": ["integer", "string"]}
_KEY = r"^([a-z0-9][-a-z0-9.]*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
_LABEL_VALUE = {"type": "string", "maxLength": 63, "pattern": "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"}
_TAKEN_VOLUMES = ["tmp", "config", "metrics-token"]
_TAKEN_PATHS = ["/tmp", "/etc/sweep-operator", "/etc/sweep-operator-metrics"]
"""Volumes and paths that the chart uses itself."""
OWN_LABELS = ("app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component")
"""Labels that the Deployment selects its pods by."""


def _fields(required: Sequence[str] = (), **fields: Mapping[str, Any]) -> JsonObject:
    """Schema of an object with exactly these fields."""
    schema: JsonObject = {"properties": {k: dict(v) for k, v in fields.items()}, "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {})


def _of(extra: JsonObject) -> Any:
    return Field(json_schema_extra=extra)


def _map(value: JsonObject, without: Sequence[str] = ()) -> Any:
    """Schema of labels or annotations. ``without``: names that are reserved for the chart."""
    # patternProperties, because helm reports the wrong location for an error in propertyNames
    keyed: JsonObject = {"patternProperties": {_KEY: value}, "additionalProperties": False}
    return _of(keyed | ({"properties": dict.fromkeys(without, False)} if without else {}))


Labels = Annotated[dict[str, str], _map(_LABEL_VALUE)]
CommonLabels = Annotated[
    dict[str, str], _map(_LABEL_VALUE, ("helm.sh/chart", "app.kubernetes.io/managed-by", *OWN_LABELS))
]
PodLabels = Annotated[dict[str, str], _map(_LABEL_VALUE, OWN_LABELS)]
Annotations = Annotated[dict[str, str], _map(_STRING)]
PodAnnotations = Annotated[dict[str, str], _map(_STRING, ("checksum/config",))]

_PROFILES: dict[str, Mapping[str, Any]] = {
    "appArmorProfile": _OBJECT,
    "runAsGroup": _ID,
    "runAsNonRoot": _BOOLEAN,
    "runAsUser": _ID,
    "seLinuxOptions": _OBJECT,
    "seccompProfile": {"type": ["object", "null"]},
    "windowsOptions": _OBJECT,
}
_CAPABILITY: JsonObject = {"type": "array", "items": {"type": "string", "pattern": "^[A-Z_]+$"}}
_CAPABILITIES = _fields(add=_CAPABILITY, drop=_CAPABILITY) | {"type": "object"}
_AMOUNTS: JsonObject = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number"], "pattern": QUANTITY, "minimum": 0},
}
_PORTS: JsonObject = {"type": "array", "items": {"type": "object", "properties": {"port": _PORT, "protocol": _STRING}}}
_OBJECTS: JsonObject = {"type": "array", "items": {"type": "object"}}
_STRINGS: JsonObject = {"type": "array", "items": {"type": "string"}}

SecurityContext = Annotated[JsonObject, _of(_fields(
    **_PROFILES, allowPrivilegeEscalation=_BOOLEAN, capabilities=_CAPABILITIES, privileged={"enum": [False]},
    procMount=_STRING, readOnlyRootFilesystem=_BOOLEAN,
))]  # fmt: skip
PodSecurityContext = Annotated[JsonObject, _of(_fields(
    **_PROFILES, fsGroup=_ID, fsGroupChangePolicy=_STRING, seLinuxChangePolicy=_STRING, supplementalGroups=_LIST,
    supplementalGroupsPolicy=_STRING, sysctls=_LIST,
))]  # fmt: skip
Toleration = Annotated[JsonObject, _of(_fields(
    key=_STRING, operator={"enum": ["Exists", "Equal", "Lt", "Gt"]}, value=_STRING,
    effect={"enum": ["NoSchedule", "PreferNoSchedule", "NoExecute", ""]}, tolerationSeconds={"type": "integer"},
))]  # fmt: skip
Affinity = Annotated[
    JsonObject, _of(_fields(**dict.fromkeys(("nodeAffinity", "podAffinity", "podAntiAffinity"), _OBJECT)))
]
EnvVar = Annotated[
    JsonObject, _of(_fields(["name"], name={"type": "string", "pattern": "^[^= ]+$"}, value=_STRING, valueFrom=_OBJECT))
]
EnvFrom = Annotated[JsonObject, _of(_fields(prefix=_STRING, configMapRef=_OBJECT, secretRef=_OBJECT))]
_VOLUME_NAME = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", "not": {"enum": _TAKEN_VOLUMES}}
Volume = Annotated[JsonObject, _of({"required": ["name"], "properties": {"name": _VOLUME_NAME}})]
_MOUNT = {
    "name": _STRING,
    "mountPath": {"type": "string", "pattern": "^/", "not": {"enum": _TAKEN_PATHS}},
    "readOnly": {"type": "boolean"},
}
VolumeMount = Annotated[JsonObject, _of({"required": ["name", "mountPath"], "properties": _MOUNT})]
NetworkPolicyPeer = Annotated[
    JsonObject,
    _of(_fields(**dict.fromkeys(("podSelector", "namespaceSelector", "ipBlock"), _OBJECT)) | {"minProperties": 1}),
]
EgressRule = Annotated[JsonObject, _of(_fields(ports=_PORTS, to=_OBJECTS))]
_RULE = _fields(
    ["expr"], alert=_STRING, annotations=_OBJECT, expr={"type": ["string", "integer"]}, keep_firing_for=_STRING,
    labels=_OBJECT, record=_STRING, **{"for": _STRING},
)  # fmt: skip
PrometheusRule = Annotated[JsonObject, _of(_RULE | {"anyOf": [{"required": ["alert"]}, {"required": ["record"]}]})]
Relabeling = Annotated[JsonObject, _of(_fields(
    action=_STRING, modulus={"type": "integer"}, regex=_STRING, replacement=_STRING, separator=_STRING,
    sourceLabels=_STRINGS, targetLabel=_STRING,
))]  # fmt: skip
Requirements = Annotated[JsonObject, _of(_fields(claims=_LIST, requests=_AMOUNTS, limits=_AMOUNTS))]
"""core/v1 ResourceRequirements."""
