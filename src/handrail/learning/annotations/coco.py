"""COCO's detection files: images, categories and boxes in pixels, top left. It knows no reviewer, no confidence and no
rotation: those go to the side-car.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from handrail.canonical import JSON
from handrail.errors import InvalidInput
from handrail.learning.annotations.annotated import Annotated, Given, Mark, Read, Written, case_from

QUESTION = "boxes"
FIELD = "image"
_IMAGE = {"id", "width", "height", "file_name"}
_ANNOTATION = {"id", "image_id", "category_id", "bbox", "area", "iscrowd", "segmentation"}


def read_coco(document: Mapping[str, Any], *, beyond: Mapping[str, JSON] | None = None) -> Read:
    """A detection file. Its boxes become one nameless person's answer; a side-car gives back who said what.

    Raises `InvalidInput` for a box about an image or category that is not there, and for one that is no box.
    """
    names = {one["id"]: str(one["name"]) for one in document.get("categories") or ()}
    images = {one["id"]: one for one in document.get("images") or ()}
    marks: dict[Any, list[Mark]] = {id: [] for id in images}
    rest: dict[str, dict[str, Any]] = {}
    for one in document.get("annotations") or ():
        image, name = images.get(one.get("image_id")), names.get(one.get("category_id"))
        if image is None or name is None:
            raise InvalidInput(f"annotation {one.get('id')} is about an image or category that is not there")
        marks[image["id"]].append(_mark(one, image, name))
        further = {key: value for key, value in one.items() if key not in _ANNOTATION}
        further |= {key: one[key] for key in ("segmentation", "iscrowd") if one.get(key)}
        if further:
            rest.setdefault(_case(image), {}).setdefault("annotations", []).append({"id": one["id"], **further})
    cases = []
    for id, image in images.items():
        case, known = _case(image), (beyond or {}).get(_case(image)) or {}
        if "case" in known:
            cases.append(case_from(known["case"]))
            continue
        given = (Given(id=None, reviewer=None, marks=tuple(marks[id])),) if marks[id] else ()
        shown = {FIELD: image["file_name"], "width": image["width"], "height": image["height"]}
        cases.append(Annotated(case=case, input=shown, given=given))
        further = {key: value for key, value in image.items() if key not in _IMAGE}
        if further:
            rest.setdefault(case, {})["image"] = further
    return Read(cases=tuple(cases), beyond=dict(rest))


def write_coco(cases: Sequence[Annotated]) -> Written:
    """A detection file of the first answer with boxes of each case; what COCO cannot say goes beyond it, whole."""
    names: dict[str, int] = {}
    images: list[JSON] = []
    annotations: list[JSON] = []
    left: dict[str, JSON] = {}
    dropped: Counter[str] = Counter()
    for number, case in enumerate(cases):
        size = _size(case)
        file = case.input.get(FIELD, case.case)
        images.append({"id": number, "width": size[0], "height": size[1], "file_name": file})
        lost = _lost(case)
        chosen = next((one for one in case.given if any(mark.kind == "box" for mark in one.marks)), None)
        for mark in () if chosen is None else chosen.marks:
            if mark.kind != "box":
                continue
            x, y, width, height = pixels(mark.value, size)
            category = names.setdefault(str(mark.value["labels"][0]), len(names))
            annotations.append({"id": len(annotations), "image_id": number, "category_id": category,
                                "bbox": [x, y, width, height], "area": width * height, "iscrowd": 0,
                                "segmentation": []})  # fmt: skip
        if lost:
            dropped.update(lost)
            left[str(file)] = {"case": case.to_json()}
    categories = [{"id": id, "name": name} for name, id in names.items()]
    document = {"images": images, "categories": categories, "annotations": annotations}
    return Written(rows=document, beyond=left, dropped=dict(dropped))


def pixels(box: Mapping[str, Any], size: Sequence[float]) -> tuple[float, float, float, float]:
    """x, y, width, height in pixels, unrounded."""
    values = box["x"], box["y"], box["width"], box["height"]
    if box["unit"] == "pixel":
        return values
    return (values[0] / 100 * size[0], values[1] / 100 * size[1], values[2] / 100 * size[0], values[3] / 100 * size[1])


def _mark(one: Mapping[str, Any], image: Mapping[str, Any], name: str) -> Mark:
    box = one.get("bbox")
    if not isinstance(box, Sequence) or len(box) != 4 or not all(isinstance(v, int | float) for v in box):
        raise InvalidInput(f"annotation {one.get('id')} has no box of four numbers")
    value = {"x": box[0], "y": box[1], "width": box[2], "height": box[3], "labels": [name], "unit": "pixel",
             "image": [image["width"], image["height"]]}  # fmt: skip
    return Mark(question=QUESTION, kind="box", value=value, about=FIELD)


def _case(image: Mapping[str, Any]) -> str:
    return str(image.get("file_name", image["id"]))


def _size(case: Annotated) -> Sequence[Any]:
    if "width" in case.input and "height" in case.input:
        return (case.input["width"], case.input["height"])
    for mark in case.marks:
        if mark.kind == "box" and "image" in mark.value:
            return list(mark.value["image"])
    raise InvalidInput(f"nothing says how large the image of {case.case} is", remedy="Give its width and height.")


def _lost(case: Annotated) -> list[str]:
    """What COCO has no place for, in words."""
    found = []
    if set(case.input) - {FIELD, "width", "height"} or case.input.get(FIELD) != case.case:
        found.append("further fields")
    if len(case.given) > 1 or any(one.reviewer or one.id or one.abstained or one.gold for one in case.given):
        found.append("who answered")
    if case.suggested:
        found.append("what models said")
    marks = [mark for one in case.given for mark in one.marks]
    if any(mark.kind != "box" for mark in marks):
        found.append("answers that are no boxes")
    if any(mark.kind == "box" and (mark.value.get("rotation") or mark.value["unit"] == "percent") for mark in marks):
        found.append("rotation and percent")
    if any(mark.score is not None or mark.id is not None for mark in marks):
        found.append("marks' names and scores")
    return found
