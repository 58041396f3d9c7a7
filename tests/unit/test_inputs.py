"""Inputs made from data, such as the body of a request."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.introspection import struct
from vrooli_data import CreateUser, RetryPolicy, UpdateUser, inputs

INPUTS: list[type[msgspec.Struct]] = [
    kind
    for name in inputs.__all__
    if isinstance(kind := getattr(inputs, name), type) and issubclass(kind, msgspec.Struct)
]


def test_there_are_inputs_to_try() -> None:
    assert len(INPUTS) >= 14


@pytest.mark.parametrize("kind", INPUTS)
def test_an_input_is_made_from_its_data_and_an_unknown_field_is_refused(
    kind: type[msgspec.Struct],
) -> None:
    given = struct(kind)
    data: dict[str, Any] = msgspec.to_builtins(given)
    assert msgspec.convert(data, kind) == given
    assert msgspec.json.decode(msgspec.json.encode(data), type=kind) == given
    misspelt = data | {"hanlde": "ada"}
    with pytest.raises(msgspec.ValidationError, match="unknown field `hanlde`"):
        msgspec.convert(misspelt, kind)
    with pytest.raises(msgspec.ValidationError, match="unknown field `hanlde`"):
        msgspec.json.decode(msgspec.json.encode(misspelt), type=kind)


def test_a_policy_from_a_file_of_settings_knows_its_fields() -> None:
    assert msgspec.convert({"attempts": 5}, RetryPolicy) == RetryPolicy(attempts=5)
    with pytest.raises(msgspec.ValidationError, match="unknown field `atempts`"):
        msgspec.convert({"atempts": 5}, RetryPolicy)


def test_absent_and_null_stay_apart() -> None:
    assert msgspec.convert({"handle": None}, UpdateUser) == UpdateUser(handle=None)
    assert msgspec.convert({}, UpdateUser).handle is msgspec.UNSET
    assert msgspec.convert({"name": "Ada"}, CreateUser) == CreateUser(name="Ada")
