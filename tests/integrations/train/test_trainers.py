"""What `handrail export examples` writes is taken by TRL's own trainers, loaded from the file as a user would."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest

import handrail
from handrail.cli.main import app
from handrail.learning.comparison import comparison
from handrail.proposal import Proposal

os.environ.update(HF_HUB_OFFLINE="1", WANDB_DISABLED="true", TRACKIO_DISABLED="1", TOKENIZERS_PARALLELISM="false")

from datasets import load_dataset
from transformers import AutoModelForCausalLM
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, RewardConfig, RewardTrainer, SFTConfig, SFTTrainer
from typer.testing import CliRunner

from tests.integrations.train.tiny import save_model, tokenizer

POLICY = """
escalation_policies:
  - {action_type: answer, autonomy: confirm, undo_seconds: 0}
  - {action_type: refund, autonomy: confirm, undo_seconds: 0}
  - {action_type: compare, autonomy: confirm, undo_seconds: 0}
"""
REFUND = {
    "type": "object", "required": ["order"],
    "properties": {"order": {"type": "string"}, "amount": {"type": "string"}},
}  # fmt: skip
QUICK: dict[str, Any] = {
    "per_device_train_batch_size": 2, "max_steps": 2, "report_to": [], "use_cpu": True, "save_strategy": "no",
    "logging_steps": 1, "disable_tqdm": True, "gradient_checkpointing": False, "bf16": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """People approved, edited, refused and compared; some of it calls of a tool, some of it not in ASCII."""
    path = tmp_path_factory.mktemp("train") / "handrail.db"
    with handrail.open(path, policy=POLICY) as hr:
        desk = hr.desk("Asha")
        for n in range(8):
            asked = f"Where is order {n}, Zoë? 🙂"
            told = hr.propose(Proposal(action="answer", kind="output", arguments={"output": f"On its way ({n})."},
                                       prompt=asked, agent="support"))  # fmt: skip
            if n % 4 == 0:
                desk.answer(told.case_id, "reject", reason="wrong")
            elif n % 4 == 1:
                desk.answer(told.case_id, "edit", arguments={"output": f"It arrives on day {n}."})
            else:
                desk.answer(told.case_id, "approve")
            called = hr.propose(Proposal(
                action="refund", arguments={"order": str(n), "amount": "9.50"}, schema=REFUND, call_id=f"k{n}",
                prompt=[{"role": "system", "content": "Be fair."}, {"role": "user", "content": f"Refund order {n}"}],
                run=f"run-{n // 2}",
            ))  # fmt: skip
            if n % 4 == 2:
                desk.answer(called.case_id, "edit", arguments={"order": str(n), "amount": "5"})
            else:
                desk.answer(called.case_id, "approve" if n % 4 else "reject", **({} if n % 4 else {"reason": "wrong"}))
            pair = hr.propose(comparison(asked, [f"Soon. {n}", f"No idea. {n}"], options=("careful", "blunt")))
            shown = pair_arguments(hr, pair.case_id)
            desk.answer(pair.case_id, "respond", value="a" if shown["options"]["a"] == "careful" else "b")
    return path


def pair_arguments(hr: handrail.Client, case_id: str) -> dict[str, Any]:
    return dict(hr.plane.proposal("default", case_id).record()["arguments"])


def exported(database: Path, form: str, folder: Path) -> Any:
    """The rows as a trainer gets them."""
    output = folder / f"{form}.jsonl"
    done = CliRunner().invoke(app, ["export", "examples", form, "--output", str(output), "--database", str(database)])
    assert done.exit_code == 0, done.output
    return load_dataset("json", data_files=str(output), split="train", on_mixed_types="use_json",
                        cache_dir=str(folder / "cache"))  # fmt: skip


def steps_of(trainer: Any) -> list[float]:
    """The losses of a training of two steps."""
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def test_sft_trainer_takes_what_people_approved_and_edited(database: Path, tmp_path: Path) -> None:
    rows = exported(database, "sft", tmp_path)
    assert len(rows) == 12
    model = save_model(tmp_path / "model")
    trainer = SFTTrainer(
        model=str(model), processing_class=tokenizer(), train_dataset=rows,
        args=SFTConfig(output_dir=str(tmp_path / "out"), max_length=512, **QUICK),
    )  # fmt: skip
    assert all(map(math.isfinite, steps_of(trainer)))


def test_dpo_trainer_takes_edits_and_comparisons(database: Path, tmp_path: Path) -> None:
    rows = exported(database, "preference", tmp_path)
    assert len(rows) == 12
    model = save_model(tmp_path / "model")
    trainer = DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(model), processing_class=tokenizer(), train_dataset=rows,
        args=DPOConfig(output_dir=str(tmp_path / "out"), max_length=512, **QUICK),
    )  # fmt: skip
    assert all(map(math.isfinite, steps_of(trainer)))


def test_kto_trainer_takes_approvals_and_refusals(database: Path, tmp_path: Path) -> None:
    rows = exported(database, "kto", tmp_path)
    assert sorted(set(rows["label"])) == [False, True]
    model = save_model(tmp_path / "model")
    trainer = KTOTrainer(
        model=AutoModelForCausalLM.from_pretrained(model), processing_class=tokenizer(), train_dataset=rows,
        args=KTOConfig(output_dir=str(tmp_path / "out"), max_length=512, **QUICK),
    )  # fmt: skip
    assert all(map(math.isfinite, steps_of(trainer)))


def test_reward_trainer_takes_pairs_with_margins(database: Path, tmp_path: Path) -> None:
    rows = exported(database, "reward", tmp_path)
    assert "margin" in rows.column_names
    model = save_model(tmp_path / "model", scoring=True)
    trainer = RewardTrainer(
        model=str(model), processing_class=tokenizer(), train_dataset=rows,
        args=RewardConfig(output_dir=str(tmp_path / "out"), max_length=512, **QUICK),
    )  # fmt: skip
    assert all(map(math.isfinite, steps_of(trainer)))


def test_prm_rows_load_with_steps_and_labels(database: Path, tmp_path: Path) -> None:
    rows = exported(database, "prm", tmp_path)
    assert all(len(row["completions"]) == len(row["labels"]) > 0 for row in rows)
