"""Downloads that are checked by sha256. One try, short time limits: where downloads are refused, that shows at once."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import shutil
import tarfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

from tests.cluster.releases import Release

SILENCE_SECONDS = 5.0
_CHUNK = 1 << 20
_LINE = re.compile(r"^([0-9a-f]{64})(?:\s+\*?(\S+))?$")


class Unavailable(Exception):
    """The file cannot be had here: no route, no such file, no checksum, or the connection broke."""


class WrongChecksum(Exception):
    """What came is not what was published."""


def fetch(release: Release, into: Path) -> None:
    """Its binaries, in the folder ``into``. Raises Unavailable, WrongChecksum."""
    expected = checksum(_text(release.checksums), release.name)
    if expected is None:
        raise Unavailable(f"{release.checksums} has no sha256 of {release.name}")
    archive = into / f".{release.name}"
    found = _save(release.url, archive)
    if found != expected:
        archive.unlink()
        raise WrongChecksum(f"{release.url}: sha256 is {found}, {release.checksums} says {expected}; nothing was kept")
    for binary, member in release.holds.items():
        if member:
            _extract(archive, member, into / binary)
        else:
            archive.rename(into / binary)
        (into / binary).chmod(0o755)
    archive.unlink(missing_ok=True)


def checksum(text: str, name: str) -> str | None:
    """The sha256 of the file ``name`` in a checksum file (sha256sum's form, or a bare sum) or GitHub's own words."""
    if text.lstrip().startswith("{"):
        digests = {asset["name"]: asset.get("digest") or "" for asset in json.loads(text).get("assets", [])}
        kind, _, digest = digests.get(name, "").partition(":")
        return digest if kind == "sha256" else None
    for line in text.splitlines():
        match = _LINE.match(line.strip())
        if match and (match[2] is None or match[2].rsplit("/", 1)[-1] == name):
            return match[1]
    return None


def _open(url: str) -> http.client.HTTPResponse:
    try:
        answer = urllib.request.urlopen(url, timeout=SILENCE_SECONDS)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"{urllib.parse.urlsplit(url).hostname}: {getattr(error, 'reason', error)}") from None
    assert isinstance(answer, http.client.HTTPResponse)
    return answer


def _text(url: str) -> str:
    with _open(url) as answer:
        try:
            return answer.read(_CHUNK).decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{url}: {error}") from None


def _save(url: str, path: Path) -> str:
    """Its sha256."""
    digest, size = hashlib.sha256(), 0
    with _open(url) as answer, path.open("wb") as file:
        try:
            while chunk := answer.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{url}: {error}") from None
        announced = answer.headers["Content-Length"]
    if announced is not None and size != int(announced):
        raise Unavailable(f"{url}: cut off after {size} of {announced} bytes")
    return digest.hexdigest()


def _extract(archive: Path, member: str, target: Path) -> None:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped, zipped.open(member) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out)
        else:
            with tarfile.open(archive) as tar:
                source_file = tar.extractfile(_member(tar, member))
                assert source_file is not None
                with target.open("wb") as out:
                    shutil.copyfileobj(source_file, out)
    except KeyError:
        raise Unavailable(f"{archive.name.removeprefix('.')} has no {member}") from None


def _member(tar: tarfile.TarFile, name: str) -> tarfile.TarInfo:
    """By its name, with or without a leading ``./``. Raises KeyError."""
    for info in tar:
        if info.isfile() and info.name.removeprefix("./") == name:
            return info
    raise KeyError(name)
