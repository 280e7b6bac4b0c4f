"""A function's signature as a contract: JSON Schema out, arguments in and back, results kept as JSON."""

from __future__ import annotations

import inspect
import math
import typing
from collections.abc import Callable
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticSerializationError, to_jsonable_python
from pydantic_core.core_schema import DecimalSchema

from handrail.canonical import JSON, dumps
from handrail.errors import InvalidInput, MalformedJSON

# what a double holds exactly; larger whole numbers travel as text
_WHOLE = 2**53 - 1
_DECIMAL = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


class Signature:
    """What a gated function takes and returns.

    Raises `InvalidInput` for `*args` and `**kwargs`, for parameters without a name to call them by, and for generators.
    """

    def __init__(self, function: Callable[..., Any], *, leave_out: tuple[str, ...] = ()):
        self.function = function
        self.name = getattr(function, "__qualname__", repr(function))
        self._signature = inspect.signature(function)
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise InvalidInput(
                f"{self.name} is a generator: it would act after its execution was recorded as over",
                remedy="Gate a function that does its work before it returns, or what consumes the generator.",
            )
        hints = _hints(function)
        fields: dict[str, Any] = {}
        self._names: list[str] = []
        for parameter in self._signature.parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise InvalidInput(
                    f"{self.name} takes *{parameter.name}: a reviewer could not see what that is",
                    remedy="Give the function named parameters.",
                )
            if parameter.kind is parameter.POSITIONAL_ONLY:
                raise InvalidInput(
                    f"{self.name} takes {parameter.name} by position only: what is stored has names",
                    remedy="Leave the / out of its signature.",
                )
            if parameter.name in leave_out:
                continue
            default = ... if parameter.default is parameter.empty else parameter.default
            # under a name of our own, for a parameter may be called `_id`, `schema` or `model_config`
            fields[f"p{len(fields)}"] = (hints.get(parameter.name, Any), Field(default, alias=parameter.name))
            self._names.append(parameter.name)
        self._leave_out = leave_out
        self._model = create_model(
            f"{getattr(function, '__name__', 'call')}_arguments",
            # a number that is none stays one, so that it is refused and never becomes null
            __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True, ser_json_inf_nan="constants"),
            **fields,
        )
        self._returns = hints.get("return", Any)

    @cached_property
    def schema(self) -> JSON:
        """JSON Schema of the arguments, for the reviewer's form and the check of edits."""
        made = self._model.model_json_schema(mode="validation", schema_generator=_Schema)
        made.pop("title", None)
        return made

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self._returns)

    def dump(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, JSON]:
        """The call's arguments as JSON, defaults filled in. Raises `TypeError` as the function itself would."""
        bound = (
            self._signature.bind_partial(*args, **kwargs) if self._leave_out else self._signature.bind(*args, **kwargs)
        )
        bound.apply_defaults()
        given = {name: value for name, value in bound.arguments.items() if name not in self._leave_out}
        try:
            model = self._model.model_validate(given)
        except ValidationError as error:
            raise InvalidInput(f"{self.name} cannot be proposed with these arguments: {_first(error)}") from None
        return _plain(model, self.name)

    def load(self, arguments: JSON) -> dict[str, Any]:
        """Stored arguments as the function wants them. Raises `InvalidInput` when they do not fit any more."""
        try:
            model = self._model.model_validate(arguments)
        except ValidationError as error:
            raise InvalidInput(f"the approved arguments do not fit {self.name}: {_first(error)}") from None
        return {name: getattr(model, f"p{number}") for number, name in enumerate(self._names)}

    def dump_result(self, value: Any) -> JSON:
        """A result as JSON, to be kept and given again to whoever asks for the same effect.

        The effect has happened: whatever it returned, this raises nothing.
        """
        try:
            made = _storable(to_jsonable_python(value, fallback=repr))
            dumps(made)
        except (PydanticSerializationError, MalformedJSON, ValueError, RecursionError) as error:
            return {"unreadable": ascii(str(error))[:200]}
        return made

    def load_result(self, value: JSON) -> Any:
        """A kept result, or a reviewer's own answer, as the function would return it."""
        try:
            return self._adapter.validate_python(value)
        except ValidationError:
            return value


class _Schema(GenerateJsonSchema):
    """Pydantic's schema, with the form of a decimal's text: an edit to `abc` is refused while it can be mended."""

    def decimal_schema(self, schema: DecimalSchema) -> dict[str, Any]:
        made = super().decimal_schema(schema)
        for option in made.get("anyOf", ()):
            if option.get("type") == "string":
                option.setdefault("pattern", _DECIMAL)
        return made


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError):
        return {}


def _plain(model: BaseModel, name: str) -> dict[str, JSON]:
    try:
        return model.model_dump(mode="json", by_alias=True)
    except (PydanticSerializationError, UnicodeError) as error:
        raise InvalidInput(
            f"{name} has an argument without a JSON form: {error}",
            remedy="Pass text, numbers, lists, mappings, dataclasses or pydantic models; bytes as base64 text.",
        ) from None


def _storable(value: JSON) -> JSON:
    """Numbers that JSON cannot hold as text, which the return type reads back."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _WHOLE:
        return str(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {key: _storable(item) for key, item in value.items()}
    return value


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
