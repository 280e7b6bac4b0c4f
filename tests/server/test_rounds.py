"""Rounds of learning: recorded over HTTP by whoever trains, shown on the operations chart, written into the log."""

from __future__ import annotations

import handrail
from handrail.canonical import parse
from tests.server.site import Site

FIGURES = {"round": 0, "proposals": 120, "reviewed": 60, "review_rate": 0.5, "model_error": 0.25, "passed_error": None}


def body(number: int = 0, **other: object) -> dict[str, object]:
    return {"action": "image_label", "figures": FIGURES | {"round": number} | other, "threshold": 0.9}


def test_record_round_stands_in_list_chart_and_log(each: Site) -> None:
    program, lead = each.program("submit", "read"), each.signed_in("lena", "lead")
    assert program.post("/v1/rounds", json=body()).status_code == 201
    assert program.post("/v1/rounds", json=body(1, review_rate=0.2, model_error=None)).status_code == 201
    made = lead.get("/v1/rounds", params={"action": "image_label"}).json()["items"]
    assert [(item["round"], item["review_rate"], item["threshold"]) for item in made] == [(0, 0.5, 0.9), (1, 0.2, 0.9)]
    chart = lead.get("/v1/operations").json()["chart"]
    points = [(point["round"], point["review_rate"], point["model_error"]) for point in chart]
    assert points == [(0, 0.5, 0.25), (1, 0.2, None)]
    entries = [parse(data) for data in each.plane.logbook().entries()]
    trained = [entry["training"] for entry in entries if entry["type"] == "training.done"]
    assert [(entry["action"], entry["round"]) for entry in trained] == [("image_label", 0), ("image_label", 1)]


def test_record_round_twice_or_with_impossible_figures_is_refused_and_leaves_nothing(each: Site) -> None:
    program = each.program("submit", "read")
    assert program.post("/v1/rounds", json=body()).status_code == 201
    again = program.post("/v1/rounds", json=body())
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    for wrong in ({"review_rate": 1.5}, {"reviewed": 121}, {"round": -1}, {"model_error": "low"}):
        assert program.post("/v1/rounds", json=body(1, **wrong)).status_code == 422
    assert len(program.get("/v1/rounds", params={"action": "image_label"}).json()["items"]) == 1


def test_record_round_with_the_client_over_http_is_the_same_verb(here: Site) -> None:
    with handrail.connect(here.address, key=here.key("submit", "read")) as hr:
        hr.call("round", action="image_label", figures=FIGURES, threshold=None)
    chart = here.signed_in("lena", "lead").get("/v1/operations").json()["chart"]
    assert [point["round"] for point in chart] == [0]
