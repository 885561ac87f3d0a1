"""The HTTP proxy of the environment, resolved once, as in kubectl.

aiohttp would resolve it for each request with two thread switches, read ~/.netrc too, and ignore address ranges in
NO_PROXY, which usually exclude clusters.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit
from urllib.request import getproxies_environment


def environment_proxy(host: str) -> str | None:
    """The proxy's URL for the API server's URL ``host``; None: no proxy."""
    url = urlsplit(host)
    name = (url.hostname or "").lower()
    proxies = getproxies_environment()
    proxy = proxies.get(url.scheme)
    if proxy is None or name == "localhost" or _is_loopback(name):
        return None
    entries = (entry.strip().lower() for entry in proxies.get("no", "").split(","))
    return None if any(_excludes(entry, name, url.port) for entry in entries if entry) else proxy


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _excludes(entry: str, name: str, port: int | None) -> bool:
    """An entry of NO_PROXY: ``*``, an address, a range of addresses, or a domain, with or without a port."""
    if entry == "*":
        return True
    try:
        return ipaddress.ip_address(name) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        pass
    domain, colon, wanted = entry.partition(":")
    if colon and wanted != str(port):
        return False
    domain = domain.removeprefix("*").removeprefix(".")
    return name == domain or name.endswith(f".{domain}")
