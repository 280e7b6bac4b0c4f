"""Agreement: Krippendorff's alpha (nominal) against the figure each data set's README gives to four digits.

The README figures count every answer, also a second one by the same person; handrail itself counts a person once, so
here each answer stands for itself. The figure is the largest difference over the sets read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from crowds import crowd_ti, table
from figures import Figure, Options

from handrail.consensus.agreement import agreement

NUMBER = 15
CLAIM = "Agreement equals the published figures"
Given = list[tuple[str, str]]


def run(options: Options) -> Iterator[Figure]:
    found: dict[str, tuple[float, float]] = {}
    for name, (folder, pattern, read) in SETS.items():
        given = read(options.data)
        published = _published(options.data / folder / "README.md", pattern)
        value = agreement((case, str(i), label) for i, (case, label) in enumerate(given)).alpha.value
        assert value is not None, name
        found[name] = (round(value, 4), published)
    worst = max(found, key=lambda name: abs(found[name][0] - found[name][1]))
    apart = abs(found[worst][0] - found[worst][1])
    yield Figure(
        what=f"largest difference of alpha over {len(found)} sets", ours=apart, low=apart, high=apart, n=len(found),
        target=0.0001, note=f"(at {worst}; read to four digits)",
    )  # fmt: skip
    one = agreement([("1", "a", "x"), ("1", "b", "x")])
    undefined = [one.alpha.value, one.fleiss.value, one.ac1.value].count(None)
    yield Figure(
        what="coefficients that are n/a where one label was seen, of 3", ours=undefined, low=undefined, high=undefined,
        n=3, target=3, better="higher",
    )  # fmt: skip


def _published(readme: Path, pattern: str) -> float:
    match = re.search(pattern, readme.read_text(encoding="utf-8"), re.DOTALL)
    assert match is not None, f"{readme} has no figure {pattern}"
    return float(match[1])


def _labels(path: str, case: str, label: str, **only: str) -> Callable[[Path], Given]:
    def read(data: Path) -> Given:
        rows = table(data / path)
        return [(row[case], row[label]) for row in rows if all(row[name] == value for name, value in only.items())]

    return read


def _pandalm(data: Path) -> Given:
    rows = table(data / "pandalm" / "pairs.csv.gz")
    return [(row["item"], row[f"annotator{i}"]) for row in rows for i in (1, 2, 3)]


def _convabuse(data: Path) -> Given:
    """Abuse or not; who was shown an item twice counts with the first answer."""
    first: dict[tuple[str, str], str] = {}
    for row in sorted(table(data / "convabuse" / "labels.csv.gz"), key=lambda row: int(row["row"])):
        first.setdefault((row["item"], row["worker"]), "1" if row["label"] == "abusive" else "0")
    return [(item, label) for (item, _), label in first.items()]


def _votes(path: str, columns: dict[str, str]) -> Callable[[Path], Given]:
    def read(data: Path) -> Given:
        return [
            (row["item"], label)
            for row in table(data / path)
            for column, label in columns.items()
            for _ in range(int(row[column]))
        ]

    return read


def _chosen(path: str, columns: tuple[str, ...]) -> Callable[[Path], Given]:
    def read(data: Path) -> Given:
        return [(row["item"], row[column]) for row in table(data / path) for column in columns]

    return read


def _crowd(name: str) -> Callable[[Path], Given]:
    return lambda data: [(case, label) for case, _, label in crowd_ti(data)[name][0]]


ALPHA = r"krippendorff_alpha_nominal: ([0-9.]+)"
SETS: dict[str, tuple[str, str, Callable[[Path], Given]]] = {
    **{
        f"crowd_ti/{name}": ("crowd_ti", rf"\| {name} \| \d+ \| \d+ \| \d+ \| [\d.]+ \| ([\d.]+) ", _crowd(name))
        for name in ("bluebird", "dog", "rte", "trec", "relevance", "product", "cf", "cf_amt", "ms", "zencrowd_us",
                     "zencrowd_in")
    },
    **{
        f"snow2008/{name}": ("snow2008", rf"- {name}:.*?{ALPHA}",
                             _labels("snow2008/labels.csv.gz", "item", "response", task=name))
        for name in ("rte", "wsd")
    },
    "adult_content2": ("adult_content2", ALPHA, _labels("adult_content2/labels.csv.gz", "item", "label")),
    "hatecheck": ("hatecheck", ALPHA, _labels("hatecheck/labels.csv.gz", "item", "label")),
    "pandalm": ("pandalm", ALPHA, _pandalm),
    "convabuse": ("convabuse", ALPHA, _convabuse),
    "cifar10n": ("cifar10n", ALPHA, _chosen("cifar10n/labels.csv.gz", ("vote1", "vote2", "vote3"))),
    "davidson_tweets": ("davidson_tweets", ALPHA, _votes("davidson_tweets/items.csv.gz", {
        "votes_hate": "h", "votes_offensive": "o", "votes_neither": "n"})),
    "chaosnli": ("chaosnli", r"krippendorff_alpha_nominal_100: ([0-9.]+)", _votes("chaosnli/items.csv.gz", {
        "votes_entailment": "e", "votes_neutral": "n", "votes_contradiction": "c"})),
    "cifar10h_model": ("cifar10h_model", r"krippendorff_alpha_nominal ([0-9.]+)", _votes(
        "cifar10h_model/items.csv.gz", {f"human_{i}": str(i) for i in range(10)})),
    **{
        f"imagenet16h/{noise}": ("unclear/imagenet16h", rf"\| noise{noise} \| \d+ \| \d+ \| \d+ \| ([\d.]+) ",
                                 _labels("unclear/imagenet16h/labels.csv.gz", "image", "label", noise=noise))
        for noise in ("80", "95", "110", "125")
    },
    **{
        f"model_vs_human/{name}": ("unclear/model_vs_human", rf"\| {name} \| \d+ \| \d+ \| \d+ \| ([\d.]+) ",
                                   _labels("unclear/model_vs_human/humans.csv.gz", "item", "response", experiment=name))
        for name in ("cue-conflict", "edge")
    },
}  # fmt: skip
