"""Write docs/methods.md: each public method with its arguments, queries, indexes and tests.

python -m tools.write_methods           write
python -m tools.write_methods --check   only compare
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from vrooli_data._async import repositories
from vrooli_data._contract.check import package_python
from vrooli_data._contract.header import HeaderError, index_line
from vrooli_data._contract.modules import find_repositories
from vrooli_data._contract.recording import Method
from vrooli_data._queries import Source, load_folder, sql_folder

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "methods.md"
TESTS = ROOT / "tests" / "_async"
HEAD = """\
# The methods

`make generate` writes this page from the repositories, the headers in `sql/` and the tests. Do not
edit it. A database, a held connection and a transaction have every method, on both faces. On the
asynchronous face a method is awaited. The types are those of `vrooli_data`. *Index* names what the
plans of the queries rely on, which `vrooli-data check` verifies. The tests are those of the
asynchronous face, from which the others are generated.
"""


def page() -> str:
    """Return the page as it should be."""
    sources = {
        source.name: source
        for folder in sql_folder().iterdir()
        if folder.is_dir()
        for source in load_folder(folder).values()
    }
    signatures = dict(_signatures())
    lines = [HEAD]
    aggregate = ""
    for method in sorted(package_python().methods, key=_name):
        first, _, _ = _name(method).partition(".")
        if first != aggregate:
            aggregate = first
            lines.append(f"## {aggregate}\n\n| method | returns | SQL | index | tests |")
            lines.append("|---|---|---|---|---|")
        lines.append(_row(method, signatures[method.name], sources))
        lines.append("")
    return re.sub(r"\|\n\n\|", "|\n|", "\n".join(lines))


def _signatures() -> Iterator[tuple[str, inspect.Signature]]:
    """Yield the methods of the repositories as they are written, by the names of the check."""
    for kind in find_repositories([repositories.__name__]).classes:
        for name, function in inspect.getmembers(kind, inspect.isfunction):
            yield f"{kind.__name__}.{name}", inspect.signature(function)


def _arguments(signature: inspect.Signature) -> str:
    """Return the arguments of a method as a caller gives them."""
    parts: list[str] = []
    for parameter in list(signature.parameters.values())[1:]:
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        # An annotation is a text, as it is written in the module.
        given = f"{parameter.name}: {parameter.annotation}"
        is_required = parameter.default is parameter.empty
        parts.append(given if is_required else f"{given} = {parameter.default!r}")
    return f"({', '.join(parts)})"


def _code(text: str) -> str:
    return f"`{text}`".replace("|", r"\|")


def _name(method: Method) -> str:
    """Return the name that a caller writes after the database: users.find_by_id."""
    aggregate, _, _ = method.calls[0].query.partition(".")
    return f"{aggregate}.{method.name.partition('.')[2]}"


def _row(method: Method, signature: inspect.Signature, sources: dict[str, Source]) -> str:
    used = [sources[name] for name in sorted({call.query for call in method.calls})]
    indexes = _unique(name for source in used for name in _indexes(source))
    name = _name(method)
    tests = [path.name for path in TESTS.glob("test_*.py") if f"{name}(" in path.read_text()]
    # A test of one method of several repositories does not name them.
    common = TESTS / f"test_{name.partition('.')[2]}.py"
    if not tests and common.exists():
        tests = [common.name]
    cells = (
        _code(f"{name.partition('.')[2]}{_arguments(signature)}"),
        _code(signature.return_annotation),
        _unique(f"{source.path.parent.name}/{source.path.name}" for source in used),
        indexes or "none",
        _unique(sorted(tests)) or "**none**",
    )
    return "| " + " | ".join(cells) + " |"


def _indexes(source: Source) -> Iterator[str]:
    """Yield the entries of the Index lines of a query; exit if one cannot be read."""
    for field in ("Index", "Index (pg_trgm)"):
        try:
            line = index_line(source.header.get(field, "none: no such line"))
        except HeaderError as error:
            sys.exit(f"{source.path}:{source.line}: {source.name}: {error}")
        yield from (" or ".join(entry.names) for entry in line.entries)


def _unique(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(values))


def main() -> int:
    """Run the command line, and return its exit status."""
    text = page()
    if "--check" in sys.argv[1:]:
        if PAGE.read_text() == text:
            return 0
        sys.stderr.write("docs/methods.md is stale: run `make generate` and commit it\n")
        return 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
