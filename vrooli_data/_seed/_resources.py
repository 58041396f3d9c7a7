"""Resources with their versions, translations and bookmarks."""

from __future__ import annotations

from collections.abc import Iterator

from .._copying import jsonb
from .._domain.text_search import fold
from ._chance import between, happens, pick
from ._rows import BookmarkRow, ResourceRow, TranslationRow, VersionRow
from ._shapes import Shapes
from ._table import Table, seed_copy
from ._texts import Texts
from ._world import World

_RESOURCES = seed_copy("resources", ResourceRow)
_RESOURCE_VERSIONS = seed_copy("resource_versions", VersionRow)
_RESOURCE_TRANSLATIONS = seed_copy("resource_translations", TranslationRow)
_BOOKMARKS = seed_copy("bookmarks", BookmarkRow)


_CONFIGS = (
    jsonb(b"{}"),
    jsonb(b'{"model": "small", "temperature": 0.2, "tools": ["search", "calculator"]}'),
    jsonb(b'{"inputs": [{"name": "text", "type": "string", "required": true}], "outputs": []}'),
    jsonb(b'{"graph": {"nodes": [1, 2, 3], "edges": [[1, 2], [2, 3]]}, "timeout_ms": 30000}'),
    jsonb('{"prompt": "Übersetze: 你好, мир, שלום 🚀", "stop": null}'.encode()),
)
_LABELS = ("1.0.0", "0.1.0", "2.0.0-rc.1", "2023.10", "draft", "1.4.2+build.7", "v1")


def tables(world: World) -> Iterator[Table]:
    """Return resources, versions, translations and bookmarks."""
    shapes = Shapes(world.draws("shapes"))
    yield Table(_RESOURCES, world.resources, _resources(world, shapes))
    yield Table(
        _RESOURCE_VERSIONS,
        shapes.versions(world.resources),
        _versions(world, shapes),
    )
    yield Table(
        _RESOURCE_TRANSLATIONS,
        None,
        _translations(world, shapes),
    )
    yield Table(_BOOKMARKS, None, _bookmarks(world))


def _resources(world: World, shapes: Shapes) -> Iterator[ResourceRow]:
    draw = world.draws("resources")
    public_id = world.public_ids("resources")
    end = world.timeline.end
    for id, audience in enumerate(_audiences(world), 1):
        shape = shapes.of(id)
        created_at = world.resource_created_at(id)
        author = None if happens(draw, 0.02) else world.user(draw, (id - 1) / world.resources)
        deleted_at = between(draw, created_at, end) if shape.is_deleted else None
        bookmarks = len(audience)
        yield ResourceRow(
            id,
            public_id(id),
            shape.resource_type,
            shape.is_private,
            shape.is_deleted,
            deleted_at,
            author if shape.is_deleted else None,
            shape.has_complete_version,
            int(draw() ** 3 * (bookmarks + 3)) - int(draw() ** 6 * 3),
            bookmarks,
            int((bookmarks + draw()) * 40 * draw() ** 2),
            author,
            shapes.first_version(id) + shape.versions - 1,
            shape.versions - 1,
            int(draw() ** 4 * 20),
            created_at,
            deleted_at or between(draw, created_at, end),
        )


def _versions(world: World, shapes: Shapes) -> Iterator[VersionRow]:
    draw = world.draws("resource_versions")
    public_id = world.public_ids("resource_versions")
    end = world.timeline.end
    for resource_id in range(1, world.resources + 1):
        shape = shapes.of(resource_id)
        first = shapes.first_version(resource_id)
        created_at = world.resource_created_at(resource_id)
        for index in range(shape.versions):
            id = first + index
            yield VersionRow(
                id,
                public_id(id),
                resource_id,
                index,
                pick(draw, _LABELS),
                pick(draw, _CONFIGS),
                index < shape.complete_versions,
                int(draw() ** 4 * 6),
                created_at,
                between(draw, created_at, end),
            )
            created_at = between(draw, created_at, end)


def _translations(world: World, shapes: Shapes) -> Iterator[TranslationRow]:
    draw = world.draws("resource_translations")
    texts = Texts(draw)
    for resource_id in range(1, world.resources + 1):
        created_at = world.resource_created_at(resource_id)
        for language in shapes.of(resource_id).languages:
            name, description = texts.name(language), texts.description(language)
            yield TranslationRow(
                resource_id,
                language,
                name,
                fold(name),
                description,
                None if description is None else fold(description),
                created_at,
                between(draw, created_at, world.timeline.end),
            )


def _bookmarks(world: World) -> Iterator[BookmarkRow]:
    draw = world.draws("bookmarks")
    for resource_id, audience in enumerate(_audiences(world), 1):
        resource_created_at = world.resource_created_at(resource_id)
        for user_id in audience:
            earliest = max(resource_created_at, world.user_created_at(user_id))
            yield BookmarkRow(user_id, resource_id, between(draw, earliest, world.timeline.end))


def _audiences(world: World) -> Iterator[list[int]]:
    """Draw who bookmarked each resource; a new stream gives the same users.

    So the counters of resources are right without any row being kept or counted.
    """
    draw = world.draws("audiences")
    for _ in range(world.resources):
        # The mean is two. Most resources have none or one; a few have thousands.
        size = min(int(1.5 * (1 - draw()) ** -0.6) - 1, world.users)
        yield sorted({world.user(draw) for _ in range(size)})
