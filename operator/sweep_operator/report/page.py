"""The report: the page's bundle and the data of one sweep in one HTML document, which loads nothing."""

from __future__ import annotations

import gzip
import hashlib
import json
from base64 import b64encode
from html import escape

from sweep_operator.api.visible_text import visible_text
from sweep_operator.report.bundle import Bundle
from sweep_operator.views.page.messages import Report

_DOCUMENT = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style></head>
<body><div id="app"></div><noscript>This report needs JavaScript. It loads nothing.</noscript>
<script type="application/json" id="data">{data}</script>
<script type="module">{script}</script></body></html>
"""


def report_page(report: Report, bundle: Bundle) -> str:
    """The HTML document."""
    # In a string or a regular expression, where alone it can be, `<\/` means the same and ends no element.
    script = bundle.script.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    style = bundle.style.replace("</", "<\\/")
    return _DOCUMENT.format(
        policy=_policy(script, style),
        title=escape(visible_text(f"{report.page.row.display_name} · sweep report")),
        style=style,
        data=embedded(report),
        script=script,
    )


def embedded(report: Report) -> str:
    """The data as JSON: {"gzip": BASE64}, an eighth of its size. It contains no `<`."""
    text = report.model_dump_json(by_alias=True).encode()
    return json.dumps({"gzip": b64encode(gzip.compress(text, mtime=0)).decode()})


def _policy(script: str, style: str) -> str:
    """What the browser enforces: this script and this style only, and no request."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(content: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
