"""A function's signature as a contract: JSON Schema out, arguments in and back, results kept as JSON."""

from __future__ import annotations

import dataclasses
import inspect
import math
import typing
from collections import abc
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticSerializationError, to_jsonable_python
from pydantic_core.core_schema import DecimalSchema

from handrail.canonical import JSON, dumps
from handrail.client.drive import is_generator
from handrail.errors import InvalidInput, MalformedJSON

# what a double holds exactly; larger whole numbers travel as text
_WHOLE = 2**53 - 1
# of these the text or number is all there is, whatever class of theirs was given
_PLAIN = (str, int, float, bytes, Decimal, date, timedelta)
# what a type hint leaves open
_OPEN = (
    Any, object, dict, list, tuple, set, frozenset, abc.Mapping, abc.MutableMapping, abc.Sequence, abc.MutableSequence,
    abc.Set, abc.MutableSet, abc.Collection, abc.Iterable,
)  # fmt: skip
_DECIMAL = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


class Signature:
    """What a gated function takes and returns.

    Raises `InvalidInput` for `*args` and `**kwargs`, for parameters without a name to call them by, and for generators.
    """

    def __init__(self, function: Callable[..., Any], *, leave_out: tuple[str, ...] = ()):
        self.function = function
        self.name = getattr(function, "__qualname__", repr(function))
        self._signature = inspect.signature(function)
        if is_generator(function):
            raise InvalidInput(
                f"{self.name} is a generator: it would act after its execution was recorded as over",
                remedy="Gate a function that does its work before it returns, or what consumes the generator.",
            )
        hints = _hints(function)
        # what is annotated runs as it was given, or is refused; anything else runs as its JSON
        self._spelled: dict[str, str] = {}
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
            if not _open(hints.get(parameter.name, Any)):
                self._spelled[f"p{len(self._names)}"] = parameter.name
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
        """The call's arguments as JSON, defaults filled in.

        Raises `TypeError` as the function itself would, and `InvalidInput` for what does not fit, has no JSON form, or
        is read back from it as something else.
        """
        bound = (
            self._signature.bind_partial(*args, **kwargs) if self._leave_out else self._signature.bind(*args, **kwargs)
        )
        bound.apply_defaults()
        given = {name: value for name, value in bound.arguments.items() if name not in self._leave_out}
        try:
            model = self._model.model_validate(given)
        except ValidationError as error:
            raise InvalidInput(f"{self.name} cannot be proposed with these arguments: {_first(error)}") from None
        made = _plain(model, self.name)
        if self._spelled:
            self._check(model, made)
        return made

    def _check(self, model: BaseModel, made: dict[str, JSON]) -> None:
        """That the tool would get what it was called with. Values are not quoted: one may be a secret."""
        try:
            again = self._model.model_validate(made)
        except ValidationError as error:
            raise InvalidInput(
                f"{self.name} would not take its own arguments back from the record: {_first(error)}", remedy=_TELLING
            ) from None
        for field, name in self._spelled.items():
            given, read = getattr(model, field), getattr(again, field)
            if not _same(given, read):
                was, is_ = type(given).__qualname__, type(read).__qualname__
                raise InvalidInput(
                    f"{self.name} would not get the {name} it was called with: "
                    + (f"a {was} comes back as a {is_}" if was != is_ else f"this {was} comes back as another one"),
                    remedy=_TELLING,
                )

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


_TELLING = (
    "Only its JSON is stored, shown and run: give the parameter a type whose JSON says all of it "
    "(members of a union told apart by a field, nothing secret or excluded, no subclass), or pass an id."
)


def _open(hint: Any) -> bool:
    """Whether a type hint leaves some part of the value open, as `dict[str, Any]` does."""
    if isinstance(hint, typing.TypeVar) or any(hint is each for each in _OPEN):
        return True
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return False
    if typing.is_typeddict(hint):
        return any(_open(each) for each in _hints(hint).values())
    arguments = typing.get_args(hint)
    return (not arguments and origin in _OPEN) or any(_open(each) for each in arguments)


def _same(given: Any, read: Any) -> bool:
    """Whether what was read back is what was given: of the same type, and equal, all through.

    List and tuple are one where the hint does not say which, as `Sequence` does not, and an int is the float it
    becomes. What cannot be compared is taken to be the same.
    """
    kind = type(read)
    if isinstance(read, BaseModel):
        hints = {name: field.annotation for name, field in kind.model_fields.items()}
        return type(given) is kind and _same_parts(
            {**given.__dict__, **(given.model_extra or {})}, {**read.__dict__, **(read.model_extra or {})}, hints
        )
    if dataclasses.is_dataclass(kind):
        parts = [
            {field.name: getattr(one, field.name, None) for field in dataclasses.fields(kind)} for one in (given, read)
        ] if type(given) is kind else []  # fmt: skip
        return bool(parts) and _same_parts(parts[0], parts[1], _hints(kind))
    if kind is dict:
        return isinstance(given, Mapping) and _same_parts(given, read, {})
    if isinstance(read, list | tuple):
        return (
            (type(given) is kind or (kind in (list, tuple) and isinstance(given, list | tuple)))
            and len(given) == len(read)
            and all(map(_same, given, read))
        )
    if kind in (set, frozenset):
        return isinstance(given, abc.Set) and {(type(each), each) for each in given} == {
            (type(each), each) for each in read
        }
    if isinstance(read, Enum):
        return given is read
    if isinstance(read, datetime | time):
        # by the digits: in the hour that comes twice, two zones are never equal
        return isinstance(given, kind) and given.isoformat() == read.isoformat()
    if type(given) is int and kind in (float, Decimal):
        return bool(given == read)
    if type(given) is not kind and not (kind in _PLAIN and isinstance(given, kind)):
        return False
    if kind.__eq__ is object.__eq__:  # type: ignore[comparison-overlap]
        return True
    try:
        # nothing equals a number that is none
        return bool(given == read) or bool(given != given and read != read)  # noqa: PLR0124
    except Exception:
        return True


def _same_parts(given: Mapping[Any, Any], read: Mapping[Any, Any], hints: Mapping[str, Any]) -> bool:
    return given.keys() == read.keys() and all(
        _same(value, read[name]) for name, value in given.items() if name not in hints or not _open(hints[name])
    )


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
