"""Answers that many people give at once, with few and with many open cases beside them.

The cases beside are filled in by one SQL statement each; those that are answered are real ones, and so are the verbs.

Run: python bench/answers.py DIRECTORY [--sizes 1000 1000000] [--answers 1200] [--engine sqlite|postgres]
Prints one JSON line a row.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "peers")]

from private_postgres import private_postgres  # noqa: E402
from take_next import POLICY, fill_postgres, fill_sqlite  # noqa: E402

import handrail  # noqa: E402
from handrail.proposal import Proposal  # noqa: E402

PEOPLE = 32


def measure(hr: handrail.Client, engine: str, size: int, answers: int) -> None:
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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 1_000_000])
    parser.add_argument("--answers", type=int, default=1_200)
    parser.add_argument("--engine", choices=("sqlite", "postgres", "both"), default="both")
    given = parser.parse_args()
    given.directory.mkdir(parents=True, exist_ok=True)
    folder = given.directory.resolve()
    for size in given.sizes if given.engine != "postgres" else ():
        path = folder / f"answers-{size}.db"
        with handrail.open(path, policy=POLICY + "\n") as hr:
            fill_sqlite(path, size)
            measure(hr, "sqlite", size, given.answers)
        path.unlink()
    if given.engine != "sqlite":
        with private_postgres(folder) as url:
            for size in given.sizes:
                with handrail.open(url, policy=POLICY + "\n") as hr:
                    fill_postgres(url, size)
                    measure(hr, "postgres", size, given.answers)


if __name__ == "__main__":
    main()
