"""Memory over many cases: each is proposed, answered by a person and decided; the process should not grow with them.

Run: python bench/memory.py DIRECTORY [--cases 100000]
Prints a JSON line every tenth of the way (megabytes resident after a collection), and a last one with the growth.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import time
from pathlib import Path

from handrail.lifecycle import review, submit
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.maintenance.plane import Plane
from handrail.proposal import Proposal

POLICY = """
escalation_policies: [{action_type: pay, autonomy: confirm, undo_seconds: 0}]
review_settings: {reviewer_session_limit_minutes: 1440}
"""
AGENT = Actor(kind="agent", pid="bench", name="bench", scopes=ALL_SCOPES, auth="local")
PERSON = Actor(kind="person", pid="p_bench", name="bench", scopes=frozenset({"review"}), roles=frozenset({"reviewer"}))
GROUP = 200
PAGE = os.sysconf("SC_PAGE_SIZE")


def megabytes() -> float:
    """Resident memory of this process now."""
    gc.collect()
    return round(int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6, 1)


def play(plane: Plane, n: int) -> None:
    """`n` cases from proposal to decision, a group at a time."""
    for start in range(0, n, GROUP):
        commands = [
            submit.prepare(AGENT, Proposal(action="pay", arguments={"to": "A1", "amount": number}), draw=0.5)
            for number in range(start, min(n, start + GROUP))
        ]
        opened = [plane.writer.submit(submit.submit, command) for command in commands]
        answers = [review.Answer(actor=PERSON, case_id=made.result().case_id, verdict="approve") for made in opened]
        decided = [plane.writer.submit(review.review, answer) for answer in answers]
        assert all(made.result().decision is not None for made in decided)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--cases", type=int, default=100_000)
    given = parser.parse_args()
    given.directory.mkdir(parents=True, exist_ok=True)
    part, seen = max(GROUP, given.cases // 10), []
    with Plane(given.directory.resolve() / "memory.db", policy=POLICY) as plane:
        begun = time.perf_counter()
        for number in range(10):
            play(plane, part)
            seen.append(megabytes())
            print(json.dumps({"what": "memory", "cases": (number + 1) * part, "megabytes": seen[-1],
                              "seconds": round(time.perf_counter() - begun, 1)}), flush=True)  # fmt: skip
    # the first half fills the page cache (64 MB); what counts is what each further case adds
    grown = round(seen[-1] - seen[4], 1)
    print(json.dumps({"what": "memory growth", "from_cases": 5 * part, "to_cases": 10 * part, "megabytes": grown,
                      "bytes_a_case": round(grown * 1e6 / (5 * part))}))  # fmt: skip


if __name__ == "__main__":
    main()
