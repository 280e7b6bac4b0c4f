"""A model and a tokenizer of a few thousand weights, made on the spot: trainers need nothing from a network."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, PreTrainedTokenizerFast, Qwen2Config

TEMPLATE = (
    "{%- if tools %}<|tools|>{{ tools | tojson }}{% endif %}"
    "{%- for message in messages %}<|{{ message.role }}|>"
    "{%- if message.tool_calls %}{{ message.tool_calls | tojson }}{% else %}{{ message.content }}{% endif %}<|end|>"
    "{%- endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ["<|end|>", "<|pad|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>", "<|tools|>"]


def tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, and a chat template."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|end|>", pad_token="<|pad|>")
    fast.add_special_tokens({"additional_special_tokens": SPECIAL[2:]})
    fast.chat_template = TEMPLATE
    return fast


def config(size: int) -> Qwen2Config:
    return Qwen2Config(
        vocab_size=size, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=1024, eos_token_id=256, pad_token_id=257,
    )  # fmt: skip


def save_model(folder: Path, *, scoring: bool = False) -> Path:
    """A fresh model with its tokenizer, on disk as the trainers load it. `scoring`: one number instead of words."""
    words = tokenizer()
    shape = config(len(words))
    if scoring:
        shape.num_labels = 1
        made = AutoModelForSequenceClassification.from_config(shape)
    else:
        made = AutoModelForCausalLM.from_config(shape)
    made.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder
