"""A function's signature as a contract: JSON Schema out, arguments in and back, results kept as JSON."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model
from pydantic_core import PydanticSerializationError, to_jsonable_python

from handrail.canonical import JSON
from handrail.errors import InvalidInput


class Signature:
    """What a gated function takes and returns. Raises `InvalidInput` for `*args` and `**kwargs`."""

    def __init__(self, function: Callable[..., Any], *, leave_out: tuple[str, ...] = ()):
        self.function = function
        self.name = getattr(function, "__qualname__", repr(function))
        self._signature = inspect.signature(function)
        hints = _hints(function)
        fields: dict[str, Any] = {}
        for parameter in self._signature.parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise InvalidInput(
                    f"{self.name} takes *{parameter.name}: a reviewer could not see what that is",
                    remedy="Give the function named parameters.",
                )
            if parameter.name in leave_out:
                continue
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[parameter.name] = (hints.get(parameter.name, Any), default)
        self._leave_out = leave_out
        self._model = create_model(
            f"{getattr(function, '__name__', 'call')}_arguments",
            __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=()),
            **fields,
        )
        self._returns = hints.get("return", Any)

    @cached_property
    def schema(self) -> JSON:
        """JSON Schema of the arguments, for the reviewer's form and the check of edits."""
        made = self._model.model_json_schema(mode="validation")
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
        return {name: getattr(model, name) for name in self._model.model_fields}

    def dump_result(self, value: Any) -> JSON:
        """A result as JSON, to be kept and given again to whoever asks for the same effect."""
        try:
            return to_jsonable_python(value, fallback=repr)
        except PydanticSerializationError as error:
            return {"unreadable": str(error)[:200]}

    def load_result(self, value: JSON) -> Any:
        """A kept result, or a reviewer's own answer, as the function would return it."""
        try:
            return self._adapter.validate_python(value)
        except ValidationError:
            return value


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError):
        return {}


def _plain(model: BaseModel, name: str) -> dict[str, JSON]:
    try:
        return model.model_dump(mode="json")
    except PydanticSerializationError as error:
        raise InvalidInput(f"{name} has an argument without a JSON form: {error}") from None


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
