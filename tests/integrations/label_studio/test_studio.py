"""Tasks, predictions, annotations and tokens against the real server."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from handrail.client.client import Client
from handrail.errors import InvalidInput, NotFound, Unauthenticated, Unavailable
from handrail.integrations.label_studio import Studio, reviewers
from handrail.learning.annotations.annotated import Annotated, Given, Mark, Suggested
from handrail.learning.annotations.label_studio import read_tasks, write_tasks
from handrail.learning.annotations.labelling import labelling_for, labelling_from
from handrail.learning.stopping import StopRule
from tests.integrations.label_studio.server import EMAIL, Server

CONFIG = """<View>
  <Text name="text" value="$text"/>
  <Choices name="answer" toName="text"><Choice value="payment"/><Choice value="other"/></Choices>
  <Labels name="who" toName="text"><Label value="PER"/></Labels>
  <Rating name="sure" toName="text"/>
  <TextArea name="why" toName="text"/>
  <Image name="image" value="$image"/>
  <RectangleLabels name="box" toName="image"><Label value="car"/></RectangleLabels>
</View>"""


def case() -> Annotated:
    review = str(uuid.uuid4())
    marks = (
        Mark(question="answer", kind="choice", value=["payment"], about="text", id="a1"),
        Mark(question="who", kind="span", value={"start": 2, "end": 5, "labels": ["PER"]}, about="text", id="a2"),
        Mark(question="sure", kind="rating", value=4, about="text", id="a3"),
        Mark(question="why", kind="text", value=["because"], about="text", id="a4"),
        Mark(
            question="box", kind="box", about="image", id="a5",
            value={"x": 10.5, "y": 20, "width": 25.25, "height": 12.5, "rotation": 0, "labels": ["car"],
                   "unit": "percent", "image": [640, 480]},
        ),
    )  # fmt: skip
    suggested = (
        Suggested(
            model="m3", score=0.91,
            marks=(Mark(question="who", kind="span", value={"start": 2, "end": 5, "labels": ["PER"]}, about="text",
                        id="p1", score=0.8),),
        ),
    )  # fmt: skip
    return Annotated(
        case=f"c-{review[:8]}", input={"text": "😀 Zoë pays 🧾 Acme", "image": "/a.png"},
        given=(Given(id=review, reviewer=EMAIL, marks=marks, seconds=6.2),), suggested=suggested,
    )  # fmt: skip


def test_round_trip_through_the_server_loses_nothing(studio: Studio) -> None:
    labelling = labelling_from(CONFIG)
    project = studio.create_project("round trip", labelling)
    whole = case()
    written = write_tasks([whole], labelling)
    assert not written.beyond
    tasks = [{**written.rows[0], "annotations": []}]
    (number,) = studio.import_tasks(project, tasks)
    annotation = written.rows[0]["annotations"][0]
    # offsets there are UTF-16 units: the emoji counts two
    assert annotation["result"][1]["value"]["start"] == 3
    by = {name: value for name, value in annotation.items() if name != "completed_by"}
    assert studio.annotate(number, by) is True
    assert studio.annotate(number, by) is False, "the same review twice"
    back = read_tasks(studio.tasks(project), studio.labelling(project))
    assert back.cases[0].digest == whole.digest
    assert studio.labelling(project).about == labelling.about
    # and once more, out of what came back
    again = read_tasks(write_tasks(back.cases, labelling).rows, labelling)
    assert again.cases[0].digest == whole.digest


def test_import_of_annotations_with_tasks_keeps_their_unique_id(studio: Studio) -> None:
    labelling = labelling_from(CONFIG)
    project = studio.create_project("with annotations", labelling)
    whole = case()
    tasks: list[Any] = write_tasks([whole], labelling).rows
    studio.import_tasks(project, tasks)
    (task,) = studio.tasks(project)
    assert task["annotations"][0]["unique_id"] == whole.given[0].id
    assert task["predictions"][0]["model_version"] == "m3"


def test_tasks_over_more_than_one_page_are_all_read(studio: Studio) -> None:
    labelling = labelling_for({"text": ""}, ("yes", "no"))
    project = studio.create_project("many", labelling)
    rows = [{"data": {"text": str(n)}, "meta": {"case": f"c{n}"}} for n in range(230)]
    assert len(set(studio.import_tasks(project, rows))) == 230
    assert {task["meta"]["case"] for task in studio.tasks(project)} == {f"c{n}" for n in range(230)}
    assert len(list(studio.listed(project))) == 230


def answer(studio: Studio, project: int, truth: dict[str, str | None]) -> int:
    """Annotate what is open, as somebody at the screen would; None skips."""
    done = 0
    for task in studio.tasks(project):
        if task["annotations"]:
            continue
        said = truth[task["data"]["text"]]
        result = [{"from_name": "answer", "to_name": "text", "type": "choices", "value": {"choices": [said]}}]
        body = {"result": result if said else [], "was_cancelled": said is None, "lead_time": 2.5}
        done += studio.annotate(task["id"], body)
    return done


def test_learn_with_label_studio_as_annotator_ends_with_labels_here(hr: Client, server: Server, token: str) -> None:
    texts = [f"{'pay' if n % 3 else 'look'} {n}" for n in range(40)]
    truth: dict[str, str | None] = {text: "money" if text.startswith("pay") else "talk" for text in texts}
    made = reviewers(hr, url=server.url, token=token, choices=("money", "talk"), action="sort")
    asked: list[int] = []

    class Screen:
        """The people at Label Studio, who answer whenever the loop looks."""

        def ask(self, cases: Any) -> None:
            made.ask(cases)
            # a crash after sending: the same again makes no twins
            made.ask(cases)
            asked.append(len(list(made.studio.listed(made.project))))

        def collect(self) -> int:
            answer(made.studio, made.project, truth)
            return made.collect()

    def train(training: Any) -> Any:
        share = training.answers.count("money") / len(training.answers)
        return [
            [0.9, 0.1] if item.input["text"].startswith("pay") else [0.1 * share, 1 - 0.1 * share]
            for item in training.pool.items
        ]

    learned = hr.learn(
        "sort", texts, train, choices=("money", "talk"), reviewers=Screen(), poll=0.0, batch=8, rounds=3, reserve=0.25,
        stop=StopRule(agreement=None),
    )  # fmt: skip
    assert (learned.state, learned.rounds[-1].asked, learned.rounds[-1].unanswered) == ("ended", 24, 0)
    assert asked == [8, 16, 24]
    assert learned.rounds[-1].reserve.right == learned.rounds[-1].reserve.n == 6
    tasks = made.studio.tasks(made.project)
    # the model's answer goes with what was picked in later rounds, and never with the reserve
    assert sum(bool(task["predictions"]) for task in tasks) == 12
    assert {one["completed_by"] for task in tasks for one in task["annotations"]} == {EMAIL}


def test_skipped_tasks_are_abstentions_and_the_case_stays_open(hr: Client, server: Server, token: str) -> None:
    made = reviewers(hr, url=server.url, token=token, choices=("yes", "no"), action="sort")

    class Screen:
        def ask(self, cases: Any) -> None:
            made.ask(cases)

        def collect(self) -> int:
            answer(made.studio, made.project, {"a": "yes", "b": None, "c": "no"})
            return made.collect()

    learned = hr.learn("sort", ["a", "b", "c"], lambda task: [], choices=("yes", "no"), reviewers=Screen(), wait=0.0,
                       poll=0.0, reserve=0.0)  # fmt: skip
    assert (learned.state, learned.open) == ("waiting", 1)


def test_legacy_token_is_taken_where_the_server_allows_it(server: Server, studio: Studio) -> None:
    refused = Studio(server.url, "0123456789abcdef0123456789abcdef01234567")
    with pytest.raises(Unauthenticated, match="legacy"):
        refused.people()
    allowed = Studio(server.url, server.allow_legacy_tokens())
    assert EMAIL in allowed.people().values()
    refused.close()
    allowed.close()


def test_errors_of_the_server_are_ours_in_words(server: Server, studio: Studio) -> None:
    stranger = Studio(server.url, "a.b.c")
    with pytest.raises(Unauthenticated, match="does not know this access token"):
        stranger.people()
    stranger.close()
    with pytest.raises(NotFound):
        studio.labelling(999_999)
    with pytest.raises(InvalidInput, match="refused POST /api/projects/"):
        studio.create_project("x", labelling_for({"text": ""}, ("a", "b")))
    nowhere = Studio("http://127.0.0.1:9", "a.b.c")
    with pytest.raises(Unavailable, match="cannot be reached"):
        nowhere.people()
    nowhere.close()


def test_access_token_that_ran_out_is_exchanged_again(server: Server, token: str) -> None:
    made = Studio(server.url, token)
    assert made.people()
    # as after five minutes
    made._http.headers["Authorization"] = "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"
    assert made.people()
    made.close()
