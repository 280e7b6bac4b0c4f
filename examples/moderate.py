"""A stream of posts: the sure ones go out, the unsure ones wait, some categories always meet a person.

python examples/moderate.py --auto             a scripted reviewer answers
python examples/moderate.py                    you answer: `handrail serve --database posts.db` in another terminal
"""

from __future__ import annotations

import argparse
import threading

import handrail

POLICY = """
escalation_policies:
  - action_type: content_publish
    auto_approve_threshold: 0.92
    soft_review_threshold: 0.75
    categories_always_review: [hate_speech, self_harm, child_safety]
    undo_seconds: 0
"""
# text, the model's chance that it may be published, categories it sees
POSTS: tuple[tuple[str, float, list[str]], ...] = (
    ("The night train runs again from Monday.", 0.99, []),
    ("A stupidly good mango season!", 0.81, []),
    ("Free money, click the link now!", 0.22, ["spam"]),
    ("I feel low and do not know whom to call.", 0.97, ["self_harm"]),
)


def review(desk: handrail.Desk, texts: dict[str, str], done: threading.Event) -> None:
    """The scripted reviewer: no spam, and people before rules."""
    while not done.wait(0.1):
        held = desk.next()
        if held is None:
            continue
        if "click" in texts.get(held.case_id, ""):
            held.reject("not_allowed", note="spam")
        else:
            held.approve()


def main() -> None:
    parser = argparse.ArgumentParser(description="A stream of posts to moderate.")
    parser.add_argument("--auto", action="store_true", help="let a scripted reviewer answer")
    parser.add_argument("--database", default="posts.db")
    given = parser.parse_args()
    done, texts = threading.Event(), dict[str, str]()
    with handrail.open(given.database, policy=POLICY) as hr:

        @hr.gate("content_publish", undo=lambda arguments, result: print(f"took down: {arguments['text']}"))
        def publish(text: str) -> str:
            print(f"published: {text}")
            return text

        waiting = []
        for text, confidence, categories in POSTS:
            waiting.append(publish.using(confidence=confidence, categories=categories).request(text))
            texts[waiting[-1].case_id] = text
            print(f"{waiting[-1].tier:>12}: {text}")
        if given.auto:
            threading.Thread(target=review, args=(hr.desk("Asha"), texts, done), daemon=True).start()
        for pending in waiting:
            try:
                pending.result()
            except handrail.Rejected as refused:
                print(f"withheld ({refused.reason}): {texts[refused.case_id]}")
        done.set()


if __name__ == "__main__":
    main()
