"""Promotions while a log is replayed: proposed, accepted by a second person with a live grant, ended with it."""

from __future__ import annotations

from collections.abc import Callable

from handrail.audit.standing import Entry, Say

# who may accept or decline, where the log says who holds which roles
MAY_ANSWER = {"lead", "admin"}


class Promotions:
    """Takes the entries about promotions, and the grants they stand on. `say(code, text)` reports a violation."""

    def __init__(
        self, say: Say, roles_of: Callable[[str], frozenset[str] | None], continues: Callable[[], bool]
    ) -> None:
        self._say = say
        self._roles_of = roles_of
        self._continues = continues
        # promotion: who proposed it, its cell, its state
        self._known: dict[str, list[str]] = {}
        # grant: the promotion it stands on
        self._grants: dict[str, str] = {}
        self._live: set[str] = set()

    def granted(self, entry: Entry, now: int) -> None:
        """A grant begins; does it stand on a promotion?"""
        grant = entry["grant"]
        if "promotion" in grant:
            self._grants[grant["id"]] = grant["promotion"]
            self._live.add(grant["id"])

    def grant_over(self, entry: Entry, now: int) -> None:
        """A grant ends."""
        self._live.discard(entry["grant"]["id"])

    def proposed(self, entry: Entry, now: int) -> None:
        """A promotion is proposed; of one cell one stands at a time."""
        named = entry["promotion"]
        if named["id"] in self._known:
            self._say("promotion.doubled", f"the promotion {named['id']} stands twice")
        if any(cell == named["cell"] and state in ("proposed", "accepted") for _, cell, state in self._known.values()):
            self._say("promotion.two_of_a_cell", f"another promotion of the cell {named['cell']} stands")
        self._known[named["id"]] = [entry["actor"]["pid"], named["cell"], "proposed"]

    def accepted(self, entry: Entry, now: int) -> None:
        """A person who did not propose it accepts it; its grant begins with it."""
        named = entry["promotion"]
        self._answered(entry, "accepted")
        if self._grants.get(named["grant"]) != named["id"] or named["grant"] not in self._live:
            self._say("promotion.without_grant", f"no live grant stands on the promotion {named['id']}")

    def declined(self, entry: Entry, now: int) -> None:
        """A person declines it."""
        self._answered(entry, "declined")

    def ended(self, entry: Entry, now: int) -> None:
        """It is withdrawn, taken back or over; its grant must be too."""
        id = entry["promotion"]["id"]
        held = self._find(id)
        if held is None:
            return
        if held[2] not in ("proposed", "accepted"):
            self._say("promotion.over", f"the promotion {id} is {held[2]}")
        held[2] = "ended"
        if any(of == id and grant in self._live for grant, of in self._grants.items()):
            self._say("promotion.grant_lives", f"the promotion {id} ended and its grant did not")

    def _answered(self, entry: Entry, state: str) -> None:
        id, actor = entry["promotion"]["id"], entry["actor"]
        held = self._find(id)
        roles = self._roles_of(actor["pid"])
        if actor["kind"] != "person" or (roles is not None and not roles & MAY_ANSWER):
            self._say("promotion.by_nobody", f"the promotion {id} was {state} by somebody who may not")
        if held is None:
            return
        if state == "accepted" and held[0] == actor["pid"]:
            self._say("promotion.one_person", f"who proposed the promotion {id} accepted it too")
        if held[2] != "proposed":
            self._say("promotion.over", f"the promotion {id} is {held[2]}")
        held[2] = state

    def _find(self, id: str) -> list[str] | None:
        held = self._known.get(id)
        if held is None and not self._continues():
            self._say("promotion.unknown", f"nobody proposed the promotion {id}")
        return held
