"""Label Studio as the annotator: cases go there as tasks with the model's answer, and come back as reviews.

It speaks to Label Studio's API alone. Newer servers give personal access tokens (a JWT that is exchanged for one of
five minutes, again and again), older ones a legacy token; both are taken for what they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx2

from handrail.client.client import Client
from handrail.client.desk import Desk
from handrail.errors import Conflict, InvalidInput, NotFound, Unauthenticated, Unavailable
from handrail.learning.annotations.annotated import Annotated, Mark, Suggested
from handrail.learning.annotations.label_studio import refuse_unasked, write_tasks
from handrail.learning.annotations.labelling import ANSWER, Labelling, labelling_for, labelling_from

PAGE = 100
SECONDS = 60.0
# tasks sent at a time
AT_ONCE = 200


class Studio:
    """One Label Studio server, as the person whose token it is."""

    def __init__(self, url: str, token: str, *, transport: httpx2.BaseTransport | None = None):
        self._http = httpx2.Client(base_url=url.rstrip("/"), timeout=SECONDS, transport=transport)
        self._token = token
        # three parts with dots between: a personal access token, to be exchanged; else a legacy one
        self._personal = token.count(".") == 2
        if not self._personal:
            self._http.headers["Authorization"] = f"Token {token}"

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def create_project(self, title: str, labelling: Labelling) -> int:
        """Make a project with this configuration; its number. Label Studio wants a title of three letters or more."""
        made = self.call("POST", "/api/projects/", json={"title": title, "label_config": labelling.xml})
        return int(made["id"])

    def labelling(self, project: int) -> Labelling:
        """The configuration of a project, which has to be kept with its data."""
        return labelling_from(self.call("GET", f"/api/projects/{project}/")["label_config"])

    def import_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> list[int]:
        """Send tasks with their predictions and annotations; their numbers there.

        Annotations go one by one: its bulk import gives each a `unique_id` of its own, and takes them twice. They
        become those of the token's person, whoever made them.
        """
        numbers: list[int] = []
        for at in range(0, len(tasks), AT_ONCE):
            part = [
                {name: value for name, value in task.items() if name != "annotations"}
                for task in tasks[at : at + AT_ONCE]
            ]
            made = self.call("POST", f"/api/projects/{project}/import?return_task_ids=true", json=part)
            numbers += made["task_ids"]
        for number, task in zip(numbers, tasks, strict=True):
            for annotation in task.get("annotations") or ():
                self.annotate(number, {name: value for name, value in annotation.items() if name != "completed_by"})
        return numbers

    def tasks(self, project: int) -> list[dict[str, Any]]:
        """Every task, whole: the export knows each annotation's `unique_id` and the list each prediction's body, so
        both are asked."""
        exported = self.call("GET", f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true")
        bodies = {task["id"]: task["predictions"] for task in self.listed(project)}
        people = self.people()
        for task in exported:
            task["predictions"] = bodies.get(task["id"], [])
            for one in task["annotations"]:
                one["completed_by"] = people.get(one["completed_by"], one["completed_by"])
        return list(exported)

    def people(self) -> dict[int, str]:
        """E-mail by number."""
        return {one["id"]: one["email"] for one in self.call("GET", "/api/users/")}

    def annotate(self, number: int, annotation: Mapping[str, Any]) -> bool:
        """Add one annotation; False if one of that `unique_id` is there already."""
        try:
            self.call("POST", f"/api/tasks/{number}/annotations/", json=dict(annotation))
        except Conflict:
            return False
        return True

    def call(self, method: str, path: str, *, json: Any = None) -> Any:
        """One request; the parsed answer. Raises `Unauthenticated`, `NotFound`, `Conflict`, `InvalidInput` and, where
        the server is not to be reached or fails, `Unavailable`."""
        if self._personal and "Authorization" not in self._http.headers:
            self._exchange()
        answer = self._send(method, path, json)
        if answer.status_code == 401 and self._personal:
            # the exchanged one lives five minutes
            self._exchange()
            answer = self._send(method, path, json)
        return _read(answer, f"{method} {path.partition('?')[0]}")

    def _exchange(self) -> None:
        self._http.headers.pop("Authorization", None)
        answer = self._send("POST", "/api/token/refresh/", {"refresh": self._token})
        if answer.status_code in (400, 401):
            raise Unauthenticated("Label Studio does not know this access token", remedy="Make a new one: Account.")
        self._http.headers["Authorization"] = f"Bearer {_read(answer, 'exchanging the token')['access']}"

    def _send(self, method: str, path: str, json: Any) -> httpx2.Response:
        try:
            return self._http.request(method, path, json=json)
        except httpx2.HTTPError as error:
            raise Unavailable(f"Label Studio cannot be reached: {error}") from None

    def listed(self, project: int) -> Iterator[dict[str, Any]]:
        """Every task with its predictions, a page at a time; its annotations lack `unique_id`."""
        page, seen = 1, 0
        while True:
            found = self.call("GET", f"/api/tasks?project={project}&fields=all&page={page}&page_size={PAGE}")
            yield from found["tasks"]
            seen += len(found["tasks"])
            if not found["tasks"] or seen >= found["total"]:
                return
            page += 1


class StudioReviewers:
    """Hands cases to a project and brings its annotations in, each as the review of the person who made it.

    A case is sent once, whatever crashes: its task carries the case's id. Cases of the reserve go without the model's
    answer. An annotation that was skipped is an abstention; one of another word than the choices is left where it is.
    """

    def __init__(self, hr: Client, studio: Studio, project: int, choices: Sequence[str]):
        self.studio = studio
        self.project = project
        self._hr = hr
        self._choices = tuple(choices)
        self._labelling = studio.labelling(project)
        asks = list(self._labelling.about)
        if not asks:
            raise InvalidInput(f"project {project} asks nothing", remedy="Give its configuration a Choices tag.")
        self._question = ANSWER if ANSWER in asks else asks[0]
        # cases that wait, cases that are there already, annotations that were brought in
        self._open: set[str] = set()
        self._sent: set[str] | None = None
        self._taken: set[str] = set()
        self._desks: dict[str, Desk] = {}

    def ask(self, cases: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Send those that are not there yet."""
        self._open = {case_id for case_id, _ in cases}
        if self._sent is None:
            self._sent = {str((task.get("meta") or {}).get("case")) for task in self.studio.listed(self.project)}
        new = [self._annotated(case_id, record) for case_id, record in cases if case_id not in self._sent]
        if new:
            self.studio.import_tasks(self.project, write_tasks(new, self._labelling).rows)
            self._sent |= {one.case for one in new}

    def collect(self) -> int:
        """Bring in what was finished since; how many reviews were new."""
        new = 0
        for task in self.studio.tasks(self.project):
            case_id = str((task.get("meta") or {}).get("case"))
            for annotation in task["annotations"] if case_id in self._open else ():
                if annotation["unique_id"] not in self._taken:
                    new += self._bring_in(case_id, annotation)
        return new

    def _bring_in(self, case_id: str, annotation: Mapping[str, Any]) -> bool:
        self._taken.add(annotation["unique_id"])
        said = None if annotation["was_cancelled"] else self._said(annotation)
        if said is None and not annotation["was_cancelled"]:
            return False
        given: dict[str, Any] = {
            "provenance": {"channel": "label-studio", "annotation": annotation["unique_id"]},
            "dwell": annotation.get("lead_time"),
        }
        verdict = "abstain" if said is None else "respond"
        if said is None:
            given["note"] = "skipped in Label Studio"
        else:
            given["value"] = said
        try:
            self._desk(str(annotation["completed_by"])).answer(case_id, verdict, **given)
        except Conflict:
            # settled, or answered by the same person before a crash
            return False
        return True

    def _said(self, annotation: Mapping[str, Any]) -> str | None:
        for result in annotation["result"]:
            refuse_unasked(result.get("from_name"), self._labelling)
            if result["from_name"] == self._question and result["type"] == "choices":
                chosen = result["value"]["choices"]
                return str(chosen[0]) if len(chosen) == 1 and chosen[0] in self._choices else None
        return None

    def _annotated(self, case_id: str, record: Mapping[str, Any]) -> Annotated:
        arguments = {
            name: value for name, value in record["arguments"].items() if name not in ("choices", "suggestion")
        }
        suggestion = record["arguments"].get("suggestion")
        suggested: tuple[Suggested, ...] = ()
        if suggestion is not None and record.get("picked") != "reserve":
            mark = Mark(question=self._question, kind="choice", value=[suggestion])
            score = max(record["scores"]) if record.get("scores") else None
            suggested = (Suggested(model=record.get("model") or "handrail", marks=(mark,), score=score),)
        return Annotated(case=case_id, input=arguments, suggested=suggested)

    def _desk(self, email: str) -> Desk:
        if email not in self._desks:
            self._desks[email] = self._hr.desk(email)
        return self._desks[email]


