"""The public methods of the repositories and their arguments, found by introspection."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)
from uuid import UUID

import msgspec
from msgspec import UnsetType

from vrooli_data import BulkUpdateResource, Database, Repository
from vrooli_data._pages import Listing
from vrooli_data._sync.database_events import DatabaseEvents

#: Opened by nobody: what is not refused as input fails with `Unavailable`, and runs no statement.
UNOPENED = Database.connect("host=/nowhere")
REPOSITORIES: dict[str, Repository] = {
    name: getattr(UNOPENED, name)
    for name, _ in inspect.getmembers(Database, lambda member: isinstance(member, cached_property))
}


def _listings() -> Iterator[Listing[Any]]:
    """Find every order of every listing, beside the repository that it serves."""
    classes = {kind for bound in REPOSITORIES.values() for kind in type(bound).__mro__}
    for module in {kind.__module__ for kind in classes}:
        for found in vars(sys.modules[module]).values():
            for each in found.values() if isinstance(found, dict) else (found,):
                if isinstance(each, Listing):
                    yield each


LISTINGS = {listing.name: listing for listing in _listings()}


class Argument(NamedTuple):
    """One argument of one public method."""

    repository: str
    method: str
    name: str
    annotation: Any

    def __str__(self) -> str:
        return f"{self.repository}.{self.method}-{self.name}"


def methods() -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """Yield every public method of every repository."""
    for repository, bound in REPOSITORIES.items():
        for name, method in inspect.getmembers(bound, inspect.ismethod):
            is_own = hasattr(Repository, name) or name in vars(DatabaseEvents)
            if not name.startswith("_") and not is_own:
                yield repository, name, method


@cache
def annotations_of(kind: Any) -> dict[str, Any]:
    """Return the annotations of a method's arguments, or of an input's fields."""
    found = get_type_hints(kind, include_extras=True)
    found.pop("return", None)
    return found


def parts(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the annotation alone."""
    if get_origin(annotation) in (Union, types.UnionType):
        return get_args(annotation)
    return (annotation,)


def core(annotation: Any) -> Any:
    """Return what is to be given, without None, UNSET and what is noted beside it."""
    (given,) = [part for part in parts(annotation) if part not in (type(None), UnsetType)]
    return get_args(given)[0] if get_origin(given) is Annotated else given


def item(annotation: Any) -> Any:
    """Return what a list is to hold; None where no list is to be given."""
    kind = core(annotation)
    return get_args(kind)[0] if get_origin(kind) in (list, Sequence) else None


def is_stream(annotation: Any) -> bool:
    """Return whether rows are to be given, any number of them: what is bad of them is reported."""
    return get_origin(core(annotation)) is Iterable


def is_function(annotation: Any) -> bool:
    """Return whether a function is to be given."""
    return get_origin(core(annotation)) is Callable


#: Those of which bad values can be told from the annotation.
ARGUMENTS = [
    Argument(repository, name, argument, annotation)
    for repository, name, method in methods()
    for argument, annotation in annotations_of(method).items()
    if not is_stream(annotation) and not is_function(annotation)
]


def is_json(annotation: Any) -> bool:
    """Return whether any JSON is to be given."""
    return core(annotation) is Any


def is_object(annotation: Any) -> bool:
    """Return whether a JSON object is to be given."""
    return get_origin(core(annotation)) is dict


def valid(name: str, annotation: Any) -> Any:  # noqa: PLR0911 (one for each kind)
    """Return a value that is taken."""
    kind = core(annotation)
    if kind is int:
        return 1
    if kind is bool:
        return True
    if kind is UUID:
        return UUID(int=1)
    if kind is datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)
    if kind is timedelta:
        return timedelta(days=1)
    if kind is str:
        texts = {
            "language": "en",
            "handle": "ada",
            "email": "a@b",
            "public_id": "a" * 12,
            "position": "1/0/0",
        }
        return texts.get(name, "text")
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if item(kind) is not None:
        return [valid(name, item(kind))]
    if is_object(annotation) or is_json(annotation):
        return {}
    if is_stream(annotation):
        return []
    if is_function(annotation):
        return lambda *_: None
    return struct(kind)


def struct(kind: type[msgspec.Struct], **given: Any) -> msgspec.Struct:
    """Return an input whose fields are all taken but those given."""
    values = {name: valid(name, annotation) for name, annotation in annotations_of(kind).items()}
    return kind(**(values | given))


class Slot(NamedTuple):
    """A place for a value: an argument, an item of one, or a field of an input in one."""

    argument: Argument
    #: The names on the way to it, ``steps.name``.
    path: str
    annotation: Any
    #: Makes the argument, with a value in the place.
    filled: Callable[[Any], Any]

    def __str__(self) -> str:
        return f"{self.argument.repository}.{self.argument.method}-{self.path}"

    @property
    def name(self) -> str:
        """The name of the place itself."""
        return self.path.rpartition(".")[2]

    @property
    def is_field(self) -> bool:
        """Whether it is a field of an input, and so kept by whatever method takes it."""
        return "." in self.path


def slots(argument: Argument) -> Iterator[Slot]:
    """Yield every place of an argument."""
    return _slots(Slot(argument, argument.name, argument.annotation, lambda value: value))


def _slots(slot: Slot) -> Iterator[Slot]:
    kind = core(slot.annotation)
    if item(kind) is not None:
        yield from _slots(
            slot._replace(annotation=item(kind), filled=lambda value: slot.filled([value]))
        )
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for field, annotation in annotations_of(kind).items():
            yield from _slots(_field(slot, kind, field, annotation))
    else:
        yield slot


#: An update needs a change beside its key.
_CHANGE: dict[type[msgspec.Struct], dict[str, Any]] = {BulkUpdateResource: {"is_private": True}}


def _field(slot: Slot, kind: type[msgspec.Struct], field: str, annotation: Any) -> Slot:
    def filled(value: Any) -> Any:
        others = required_fields(kind) | _CHANGE.get(kind, {})
        return slot.filled(kind(**(others | {field: value})))

    return Slot(slot.argument, f"{slot.path}.{field}", annotation, filled)


SLOTS = [slot for argument in ARGUMENTS for slot in slots(argument)]


def required_fields(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return values that are taken for the fields that an input cannot do without."""
    annotations = annotations_of(kind)
    return {
        field.name: valid(field.name, annotations[field.name])
        for field in msgspec.structs.fields(kind)
        if field.required
    }


def required_arguments(repository: str, method: str) -> dict[str, Any]:
    """Return values that are taken for the arguments that a method cannot do without."""
    called = getattr(REPOSITORIES[repository], method)
    annotations = annotations_of(called)
    return {
        name: _required(name, annotations[name])
        for name, parameter in inspect.signature(called).parameters.items()
        if parameter.default is parameter.empty
    }


def _required(name: str, annotation: Any) -> Any:
    kind = core(annotation)
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return valid(name, annotation)
    given = required_fields(kind)
    if not given:
        # An update of nothing is refused.
        first, inner = next(iter(annotations_of(kind).items()))
        given = {first: valid(first, inner)}
    return kind(**given)
