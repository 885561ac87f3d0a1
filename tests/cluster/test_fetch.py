"""How the binaries come: checked downloads, the Go build, and what is said when neither works."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cluster import fetch
from tests.cluster.binaries import CONTROL_PLANE, NODE, Pin, pins
from tests.cluster.download import Unavailable, WrongChecksum, checksum
from tests.cluster.download import fetch as download
from tests.cluster.gobuild import MODULES, CannotBuild, build, toolchain
from tests.cluster.processes import free_port
from tests.cluster.releases import Release, releases

PROGRAM = b"#!/bin/sh\necho it runs\n"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Site:
    """A web server on this machine; ``files`` by path, ``cut`` paths end half way."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = site.files.get(self.path)
                self.send_response(404 if content is None else 200)
                content = content or b""
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if self.path in site.cut else content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def release(self, name: str, content: bytes, holds: dict[str, str], said: str | None = None) -> Release:
        self.files[f"/{name}"] = content
        self.files[f"/{name}.sha256"] = f"{said or sha256(content)}  {name}\n".encode()
        return Release(f"{self.url}/{name}", f"{self.url}/{name}.sha256", holds)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


def tar_of(path: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo(path)
        info.size = len(PROGRAM)
        tar.addfile(info, io.BytesIO(PROGRAM))
    return buffer.getvalue()


def zip_of(path: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        zipped.writestr(path, PROGRAM)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "member"),
    [
        ("tool", PROGRAM, ""),
        ("tool.tar.gz", tar_of("folder/tool"), "folder/tool"),
        ("tool.tgz", tar_of("./folder/tool"), "folder/tool"),
        ("tool.zip", zip_of("folder/tool"), "folder/tool"),
    ],
)
def test_a_release_becomes_a_program(site: Site, tmp_path: Path, name: str, content: bytes, member: str) -> None:
    download(site.release(name, content, {"tool": member}), tmp_path)
    assert subprocess.run([tmp_path / "tool"], capture_output=True, text=True).stdout == "it runs\n"
    assert [p.name for p in tmp_path.iterdir()] == ["tool"]


def test_a_wrong_checksum_is_refused_and_nothing_kept(site: Site, tmp_path: Path) -> None:
    release = site.release("tool", PROGRAM, {"tool": ""}, said=sha256(b"what was published"))
    with pytest.raises(WrongChecksum, match=sha256(PROGRAM)):
        download(release, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_checksum_is_not_mended_by_a_build(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    release = site.release("kwok", PROGRAM, {"kwok": ""}, said=sha256(b"other"))
    monkeypatch.setattr(fetch, "releases", lambda *_: [release])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert fetch.main(["kwok"]) == 1
    assert "nothing was kept" in capsys.readouterr().err
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_only_what_is_missing_is_fetched(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        b: site.release(b, PROGRAM + b.encode(), {b: ""}) for b in ("containerd", "containerd-shim-runc-v2", "ctr")
    }
    asked: list[str] = []

    def published(*arguments: object) -> list[Release]:
        names = arguments[-1]
        assert isinstance(names, list)
        asked.extend(names)
        return [files[name] for name in names]

    monkeypatch.setattr(fetch, "releases", published)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(fetch.sys, "platform", "linux")
    assert fetch.main(["containerd"]) == 0
    folder = next((tmp_path / "sweep-operator" / "cluster").iterdir())
    (folder / "ctr").unlink()
    assert fetch.main(["containerd"]) == 0
    assert asked == ["containerd", "containerd-shim-runc-v2", "ctr", "ctr"]
    assert "downloaded in" in capsys.readouterr().out


@pytest.mark.parametrize("why", ["nobody listens", "no such file", "no checksum", "half of it", "a page of a proxy"])
def test_what_cannot_be_had_says_so_at_once(site: Site, tmp_path: Path, why: str) -> None:
    release = site.release("tool", PROGRAM, {"tool": ""})
    if why == "nobody listens":
        release = Release(*(f"http://127.0.0.1:{free_port()}/tool" for _ in range(2)), {"tool": ""})
    elif why == "no such file":
        del site.files["/tool"]
    elif why == "no checksum":
        site.files["/tool.sha256"] = f"{sha256(PROGRAM)}  another\n".encode()
    elif why == "half of it":
        site.cut.add("/tool")
    else:
        site.files["/tool.sha256"] = b"<html>Please log in</html>"
    with pytest.raises(Unavailable):
        download(release, tmp_path)
    assert not (tmp_path / "tool").exists()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{sum}\n", "tool"),
        ("{sum}  release/tool\n", "tool"),
        ("{other}  tool.sig\n{sum} *tool\n", "tool"),
        ("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{sum}  tool\n-----BEGIN PGP SIGNATURE-----\n", "tool"),
    ],
)
def test_checksum_files(text: str, name: str) -> None:
    assert checksum(text.format(sum="a" * 64, other="b" * 64), name) == "a" * 64


