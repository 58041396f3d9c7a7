# Generated from vrooli_data/_async/repositories/resource_translations.py by tools/unasync.py. Do not edit.
"""Translations of resources: methods of the attribute ``resources``."""

from __future__ import annotations

from ..._domain import own_queries
from ..._domain.formats import new_language
from ..._domain.text_search import fold
from ...engine import Repository
from ...errors import NotFound
from ...inputs import SetTranslation
from ...records import ResourceTranslation
from ...records.shared import RowId
from ...validation import check_id, checked

_SQL = own_queries("resources")

_FIND_TRANSLATIONS = _SQL.bind("find_translations", ResourceTranslation)
_SET_TRANSLATION = _SQL.bind("set_translation", ResourceTranslation)
_DELETE_TRANSLATION = _SQL.bind("delete_translation", RowId)


class ResourceTranslations(Repository):
    """The translations of resources (sql/resources/translations.sql).

    A translation has no revision of its own: its changes move the revision and updated_at of the
    resource.
    """

    def find_translations(self, resource_id: int) -> list[ResourceTranslation]:
        """List the translations of one resource by language (sql/resources/translations.sql).

        At most 10 000 are listed.
        """
        check_id("resource_id", resource_id)
        return self.find_all(_FIND_TRANSLATIONS, resource_id)

    def set_translation(
        self, resource_id: int, language: str, translation: SetTranslation
    ) -> ResourceTranslation:
        """Insert or replace the translation into a language (sql/resources/translations.sql).

        Both fields are replaced: a description that is not given becomes NULL. The case of the tag
        does not matter: pt-br is stored as pt-BR. The resource's revision counts the change. Raises
        `NotFound` where the resource is absent.
        """
        check_id("resource_id", resource_id)
        tag = new_language("language", language)
        values = checked("translation", translation, SetTranslation)
        name, description = values["name"], values["description"]
        stored = self.find_one(
            _SET_TRANSLATION,
            resource_id,
            tag,
            name,
            fold(name),
            description,
            None if description is None else fold(description),
        )
        if stored is None:
            raise NotFound(
                "resources.set_translation: no such resource", query=_SET_TRANSLATION.name
            )
        return stored

    def delete_translation(self, resource_id: int, language: str) -> bool:
        """Delete the translation into a language; False when absent.

        Query: sql/resources/translations.sql. The resource's revision counts the change.
        """
        check_id("resource_id", resource_id)
        tag = new_language("language", language)
        return self.find_one(_DELETE_TRANSLATION, resource_id, tag) is not None
