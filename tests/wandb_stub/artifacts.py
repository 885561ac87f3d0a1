"""Artifacts: versions of named collections, their manifests and files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.wandb_stub.records import Artifact, Project, Refused, timestamp
from tests.wandb_stub.request import Info, Request
from tests.wandb_stub.state import node_id


def find(request: Request, node: str) -> Artifact:
    """
    Raises:
        Refused: there is no such artifact, or the key may not see its project.
    """
    artifact = request.state.artifacts.get(node)
    if artifact is None or request.state.project(request.reader(), artifact.entity, artifact.project) is None:
        raise Refused(404, f"artifact {node} not found")
    return artifact


def versions(request: Request, artifact: Artifact) -> list[Artifact]:
    """The committed versions of the artifact's collection, oldest first."""
    known = request.state.artifacts.values()
    return [one for one in known if one.collection_path == artifact.collection_path and one.state == "COMMITTED"]


def create(_: Any, info: Info, input: dict[str, Any]) -> Any:
    """A new version; the same content again is the version that is there."""
    request = info.context
    project = request.state.writable(request.account, input["entityName"], input["projectName"], "createArtifact")
    name = input.get("artifactCollectionName") or (input.get("artifactCollectionNames") or [""])[0]
    new = Artifact(
        len(request.state.artifacts) + 1,
        project.entity,
        project.name,
        name,
        input["artifactTypeName"],
        input["digest"],
        request.state.clock(),
        run=input.get("runName"),
        description=input.get("description"),
        metadata=input.get("metadata") or "{}",
        aliases=[alias["alias"] for alias in input.get("aliases") or []],
    )
    same = [one for one in versions(request, new) if one.digest == new.digest]
    if same:
        return {"artifact": same[-1]}
    request.state.artifacts[new.id] = new
    request.state.keep(new)
    return {"artifact": new}


def create_manifest(_: Any, info: Info, input: dict[str, Any]) -> Any:
    return {"artifactManifest": manifest(find(info.context, input["artifactID"]), info, input["name"])}


def manifest(artifact: Artifact, info: Info, name: str = "wandb_manifest.json") -> Any:
    path = f"artifacts/{artifact.id}/{name}"
    url = f"{info.context.base_url}/stored/{path}"
    return {
        "id": node_id("ArtifactManifest", artifact.id, name),
        "file": {"id": node_id("File", path), "directUrl": url, "uploadUrl": url, "uploadHeaders": []},
    }


def create_files(_: Any, info: Info, input: dict[str, Any]) -> Any:
    request = info.context
    edges = []
    for spec in input["artifactFiles"]:
        artifact = find(request, spec["artifactID"])
        path = f"artifacts/{artifact.id}/{spec['name']}"
        artifact.files = sorted({*artifact.files, spec["name"]})
        request.state.keep(artifact)
        node: dict[str, Any] = {
            "storagePath": path,
            "uploadUrl": f"{request.base_url}/stored/{path}",
            "uploadHeaders": [],
            "uploadMultipartUrls": None,
            "artifact": artifact,
        }
        edges.append({"node": node})
    return {"files": {"edges": edges}}


def commit(_: Any, info: Info, input: dict[str, Any]) -> Any:
    artifact = find(info.context, input["artifactID"])
    if artifact.state != "COMMITTED":
        artifact.version = len(versions(info.context, artifact))
        artifact.state = "COMMITTED"
        info.context.state.keep(artifact)
    return {"artifact": artifact}


def use(_: Any, info: Info, input: dict[str, Any]) -> Any:
    return {"artifact": find(info.context, input["artifactID"])}


def by_name(p: Project, info: Info, name: str) -> Any:
    """ "collection:v3" or "collection:alias"; ":latest" is the newest."""
    collection, _, alias = name.partition(":")
    wanted = Artifact(0, p.entity, p.name, collection, "", "", 0)
    for one in reversed(versions(info.context, wanted)):
        if alias in ("", "latest", f"v{one.version}", *one.aliases):
            return one
    return None


def artifact_type(p: Project, info: Info, name: str) -> Any:
    known = info.context.state.artifacts.values()
    found = [one for one in known if (one.entity, one.project, one.type) == (p.entity, p.name, name)]
    return type_of(found[0]) if found else None


def type_of(a: Artifact) -> dict[str, Any]:
    return {
        "id": node_id("ArtifactType", a.type),
        "name": a.type,
        "description": None,
        "createdAt": timestamp(a.created),
    }


def sequence(a: Artifact, info: Info) -> Any:
    found = versions(info.context, a)
    return {
        "__typename": "ArtifactSequence",
        "id": node_id("ArtifactSequence", a.collection_path),
        "name": a.collection,
        "project": info.context.project(a.entity, a.project),
        "latestArtifact": found[-1] if found else None,
    }


def aliases(a: Artifact, info: Info) -> Any:
    collection = sequence(a, info)
    return [
        {"id": node_id("ArtifactAlias", a.id, alias), "alias": alias, "artifactCollection": collection}
        for alias in a.aliases
    ]


QUERY: dict[str, Callable[..., Any]] = {"artifact": lambda _, info, id: find(info.context, id)}
PROJECT: dict[str, Callable[..., Any]] = {"artifact": by_name, "artifactType": artifact_type}
MUTATION: dict[str, Callable[..., Any]] = {
    "createArtifact": create,
    "createArtifactManifest": create_manifest,
    "createArtifactFiles": create_files,
    "commitArtifact": commit,
    "useArtifact": use,
}
ARTIFACT: dict[str, Callable[..., Any]] = {
    "artifactSequence": sequence,
    "artifactType": lambda a, _: type_of(a),
    "versionIndex": lambda a, _: a.version,
    "ttlDurationSeconds": lambda a, _: 0,
    "ttlIsInherited": lambda a, _: True,
    "tags": lambda a, _: [],
    "historyStep": lambda a, _: None,
    "size": lambda a, info: sum(len(info.context.state.file(f"artifacts/{a.id}/{name}") or b"") for name in a.files),
    "digestAlgorithm": lambda a, _: None,
    "commitHash": lambda a, _: "0" * 40,
    "fileCount": lambda a, _: len(a.files),
    "createdAt": lambda a, _: timestamp(a.created),
    "updatedAt": lambda a, _: None,
    "aliases": aliases,
    "currentManifest": manifest,
}
