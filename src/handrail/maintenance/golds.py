"""Golds are drawn beside ordinary cases, and what they show of a reviewer becomes, or ends, a flag."""

from __future__ import annotations

from typing import Any

from handrail.clock import SECOND, Clock
from handrail.consensus.gold_timing import LONGEST
from handrail.lifecycle import flags, golds, policies, reviewers
from handrail.policy.document import ReviewSettings
from handrail.store import golds as tables
from handrail.store import reads, statements
from handrail.store.engine import Store
from handrail.store.writer import Writer

# cases that came longer ago draw nothing any more
BACK = LONGEST + 600 * SECOND
# between two looks at a workspace whose answers keep coming
PAUSE = 15 * SECOND
# between two looks for golds to retire
WEAR = 3600 * SECOND


class Golds:
    """Draws golds and keeps flags, workspace by workspace. Each step may be repeated, by any replica."""

    def __init__(self, store: Store, writer: Writer, clock: Clock):
        self._store = store
        self._writer = writer
        self._clock = clock
        self._marks: dict[str, Any] = {}
        self._looked: dict[str, int] = {}
        self._worn: dict[str, int] = {}

    def step(self) -> int:
        """Draw what is to be drawn, and look at reviewers whose answers are new; how many golds and flags changed.

        One of them at a time, unless there is something to draw every time: entries that only this loop writes are not
        to stand beside a gold's.
        """
        done = 0
        for workspace in tables.workspaces(self._store):
            settings = settings_of(self._store, workspace)
            if settings is not None:
                drawn = self._wear(workspace, settings) or self._draw(workspace, settings)
                waited = self._clock.now() - self._looked.get(workspace, 0) > 4 * PAUSE
                done += drawn + (self._flag(workspace, settings) if not drawn or waited else 0)
        return done

    def _wear(self, workspace: str, settings: ReviewSettings) -> int:
        now = self._clock.now()
        if now - self._worn.get(workspace, now - WEAR) < WEAR:
            return 0
        self._worn[workspace] = now
        read, most = self._store.read_hot, settings.gold_views
        worn = tuple(row[0] for row in read(tables.gold_worn, workspace=workspace, most=most))
        unsound: list[str] = []
        for action, kind in read(tables.gold_kinds, workspace=workspace):
            picked = read(tables.gold_pick, workspace=workspace, action=action, kind=kind, most=most)
            unsound += [row[0] for row in picked if not golds.is_sound(bytes(row[1]))]
        if unsound:
            # there may be more behind them
            del self._worn[workspace]
        if not worn and not unsound:
            return 0
        command = golds.Wear(workspace=workspace, worn=worn, unsound=tuple(unsound))
        return int(self._writer.run(golds.wear, command))

    def _draw(self, workspace: str, settings: ReviewSettings) -> int:
        if not settings.gold_share or not tables.pool_size(self._store, workspace):
            return 0
        secret = bytes(self._store.read_hot(statements.workspace_get, id=workspace)[0][2])
        now = self._clock.now()
        found = self._store.read_hot(tables.gold_drawing, workspace=workspace, since=now - BACK)[::-1]
        opened = [row[1] for row in found]
        done = 0
        # asked outside the writer, once for each: what the pool lacks is not tried again with every step
        has: dict[tuple[str, str], bool] = {}
        for at, (case_id, _, drawn, action, kind) in enumerate(found):
            if drawn or not golds.draws(secret, case_id, settings.gold_share):
                continue
            due = golds.comes_at(secret, case_id, opened, at)
            if due <= now:
                if (action, kind) not in has:
                    golds_left = golds.candidates(self._store.read_hot, workspace, action, kind, settings.gold_views)
                    has[action, kind] = next(golds_left, None) is not None
                if not has[action, kind]:
                    continue
                command = golds.Draw(workspace=workspace, case_id=case_id, placed_at=due)
                done += self._writer.run(golds.draw, command) is not None
        return done

    def _flag(self, workspace: str, settings: ReviewSettings) -> int:
        now = self._clock.now()
        since = now - reviewers.WINDOW_DAYS * reviewers.DAY
        mark = tuple(self._store.read_hot(tables.reviews_mark, workspace=workspace, since=now - 7 * reviewers.DAY)[0])
        if self._marks.get(workspace) == mark or now - self._looked.get(workspace, since) < PAUSE:
            return 0
        found = reviewers.people(reviewers.read(self._store, workspace, now), settings)
        standing = {row[0] for row in tables.flags(self._store, workspace)}
        done = 0
        for person in sorted(standing | {who for who, one in found.items() if one.codes}):
            codes = found[person].codes if person in found else {}
            done += len(self._writer.run(flags.mark, flags.Mark(workspace=workspace, person=person, codes=codes)))
        self._marks[workspace], self._looked[workspace] = mark, now
        return done


def settings_of(store: Store, workspace: str) -> ReviewSettings | None:
    """The review settings of the policy in force; None for a workspace without one."""
    row = reads.policy_text(store, workspace)
    return None if row is None else policies.compiled(row.text, row.name).review_settings
