"""Answers that many people give at once, with few and with many open cases beside them.

The cases beside are filled in by one SQL statement each; those that are answered are real ones, and so are the verbs.

Run: python bench/answers.py DIRECTORY [--sizes 1000 1000000] [--answers 1200] [--engine sqlite|postgres]
Prints one JSON line a row.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from sizes import arguments, each
from take_next import POLICY, fill_postgres, fill_sqlite

from handrail.client.client import Client
from handrail.client.local import LocalTransport
from handrail.lifecycle.actor import ALL_SCOPES, Actor
from handrail.proposal import Proposal

PEOPLE = 32
AGENT = Actor(kind="agent", pid="bench", name="bench", scopes=ALL_SCOPES, auth="local")


def measure(hr: Client, engine: str, size: int, answers: int) -> None:
    desks = [hr.desk(f"Person {n}") for n in range(PEOPLE)]

    def propose(n: int) -> str:
        return hr.propose(Proposal(action="pay", arguments={"to": f"A{n}", "amount": n})).case_id

    def answer(given: tuple[int, str]) -> None:
        n, case_id = given
        desks[n % PEOPLE].answer(case_id, "approve")

    with ThreadPoolExecutor(PEOPLE) as pool:
        cases = list(pool.map(propose, range(answers)))
        begun = time.perf_counter()
        list(pool.map(answer, enumerate(cases)))
        spent = time.perf_counter() - begun
    line = {
        "what": f"answers of {PEOPLE} people at once", "engine": engine, "open_cases": size, "n": answers,
        "per_second": round(answers / spent),
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def main() -> None:
    parser = arguments(__doc__, [1_000, 1_000_000])
    parser.add_argument("--answers", type=int, default=1_200)
    given = parser.parse_args()
    for filled in each(given, sqlite=fill_sqlite, postgres=fill_postgres, policy=POLICY):
        measure(Client(LocalTransport(filled.plane, AGENT)), filled.engine, filled.size, given.answers)


if __name__ == "__main__":
    main()
