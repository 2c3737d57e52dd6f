"""Frozen values to JSON and back, for the inbox and the outbox.

Knows: pydantic's adapters. Must not know: which values there are.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")

# Built once a class, at first use: building all of them would cost every start.
_adapters: dict[type[Any], TypeAdapter[Any]] = {}


def pack(value: Any, kinds: Mapping[str, type[Any]]) -> tuple[str, dict[str, Any]]:
    """Return the value's kind and its fields as JSON types."""
    kind = next(name for name, cls in kinds.items() if cls is type(value))
    fields: dict[str, Any] = _adapter(type(value)).dump_python(value, mode="json")
    return kind, fields


def unpack(kind: str, fields: Mapping[str, Any], kinds: Mapping[str, type[T]]) -> T:
    """Return the value again; KeyError for a kind that this version does not know."""
    value: T = _adapter(kinds[kind]).validate_python(dict(fields))
    return value


def _adapter(cls: type[Any]) -> TypeAdapter[Any]:
    if cls not in _adapters:
        _adapters[cls] = TypeAdapter(cls)
    return _adapters[cls]
