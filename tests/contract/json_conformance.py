"""Whether a JSON value is what its shape says."""

from __future__ import annotations

from vrooli_data._contract.analysis import JsonShape
from vrooli_data._contract.analysis.json_shapes import Array, JsonMember, Object


def conforms(value: object, shape: JsonShape) -> bool:
    """Return whether a value has a shape, nulls and all."""
    match shape:
        case Object(members):
            return (
                isinstance(value, dict)
                and list(value) == list(members)
                and all(_is_member(value[key], member) for key, member in members.items())
            )
        case Array(member):
            return isinstance(value, list) and all(
                member is not None and _is_member(item, member) for item in value
            )
        case _:
            return True


def _is_member(value: object, member: JsonMember) -> bool:
    if value is None:
        return member.null.nullable and not member.null.narrowed
    return conforms(value, member.shape)
