"""A smaller SVG file of the same picture: matplotlib writes six decimals, each style again, and points on one line."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np

from tests.bench.optimizer.space import Array

TOLERANCE = 0.35
"""Distance in points (1/72 inch) by which lines may move."""
SVG, LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_NUMBER = re.compile(r"-?\d+\.\d{2,}")
_POINT = re.compile(r"[ML] (\S+) (\S+)")


def compact(svg: str) -> str:
    """The picture with coordinates of one decimal, without points that the eye cannot see, and with each style once."""
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", LINK)
    root = ET.fromstring(svg)
    names: dict[str, str] = {}
    styles: dict[str, str] = {}
    own = {f"#{name}": element.get("style") for element in root.iter() if (name := element.get("id"))}
    for element in root.iter(f"{{{SVG}}}use"):
        if own.get(element.get(f"{{{LINK}}}href", "")) == element.get("style"):
            del element.attrib["style"]
    for element in root.iter():
        _shorten(element, names, styles)
    for element in root.iter():
        element[:] = [part for child in element for part in _without_groups(child)]
    next(root.iter(f"{{{SVG}}}style")).text += "".join(f".{name}{{{style}}}" for style, name in styles.items())
    return ET.tostring(root, encoding="unicode").replace(" />", "/>") + "\n"


def _shorten(element: ET.Element, names: dict[str, str], styles: dict[str, str]) -> None:
    """Short names and numbers. names, styles: the short forms so far."""
    element.text, element.tail = (element.text or "").strip(), ""
    attributes = element.attrib
    if element.tag == f"{{{SVG}}}g":
        attributes.pop("id", None)
    style = attributes.pop("style", None)
    if style is not None:
        attributes["class"] = styles.setdefault(style, f"s{len(styles)}")
    for key, value in attributes.items():
        value = re.sub(r"\b[mp][0-9a-f]{10}\b", lambda found: names.setdefault(found[0], f"n{len(names)}"), value)
        value = _path(value) if key == "d" else _NUMBER.sub(lambda found: _decimal(float(found[0])), value)
        attributes[key] = value
    if attributes.get("transform", "").startswith("rotate(-0 "):
        del attributes["transform"]


def _without_groups(element: ET.Element) -> list[ET.Element]:
    """The element, or what it contains if it is a group that means nothing; nothing for a description."""
    if element.tag == f"{{{SVG}}}metadata":
        return []
    if element.tag != f"{{{SVG}}}g" or element.attrib:
        return [element]
    return [part for child in element for part in _without_groups(child)]


def _path(text: str) -> str:
    """The data of a path, in steps from point to point. Only straight lines are thinned."""
    if re.search(r"[A-KN-Ya-y]|M.*M", text, re.DOTALL):
        return " ".join(text.split())
    tenths = np.rint(_thin(np.array(_POINT.findall(text), dtype=float)) * 10)
    steps = np.diff(tenths, axis=0, prepend=0.0) / 10  # of rounded points, so that errors do not add up
    return "m" + " ".join(f"{_decimal(x)} {_decimal(y)}" for x, y in steps) + "z" * text.count("z")


def _thin(points: Array) -> Array:
    """The points (n, 2) without those that are nearer to the line between the others than the tolerance."""
    away, way = points - points[0], points[-1] - points[0]
    length = float(np.hypot(*way))
    far = np.abs(away @ [-way[1], way[0]]) / length if length else np.hypot(*away.T)
    split = int(np.argmax(far))
    if far[split] <= TOLERANCE:
        return points[[0, -1]]
    return np.concatenate([_thin(points[: split + 1])[:-1], _thin(points[split:])])


def _decimal(value: float) -> str:
    text = f"{round(value, 1) + 0.0:g}"  # without -0
    return text.replace("0.", ".") if abs(value) < 1 else text
