"""Which files the projects publish, and where their checksums stand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Release:
    """One published file. ``holds``: binary -> its path in the archive, or "" when the file is the binary itself."""

    url: str
    checksums: str
    holds: dict[str, str]

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[1]


def releases(project: str, version: str, system: str, machine: str, binaries: list[str]) -> list[Release]:
    """The files that have ``binaries``; ``system`` linux or darwin, ``machine`` amd64 or arm64.

    Empty where the project publishes none for this system: of Kubernetes there is only kubectl for darwin.
    """
    number, both = version.removeprefix("v"), f"{system}-{machine}"
    match project:
        case "kubernetes" if system == "linux":
            base = f"https://dl.k8s.io/{version}/bin/{system}/{machine}"
            return [Release(f"{base}/{b}", f"{base}/{b}.sha256", {b: ""}) for b in binaries]
        case "etcd":
            base = f"{_github('etcd-io/etcd')}/{version}"
            folder, ending = f"etcd-{version}-{both}", "tar.gz" if system == "linux" else "zip"
            return [Release(f"{base}/{folder}.{ending}", f"{base}/SHA256SUMS", {"etcd": f"{folder}/etcd"})]
        case "containerd" if system == "linux":
            url = f"{_github('containerd/containerd')}/{version}/containerd-{number}-{both}.tar.gz"
            return [Release(url, f"{url}.sha256sum", {b: f"bin/{b}" for b in binaries})]
        case "runc" if system == "linux":
            base = f"{_github('opencontainers/runc')}/{version}"
            return [Release(f"{base}/runc.{machine}", f"{base}/runc.sha256sum", {"runc": ""})]
        case "helm":
            url = f"https://get.helm.sh/helm-{version}-{both}.tar.gz"
            return [Release(url, f"{url}.sha256sum", {"helm": f"{both}/helm"})]
        case "kwok":
            # It publishes no checksum file; GitHub tells the digest of each file of a release.
            url = f"{_github('kubernetes-sigs/kwok')}/{version}/kwok-{both}"
            digests = f"https://api.github.com/repos/kubernetes-sigs/kwok/releases/tags/{version}"
            return [Release(url, digests, {"kwok": ""})]
        case "kind":
            url = f"{_github('kubernetes-sigs/kind')}/{version}/kind-{both}"
            return [Release(url, f"{url}.sha256sum", {"kind": ""})]
        case "coredns":
            url = f"{_github('coredns/coredns')}/{version}/coredns_{number}_{system}_{machine}.tgz"
            return [Release(url, f"{url}.sha256", {"coredns": "coredns"})]
    return []


def _github(repository: str) -> str:
    return f"https://github.com/{repository}/releases/download"
