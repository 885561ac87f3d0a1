"""The pictures of docs/search-spaces.md show the parameters that stand above them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from dev.generate.distributions import EXAMPLES, picture
from protein.searchspace.distributions import DISTRIBUTIONS
from sweep_operator.config.yaml_files import parse_documents
from tests.docs.blocks import ROOT

_SHOWN = re.compile(r"```yaml\n((?:(?!```).)*?)```\n\n!\[[^\]]*\]\(images/distributions/([\w-]+)\.svg\)", re.DOTALL)
SHOWN = {name: text for text, name in _SHOWN.findall((ROOT / "docs/search-spaces.md").read_text())}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_picture_is_of_the_parameter_above_it(name: str) -> None:
    (document,) = parse_documents(SHOWN[name], name)
    (parameter,) = document["spec"]["parameters"].values()
    assert parameter == EXAMPLES[name]


def test_every_distribution_has_a_picture() -> None:
    assert {example["distribution"] for example in EXAMPLES.values()} == set(DISTRIBUTIONS)


def test_the_ticks_of_a_logarithm_crowd_at_its_small_end() -> None:
    drawn = ElementTree.fromstring(picture("log_normal"))
    lines = [line for line in drawn if line.tag.endswith("line") and line.get("y1") == "134.0"]
    places = [float(line.get("x1", "nan")) for line in lines]
    assert len(places) == 40
    assert places == sorted(places)
    assert sum(x < 320 for x in places) > 30
