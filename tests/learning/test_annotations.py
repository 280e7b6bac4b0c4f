"""Annotated cases in the forms of Label Studio, Argilla and COCO: read, written, and read again."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import InvalidInput
from handrail.learning.annotations.annotated import Annotated, Given, Mark, Suggested, beyond_of, lossless_rows
from handrail.learning.annotations.argilla import read_records, settings_for, write_records
from handrail.learning.annotations.coco import read_coco, write_coco
from handrail.learning.annotations.label_studio import read_tasks, write_tasks
from handrail.learning.annotations.labelling import labelling_for, labelling_from
from handrail.learning.annotations.offsets import to_characters, to_units

CONFIG = """<View><Text name="text" value="$text"/><Image name="image" value="$image"/>
<Choices name="kind" toName="text"><Choice value="payment"/></Choices><Labels name="who" toName="text"/>
<Rating name="sure" toName="text"/><TextArea name="why" toName="text"/><Pairwise name="better" toName="text,image"/>
<RectangleLabels name="box" toName="image"/></View>"""
# as science.md §9 shows them
TASKS = json.loads("""[{"data":{"text":"Zoë pays Acme"},"meta":{"case":"c-7"},"predictions":[{"model_version":"m3",
"score":0.91,"result":[{"id":"a1","from_name":"kind","to_name":"text","type":"choices","value":{"choices":["payment"]}},
{"id":"a2","from_name":"who","to_name":"text","type":"labels","value":{"start":0,"end":3,"text":"Zoë","labels":["PER"]},
"score":0.8}]}],"annotations":[{"result":[{"id":"a1","from_name":"kind","to_name":"text","type":"choices",
"value":{"choices":["payment"]}}],"was_cancelled":false,"ground_truth":false,"lead_time":6.2,
"unique_id":"5b0e6c1e-5d0a-4c39-9f6e-0d6f6c1b7a10"}]}]""")
COCO = json.loads("""{"images":[{"id":0,"width":640,"height":480,"file_name":"a.png"}],
"categories":[{"id":0,"name":"car"}],"annotations":[{"id":0,"image_id":0,"category_id":0,"bbox":[64,96,160,60],
"area":9600,"iscrowd":0,"segmentation":[]}]}""")

texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30)
names = st.sampled_from(["a", "b", "ü", "漢", "🙂"])


@st.composite
def marks(draw: st.DrawFn, text: str) -> Mark:
    kind = draw(st.sampled_from(["choice", "span", "rating", "text", "box", "pairwise"]))
    id = draw(st.none() | st.uuids().map(str))
    if kind == "span":
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, len(text)))
        return Mark(question="who", kind="span", about="text", id=id,
                    value={"start": start, "end": end, "labels": [draw(names)]})  # fmt: skip
    if kind == "box":
        side = st.floats(0, 100, allow_nan=False)
        box = {name: draw(side) for name in ("x", "y", "width", "height", "rotation")}
        return Mark(question="box", kind="box", about="image", id=id,
                    value={**box, "labels": [draw(names)], "unit": "percent", "image": [640, 480]})  # fmt: skip
    if kind == "rating":
        return Mark(question="sure", kind="rating", about="text", id=id, value=draw(st.integers(1, 5)))
    if kind == "pairwise":
        return Mark(
            question="better", kind="pairwise", about="text", id=id, value=draw(st.sampled_from(["left", "right"]))
        )
    question, made = ("kind", "choice") if kind == "choice" else ("why", "text")
    return Mark(question=question, kind=made, about="text", id=id, value=draw(st.lists(names, min_size=1, max_size=3)))  # type: ignore[arg-type]


@st.composite
def cases(draw: st.DrawFn) -> Annotated:
    text = draw(texts)
    some = st.lists(marks(text), max_size=4).map(tuple)
    people = st.builds(
        Given, id=st.uuids().map(str), reviewer=st.none() | st.just("ann@example.com"), marks=some,
        abstained=st.booleans(), gold=st.booleans(), seconds=st.none() | st.floats(0, 100),
    )  # fmt: skip
    models = st.builds(Suggested, model=st.just("m3"), marks=some, score=st.none() | st.floats(0, 1))
    return Annotated(
        case=draw(st.uuids().map(str)), input={"text": text, "image": "a.png"},
        given=tuple(draw(st.lists(people, max_size=3))), suggested=tuple(draw(st.lists(models, max_size=2))),
    )  # fmt: skip


def wire(value: Any) -> Any:
    return json.loads(json.dumps(value, ensure_ascii=False))


@given(case=cases())
@settings(deadline=None, max_examples=60)
def test_label_studio_round_trip_of_any_case_is_equal(case: Annotated) -> None:
    labelling = labelling_from(CONFIG)
    written = write_tasks([case], labelling)
    assert not written.dropped
    assert read_tasks(wire(written.rows), labelling).cases[0].digest == case.digest


def test_label_studio_of_the_published_form_comes_back_as_it_was() -> None:
    labelling = labelling_from(CONFIG)
    read = read_tasks(TASKS, labelling)
    (case,) = read.cases
    assert (case.case, case.given[0].id) == ("c-7", TASKS[0]["annotations"][0]["unique_id"])
    assert case.suggested[0].marks[1].value == {"start": 0, "end": 3, "labels": ["PER"]}
    assert write_tasks(read.cases, labelling, beyond=read.beyond).rows == TASKS
    assert not read.beyond


def test_label_studio_keeps_what_it_does_not_know_beyond_the_case() -> None:
    task = copy.deepcopy(TASKS[0]) | {"id": 5, "inner_id": 1, "meta": {"case": "c-7", "shop": "x"}}
    brush = {"from_name": "b", "to_name": "image", "type": "brushlabels", "value": {"rle": [1]}}
    task["annotations"][0]["result"].append(brush)
    task["annotations"][0]["result"][0]["hidden"] = True
    read = read_tasks([task], labelling_from(CONFIG))
    rest = read.beyond["c-7"]
    assert rest["results"] == [brush]
    assert rest["marks_beyond"] == [{"id": "a1", "hidden": True}]
    assert rest["task"] == {"id": 5, "inner_id": 1}
    again = write_tasks(read.cases, labelling_from(CONFIG), beyond=read.beyond)
    assert again.rows[0]["meta"] == {"case": "c-7", "shop": "x"}
    # and the exporter says what found no place
    assert set(again.dropped) == {"results", "marks_beyond", "task"}
    assert beyond_of(wire(lossless_rows(again.beyond)))["c-7"]["results"] == [brush]


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ({"meta": {}}, "no task"), ({"data": {"text": "x"}, "predictions": [7]}, "bare number"),
        ({"data": {}, "annotations": [{"result": [{"from_name": "who", "to_name": "text", "type": "labels",
                                                   "value": {"start": 0, "end": 1, "labels": []}}]}]}, "has no text"),
        ({"data": {"text": "x"}, "annotations": [{"result": [{"from_name": "who", "to_name": "text", "type": "labels",
                                                   "value": {"start": 0, "end": 9, "labels": []}}]}]}, "beyond a text"),
        ({"data": {"text": "🙂"}, "annotations": [{"result": [{"from_name": "who", "to_name": "text", "type": "labels",
                                                   "value": {"start": 0, "end": 1, "labels": []}}]}]}, "in two"),
        ({"data": {"text": "x"}, "annotations": [{"result": [{"from_name": "kind", "type": "choices", "value": {}}]}]},
         "has no 'choices'"),
        ({"data": {"text": "x"}, "annotations": [{"result": [{"from_name": "k", "type": "choices", "value": {}}]}]},
         "from_name 'k', and the labelling configuration asks 'kind', 'who'"),
        ({"data": {"text": "x"}, "predictions": [{"result": [{"type": "choices", "value": {}}]}]}, "from_name None"),
    ],
)  # fmt: skip
def test_label_studio_nonsense_is_refused_in_words(task: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read_tasks([task], labelling_from(CONFIG))


def test_labelling_with_a_document_type_is_refused() -> None:
    with pytest.raises(InvalidInput, match="document type"):
        labelling_from('<!DOCTYPE x [<!ENTITY a "b">]><View/>')
    with pytest.raises(InvalidInput, match="no XML"):
        labelling_from("<View>")
    made = labelling_for({"text": "a", "photo": "data:image/png;base64,x"}, ('a"b', "<c>"))
    assert made.fields == {"text": "text", "photo": "photo"}
    assert '<Image name="photo"' in made.xml
    assert made.about == {"answer": "text"}


@given(text=texts, at=st.integers(0, 30))
def test_offsets_there_and_back_are_equal(text: str, at: int) -> None:
    at = min(at, len(text))
    assert to_characters(text, to_units(text, at)) == at


def test_offsets_count_an_emoji_twice_there_and_once_here() -> None:
    assert to_units("😀 Zoë", 2) == 3
    assert to_characters("😀 Zoë", 3) == 2


SETTINGS: Any = settings_for(["prompt"], "better", ["A", "B"])


def record() -> dict[str, Any]:
    """As science.md §9 shows it."""
    return {
        "id": "c-7", "fields": {"prompt": "…"}, "metadata": {"shop": "x"}, "vectors": {}, "status": "completed",
        "suggestions": {"better": {"value": "A", "score": 0.8, "agent": "m3"}},
        "responses": {"better": [{"value": "B", "user_id": "u1", "status": "submitted"}]},
    }  # fmt: skip


@pytest.mark.parametrize("flat", [True, False])
def test_argilla_round_trip_of_both_forms_is_equal(flat: bool) -> None:
    first = read_records([record()], SETTINGS)
    written = write_records(first.cases, SETTINGS, flat=flat, beyond=first.beyond)
    assert ("better.responses.status" in written.rows[0]) is flat
    again = read_records(wire(written.rows), SETTINGS)
    assert [case.digest for case in again.cases] == [case.digest for case in first.cases]
    assert again.beyond["c-7"]["metadata"] == {"shop": "x"}
    assert first.cases[0].given[0].marks[0].value == ["B"]


def test_argilla_flat_form_keeps_that_somebody_abstained() -> None:
    case = Annotated(case="c", input={"prompt": "x"}, given=(Given(id=None, reviewer="u", abstained=True),))
    flat = write_records([case], SETTINGS)
    assert read_records(wire(flat.rows), SETTINGS).cases[0].digest == case.digest
    nested = write_records([case], SETTINGS, flat=False)
    assert nested.dropped == {"given": 1}


def test_argilla_drafts_are_no_answers_and_further_models_go_beside() -> None:
    drafted = record()
    drafted["responses"]["better"][0]["status"] = "draft"
    assert not read_records([drafted], SETTINGS).cases[0].given
    mark = Mark(question="better", kind="choice", value=["A"])
    two = Annotated(case="c", input={"prompt": "x"}, suggested=(Suggested(model="m1", marks=(mark,)),
                                                                 Suggested(model="m2", marks=(mark,))))  # fmt: skip
    written = write_records([two], SETTINGS)
    assert written.beyond["c"]["suggested"] == [["m2", "better", "choice", ["A"]]]
    with pytest.raises(InvalidInput, match="no questions"):
        read_records([record()], {"questions": []})
    with pytest.raises(InvalidInput, match="is not known"):
        read_records([record()], {"questions": [{"name": "q", "settings": {"type": "table"}}]})


def test_coco_of_the_published_form_comes_back_as_it_was() -> None:
    read = read_coco(COCO)
    written = write_coco(read.cases)
    assert written.rows == COCO
    assert not written.dropped
    assert read_coco(wire(written.rows)).cases[0].digest == read.cases[0].digest


def test_coco_says_what_it_has_no_place_for_and_the_side_car_gives_it_back() -> None:
    box = {"x": 10.0, "y": 20.0, "width": 25.0, "height": 12.5, "rotation": 15.0, "labels": ["car"], "unit": "percent",
           "image": [640, 480]}  # fmt: skip
    mark = Mark(question="box", kind="box", value=box, id="b1")
    case = Annotated(case="c-1", input={"image": "a.png"}, given=(Given(id="r", reviewer="ann", marks=(mark,)),),
                     suggested=(Suggested(model="m", marks=(mark,), score=0.5),))  # fmt: skip
    written = write_coco([case])
    assert written.rows["annotations"][0]["bbox"] == [64.0, 96.0, 160.0, 60.0]
    assert {"who answered", "what models said", "rotation and percent"} <= set(written.dropped)
    side = beyond_of(wire(lossless_rows(written.beyond)))
    assert read_coco(wire(written.rows), beyond=side).cases[0].digest == case.digest


@pytest.mark.parametrize(
    ("change", "words"),
    [({"image_id": 9}, "not there"), ({"category_id": 9}, "not there"), ({"bbox": [1, 2]}, "no box")],
)  # fmt: skip
def test_coco_nonsense_is_refused_in_words(change: dict[str, Any], words: str) -> None:
    document = copy.deepcopy(COCO)
    document["annotations"][0] |= change
    with pytest.raises(InvalidInput, match=words):
        read_coco(document)
    with pytest.raises(InvalidInput, match="how large"):
        write_coco([Annotated(case="c", input={"image": "a.png"})])
