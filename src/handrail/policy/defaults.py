"""The policy that ships with the package: what nobody declared goes to a person."""

from __future__ import annotations

from importlib.resources import files

# YAML text, in force when nobody gave another; package data beside this module
DEFAULT_POLICY: str = files("handrail.policy").joinpath("default.yaml").read_text("utf-8")
