"""What protects the page: who is answered, and the headers of every answer.

A page of another site can send requests to a server on this machine. It cannot read the token, which is in the
fragment of the URL. A name of its own that it lets point to this machine (DNS rebinding) fails the check of the Host.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sweep_operator.kube.protocol import Unauthenticated
from sweep_operator.ui.source import User, Users

_USER: web.RequestKey[User] = web.RequestKey("user", User)
_SENDER: web.RequestKey[bytes] = web.RequestKey("sender", bytes)
_HASH_KEY = secrets.token_bytes(32)
PROBES = ("/healthz", "/readyz")
FILES = ("/", "/index.html", "/app.js", "/app.css")
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class WrongHost(Exception):
    """The Host header names another server."""


class WrongOrigin(Exception):
    """A page of another site sent the request."""


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that every answer has."""
    response.headers.update(_HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")


def guard(users: Users, hosts: Collection[str]) -> Middleware:
    """Checks Host, Origin and token. ``hosts``: names of this server besides those of the loopback interface."""
    names = {*_LOOPBACK, *(host.lower() for host in hosts)}

    @web.middleware
    async def checked(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in PROBES:  # a kubelet sends the address of the pod as Host
            return await handler(request)
        host = request.headers.get("Host", "").lower()
        if host not in names and _name_of(host) not in names:
            raise WrongHost(f"the Host header {host!r} is not a name of this server; open the printed URL")
        origin = request.headers.get("Origin")
        if origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}"):
            raise WrongOrigin(f"pages of {origin!r} have no access")
        if request.path not in FILES:
            token = _token(request)
            request[_USER] = await users.user(token)
            request[_SENDER] = hashlib.blake2b(token.encode(), key=_HASH_KEY, digest_size=16).digest()
        return await handler(request)

    return checked


def user_of(request: web.Request) -> User:
    """The sender of a request that has passed the checks."""
    return request[_USER]


def sender_of(request: web.Request) -> bytes:
    """What tells the owner of a token from others, and not the token itself."""
    return request[_SENDER]


def _name_of(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _token(request: web.Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip() or not token.isascii():
        raise Unauthenticated(
            "no token; open the URL that the command printed, with the part after #; in a cluster, send a bearer token"
        )
    return token.strip()


class OneToken:
    """Everybody who has the token of this server is the same user."""

    def __init__(self, token: str, user: User) -> None:
        self._token, self._user = token.encode(), user

    async def user(self, token: str) -> User:
        """The user. Raises Unauthenticated for another token."""
        if not hmac.compare_digest(token.encode(), self._token):
            raise Unauthenticated("the token is not valid; open the URL that the command printed last")
        return self._user