def reviewers(
    hr: Client, *, url: str, token: str, choices: Sequence[str], project: int | None = None, action: str = "handrail",
    shows: Mapping[str, Any] | None = None,
) -> StudioReviewers:  # fmt: skip
    """The annotator for `handrail learn`. Without a project one is made, which shows the fields of `shows` (texts, or
    pictures as data URLs; by default `text`) and asks one of `choices`."""
    studio = Studio(url, token)
    if project is None:
        project = studio.create_project(f"handrail {action}"[:50], labelling_for(shows or {"text": ""}, choices))
    return StudioReviewers(hr, studio, project, choices)


def _read(answer: httpx2.Response, what: str) -> Any:
    if answer.is_success:
        return answer.json() if answer.content else None
    try:
        said = str(answer.json().get("detail") or answer.json())[:500]
    except ValueError:
        said = answer.text[:200]
    text = f"Label Studio refused {what} ({answer.status_code}): {said}"
    if answer.status_code in (401, 403):
        raise Unauthenticated(text, remedy="Give a personal access token of this server, or a legacy one if it is on.")
    if answer.status_code == 404:
        raise NotFound(text)
    if answer.status_code == 409:
        raise Conflict(text)
    if answer.status_code >= 500:
        raise Unavailable(text)
    raise InvalidInput(text)
