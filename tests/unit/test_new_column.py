"""The writer of a new column beside another one; other lines stay as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.new_column import main

QUERIES = """\
-- name: create(public_id, kind, owner_id)^
-- Insert one of a kind.
INSERT INTO things (
    public_id,
    kind,
+    license,
    owner_id
)
VALUES (
    :public_id::text,
    :kind::text,
+    :license::text,
    :owner_id::bigint
)
RETURNING
    id,
    kind,
    license;

-- name: update(id, kind)^
UPDATE things
SET
    kind = changed.kind,
+    license = changed.license,
    revision = 1
FROM changed
WHERE
    things.kind = :kind::text
    AND things.id = :id::bigint;

-- name: load__stage()!
CREATE TEMPORARY TABLE pg_temp.new_things (
    kind text COLLATE "C" NOT NULL,
+    license text COLLATE "C",
    is_private boolean
) ON COMMIT DROP;

-- name: load__insert()^
INSERT INTO things (id, kind)
SELECT
    nextval('things_id_seq'),
    -- What kind it is.
    chosen.kind,
+    chosen.license,
    TRUE
FROM chosen
ORDER BY
    chosen.kind ASC;
"""
MODULE = """\
class Staged:
    kind: str
+    license: str | None
    is_private: bool


class Given:
    kind: Kind
    is_private: bool


def stage(values: dict[str, str], line: Line, kind: str = "a") -> object:
    check("kind", kind)
    return make(
        values["kind"],
+        values["license"],
        kind=line.kind,
+        license=line.license,
        shape.kind,
    )
"""


def before_and_after(text: str) -> tuple[str, str]:
    """Return a text without and with the lines that begin with a plus."""
    lines = text.splitlines(keepends=True)
    before = "".join(line for line in lines if not line.startswith("+"))
    return before, "".join(line.removeprefix("+") for line in lines)


def test_each_list_of_the_other_column_gets_the_new_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    queries, module = tmp_path / "queries.sql", tmp_path / "module.py"
    given = {queries: before_and_after(QUERIES), module: before_and_after(MODULE)}
    for path, (before, _) in given.items():
        path.write_text(before)
    arguments = ['license text COLLATE "C"', "--beside", "kind", str(tmp_path)]
    assert main(arguments) == 0
    # A parameter is in the header too.
    header = ("create(public_id, kind,", "create(public_id, kind, license,")
    for path, (_, after) in given.items():
        assert path.read_text() == after.replace(*header)
    assert capsys.readouterr().out.splitlines() == [
        f"{module}: 3 lines written",
        f"{module}:8: not written: kind: Kind",
        f"{module}:19: not written: shape.kind,",
        f"{queries}: 5 lines written",
        f"{queries}:39: not written: INSERT INTO things (id, kind)",
    ]
    # A list that has the new column is left alone.
    assert main(arguments) == 0
    assert "written" not in capsys.readouterr().out.replace("not written", "")


@pytest.mark.parametrize("end", ["", ";"])
def test_the_last_item_of_a_list_gets_a_comma(tmp_path: Path, end: str) -> None:
    path = tmp_path / "read.sql"
    path.write_text(f"SELECT\n    id,\n    kind{end}\n")
    assert main(["size bigint", "--beside", "kind", str(path)]) == 0
    assert path.read_text() == f"SELECT\n    id,\n    kind,\n    size{end}\n"


def test_a_type_with_not_null_is_no_optional_field(tmp_path: Path) -> None:
    path = tmp_path / "rows.py"
    path.write_text("class Row:\n    kind: str\n")
    assert main(["size double precision NOT NULL", "--beside", "kind", str(path)]) == 0
    assert path.read_text() == "class Row:\n    kind: str\n    size: float\n"