def test_github_tells_the_digests_of_a_release() -> None:
    text = json.dumps({"assets": [{"name": "kwok-linux-amd64", "digest": f"sha256:{'a' * 64}"}, {"name": "old"}]})
    assert checksum(text, "kwok-linux-amd64") == "a" * 64
    assert checksum(text, "old") is None


# -- the Go build ---------------------------------------------------------------------------------------------------

needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="go is not installed")


@needs_go
def test_a_module_is_built_with_its_variables(tmp_path: Path) -> None:
    module = tmp_path / "modules" / "hello"
    module.mkdir(parents=True)
    (module / "go.mod").write_text("module example.invalid/hello\n\ngo 1.21\n")
    (module / "main.go").write_text('package main\n\nvar version = "none"\n\nfunc main() { println(version) }\n')
    pin = Pin("v1.2.3", {"hello": "example.invalid/hello"}, "hello", {"main.version": "v1.2.3"})
    build(pin, ["hello"], tmp_path, modules=tmp_path / "modules")
    assert subprocess.run([tmp_path / "hello"], capture_output=True, text=True).stderr == "v1.2.3\n"
    (module / "main.go").write_text("package main\n\nfunc main() { wrong() }\n")
    with pytest.raises(CannotBuild, match="undefined: wrong"):
        build(pin, ["hello"], tmp_path, modules=tmp_path / "modules")


@needs_go
def test_a_newer_go_is_fetched_by_the_one_that_is_here(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module m\n\ngo 1.99.0\n")
    assert toolchain(tmp_path / "go.mod") == "go1.99.0"
    (tmp_path / "go.mod").write_text("module m\n\ngo 1.21.0\n")
    assert toolchain(tmp_path / "go.mod") == "local"


def test_without_go_and_without_downloads_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/kwok"
    monkeypatch.setattr(fetch, "releases", lambda *_: [Release(nobody, nobody, {"kwok": ""})])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fetch.main(["kwok"]) == 1
    said = capsys.readouterr()
    assert "Connection refused" in said.out
    assert re.fullmatch(
        r"kwok v\S+: can be neither downloaded nor built: go is not installed: install Go .*\n", said.err
    )


def test_an_old_go_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go1.19.8\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(CannotBuild, match=r"go1\.19\.8 is too old"):
        toolchain(MODULES / "kwok" / "go.mod")


# -- the pins -------------------------------------------------------------------------------------------------------


def test_every_binary_of_the_cluster_is_pinned() -> None:
    assert {*CONTROL_PLANE, *NODE} <= {name for pin in pins().values() for name in pin.binaries}


@pytest.mark.parametrize("project", sorted(pins()))
def test_the_modules_have_the_pinned_versions(project: str) -> None:
    pin = pins()[project]
    module, sums = ((MODULES / pin.module / name).read_text() for name in ("go.mod", "go.sum"))
    for package in pin.binaries.values():
        required = re.findall(r"^\t(\S+) (v\S+)(?: // indirect)?$", module, re.MULTILINE)
        found = [(path, version) for path, version in required if package == path or package.startswith(f"{path}/")]
        assert max(found, key=lambda one: len(one[0]))[1] == pin.version
        assert f"{max(found)[0]} {pin.version} h1:" in sums
        assert re.search(rf"^(tool |\t){re.escape(package)}$", module, re.MULTILINE)
    if "k8s.io/component-base/version.gitVersion" in pin.variables:
        major, minor, _ = pin.version.removeprefix("v").split(".")
        assert list(pin.variables.values()) == [pin.version, major, minor]


@pytest.mark.parametrize("project", sorted(pins()))
def test_on_linux_every_binary_is_published(project: str) -> None:
    pin = pins()[project]
    for machine in ("amd64", "arm64"):
        files = releases(project, pin.version, "linux", machine, list(pin.binaries))
        assert {name for file in files for name in file.holds} == set(pin.binaries)
        assert all(file.url.startswith("https://") and file.checksums.startswith("https://") for file in files)


def test_a_mac_builds_the_control_plane_and_has_no_node() -> None:
    kubernetes = pins()["kubernetes"]
    assert releases("kubernetes", kubernetes.version, "darwin", "arm64", list(kubernetes.binaries)) == []
    assert "kubelet" not in fetch.missing(kubernetes, Path("/nowhere"), "darwin")
    assert fetch.missing(pins()["runc"], Path("/nowhere"), "darwin") == []


def test_downloads_alone_end_at_the_first_host_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/kwok"
    monkeypatch.setattr(fetch, "releases", lambda *_: [Release(nobody, nobody, {"kwok": ""})])
    monkeypatch.setattr(fetch, "build", lambda *_: pytest.fail("nothing may be built"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert fetch.main(["--downloads"]) == 0
    assert re.fullmatch(r"kubernetes v\S+: cannot be downloaded \(127\.0\.0\.1: .*refused\)\n", capsys.readouterr().out)
