"""JSON in Go's form: what encoding/json writes for these values (see also the conformance test of revisions)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep_operator.kube.cluster.go_json import go_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-2.5, "-2.5"),
        (1e-05, "0.00001"),
        (1.25e-06, "0.00000125"),
        (9.5e-07, "9.5e-7"),
        (5e-324, "5e-324"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (0.1 + 0.2, "0.30000000000000004"),
        (True, "true"),
        ({"b": [1, None], "a": {}}, '{"a":{},"b":[1,null]}'),
        ("a < b && c > d\u2028", '"a \\u003c b \\u0026\\u0026 c \\u003e d\\u2028"'),
        ('\u00e9"\n', '"\u00e9\\"\\n"'),
    ],
)
def test_the_form(value: object, text: str) -> None:
    assert go_json(value) == text


@given(JSON)
def test_the_value_is_the_same(value: object) -> None:
    assert json.loads(go_json(value)) == value
