"""A tool's call as it is proposed: the model's own arguments, plain, in the shape of the tool's schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.tools.base import _is_injected_arg_type, get_all_basemodel_annotations
from langchain_core.utils.pydantic import model_json_schema
from pydantic import BaseModel, ValidationError

from handrail.canonical import JSON, dumps
from handrail.errors import InvalidInput, MalformedJSON


def schema_of(tool: BaseTool) -> dict[str, JSON]:
    """JSON Schema of what the model may say, and nothing else."""
    shown = tool.tool_call_schema
    schema = dict(shown) if isinstance(shown, dict) else dict(model_json_schema(shown))
    schema.setdefault("type", "object")
    if "properties" in schema:
        # an edit may not bring in what the tool would drop
        schema.setdefault("additionalProperties", False)
    return schema


def split(tool: BaseTool, given: Mapping[str, Any]) -> tuple[dict[str, JSON], dict[str, Any]]:
    """What the model said, as plain JSON, and what the framework injected.

    Raises pydantic's `ValidationError` for what the tool itself would not take, so that the model is told as ever.
    """
    names = injected_names(tool)
    injected = {name: value for name, value in given.items() if name in names}
    said = {name: value for name, value in given.items() if name not in names}
    shape = tool.tool_call_schema
    if not (isinstance(shape, type) and issubclass(shape, BaseModel)):
        return said, injected
    read = shape.model_validate(said)
    plain: dict[str, JSON] = read.model_dump(mode="json", exclude_unset=True, by_alias=True, warnings=False)
    try:
        dumps(plain)
        shape.model_validate(plain)
    except (MalformedJSON, ValidationError):
        # what does not come back from JSON is proposed as the model said it
        return said, injected
    return plain, injected


def load(tool: BaseTool) -> Any:
    """Stored arguments to what the tool takes. Raises `InvalidInput` when it takes them no longer."""
    shape = tool.tool_call_schema

    def loaded(arguments: JSON) -> dict[str, Any]:
        if not isinstance(arguments, dict):
            raise InvalidInput(f"the stored arguments of {tool.name} are no object")
        if isinstance(shape, type) and issubclass(shape, BaseModel):
            try:
                shape.model_validate(arguments)
            except ValidationError as error:
                raise InvalidInput(f"{tool.name} no longer takes the arguments that were approved: {error}") from None
        return dict(arguments)

    return loaded


def injected_names(tool: BaseTool) -> frozenset[str]:
    """Parameters that the framework fills in: state, store, runtime, the call's id."""
    # as LangChain's own tools find them: there is no public list
    hidden = set(tool._injected_args_keys)
    if not isinstance(tool.args_schema, dict):
        annotations = get_all_basemodel_annotations(tool.get_input_schema())
        hidden |= {name for name, type_ in annotations.items() if _is_injected_arg_type(type_)}
    return frozenset(hidden)
