"""Where a W&B server redirects requests. The SDK follows redirects and reports only their end."""

from __future__ import annotations

from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

_SECONDS = 10.0


def redirect_of(url: str) -> str | None:
    """The location of the redirect; None: there is none, or the server does not answer."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    try:
        with closing(kind(parts.netloc, timeout=_SECONDS)) as connection:
            connection.request("POST", f"{parts.path.rstrip('/')}/graphql", '{"query": "query Viewer {viewer {id}}"}')
            answer = connection.getresponse()
            return answer.getheader("location") if 300 <= answer.status < 400 else None
    except (OSError, HTTPException, ValueError):
        return None
