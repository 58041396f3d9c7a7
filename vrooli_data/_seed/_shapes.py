"""The shapes of resources: a thousand shapes, which repeat in order of the ids.

So the shape of a resource follows from its id, and needs no memory.
"""

from __future__ import annotations

import msgspec

from ._chance import Draw, happens, pick, spread
from ._texts import language

_PERIOD = 1000
#: Types by their number in a hundred resources; about seven in eight resources are listed.
_TYPES = spread(
    {
        "Routine": 75,
        "Note": 6,
        "Prompt": 5,
        "Code": 4,
        "Api": 3,
        "Data": 3,
        "Project": 2,
        "Standard": 2,
    }
)
#: Numbers of versions, by how many of a hundred resources have them.
_VERSIONS = spread({1: 88, 2: 7, 3: 3, 5: 1, 8: 1})


class Shape(msgspec.Struct, frozen=True):
    """Type, flags, versions and languages of a resource."""

    resource_type: str
    is_private: bool
    is_deleted: bool
    versions: int
    #: The first so many versions are complete.
    complete_versions: int
    languages: tuple[str, ...]

    @property
    def has_complete_version(self) -> bool:
        """Whether a resource of this shape can be listed."""
        return self.complete_versions > 0


class Shapes:
    """The shape of each resource, and the ids of its versions."""

    def __init__(self, draw: Draw) -> None:
        shapes = [_shape(draw) for _ in range(_PERIOD)]
        # A search downwards for a resource that is not deleted then always finds one.
        shapes[0] = msgspec.structs.replace(shapes[0], is_deleted=False)
        self._shapes = tuple(shapes)
        self._before = [0]
        for shape in self._shapes:
            self._before.append(self._before[-1] + shape.versions)

    def of(self, resource_id: int) -> Shape:
        """Return the shape of a resource."""
        return self._shapes[(resource_id - 1) % _PERIOD]

    def first_version(self, resource_id: int) -> int:
        """Return the id of the first version of a resource; the ids of the others follow."""
        periods, number = divmod(resource_id - 1, _PERIOD)
        return periods * self._before[_PERIOD] + self._before[number] + 1

    def versions(self, resources: int) -> int:
        """Return how many versions the first *resources* have."""
        return self.first_version(resources + 1) - 1


def _shape(draw: Draw) -> Shape:
    versions = pick(draw, _VERSIONS)
    # All versions are drafts, or the latest one is, or none.
    drafts = versions if happens(draw, 0.045) else int(versions > 1 and happens(draw, 0.3))
    first = language(draw)
    languages = {first: None}
    while happens(draw, 0.17):
        languages[language(draw)] = None
    return Shape(
        pick(draw, _TYPES),
        happens(draw, 0.05),
        happens(draw, 0.03),
        versions,
        versions - drafts,
        tuple(languages),
    )
