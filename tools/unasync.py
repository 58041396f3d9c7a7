"""Write vrooli_data/_sync from vrooli_data/_async, and tests/_sync from tests/_async.

    python -m tools.unasync            write
    python -m tools.unasync --check    only compare, and list what differs

Whole tokens change and nothing else: strings and comments stay as they are. A file named
_compat.py, merging.py, pipeline.py or waiting.py is hand-written on both sides.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
import sysconfig
import tokenize
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("vrooli_data", "tests")
HAND_WRITTEN = frozenset({"_compat.py", "merging.py", "pipeline.py", "waiting.py"})
GENERATED = "# Generated from "
HEADER = GENERATED + "{source} by tools/unasync.py. Do not edit.\n"

DROPPED = frozenset({"async", "await"})
#: Names that change, in addition to AsyncX, which becomes X. Each must occur somewhere.
NAMES = {
    "AbstractAsyncContextManager": "AbstractContextManager",
    "StopAsyncIteration": "StopIteration",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "anext": "next",
    "asynccontextmanager": "contextmanager",
}

ASYNC_PREFIX = re.compile(r"\AAsync(?=[A-Z])")
#: The words of a string; an escape such as \n is not part of the next word.
WORDS = re.compile(r"\\.|\w+", re.DOTALL)


class UnasyncError(Exception):
    """The generator refuses its input; each line of the message is one reason."""


def rename(name: str) -> str:
    """Return the name that a name has in the sync face."""
    return NAMES.get(name) or ASYNC_PREFIX.sub("", name)


def changes(word: str) -> bool:
    """Return whether a word of code would be another one, or none, in the sync face."""
    return word in DROPPED or rename(word) != word


def tokens(text: str) -> Iterator[tuple[tokenize.TokenInfo, bool]]:
    """Yield each token, and whether it is in a string.

    From Python 3.12 an f-string comes as tokens of its own; before, as one string. Both count as
    lying in a string, so that every version writes the same files.
    """
    depth = 0
    for token in tokenize.generate_tokens(StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        depth += kind.endswith("STRING_START")
        yield token, depth > 0 or kind == "STRING"
        depth -= kind.endswith("STRING_END")


def refusals(text: str) -> list[tuple[int, str]]:
    """Return line and word of everything in a string that would change outside of one."""
    return [
        (token.start[0] + token.string.count("\n", 0, word.start()), word[0])
        for token, in_string in tokens(text)
        if in_string
        for word in WORDS.finditer(token.string)
        if changes(word[0])
    ]


def convert(text: str) -> str:
    """Return the text with `async` and `await` dropped and every name renamed."""
    lines = list(StringIO(text))
    names = [t for t, in_string in tokens(text) if t.type == tokenize.NAME and not in_string]
    # From the end, so that a change moves nothing that is still to be changed.
    for token in reversed(names):
        row, start = token.start
        line, end = lines[row - 1], token.end[1]
        if token.string in DROPPED:
            lines[row - 1] = line[:start] + line[end:].lstrip(" ")
        else:
            lines[row - 1] = line[:start] + rename(token.string) + line[end:]
    return "".join(lines)


def ruff(*arguments: str, path: Path, text: str) -> str:
    """Return the text of a file as one command of ruff leaves it."""
    program = f"{sysconfig.get_path('scripts')}/ruff"
    command = [program, *arguments, "--stdin-filename", str(path), "-"]
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise UnasyncError(f"{path}: ruff {arguments[0]} failed\n{done.stderr.strip()}")
    return done.stdout


def read(path: Path) -> str:
    """Return the text of a file."""
    return path.read_text(encoding="utf-8")


def python_files(folder: Path) -> set[Path]:
    """Return the files of one face that the generator reads or writes, relative to its folder."""
    return {
        path.relative_to(folder) for path in folder.rglob("*.py") if path.name not in HAND_WRITTEN
    }


class Tree:
    """The sources and the generated files of one project."""

    def __init__(self, root: Path) -> None:
        self.root = root
        #: The source of every file that should be there.
        self.sources: dict[Path, Path] = {}
        #: Files in the folders of the sync face that have no source.
        self.extra: list[Path] = []
        for package in PACKAGES:
            source, target = root / package / "_async", root / package / "_sync"
            names = python_files(source)
            self.sources |= {target / name: source / name for name in sorted(names)}
            self.extra += [target / name for name in sorted(python_files(target) - names)]

    def name(self, path: Path) -> str:
        """Return the path of a file as people write it."""
        return path.relative_to(self.root).as_posix()

    def require_convertible(self) -> None:
        """Refuse sources that cannot be converted token by token, and unused entries of NAMES."""
        reasons = []
        unused = set(NAMES)
        for source in self.sources.values():
            text = read(source)
            try:
                ast.parse(text)
            except SyntaxError as error:
                reasons.append(f"{self.name(source)}:{error.lineno}: {error.msg}")
                continue
            unused -= {token.string for token, in_string in tokens(text) if not in_string}
            reasons += [
                f"{self.name(source)}:{line}: '{word}' stands in a string, and strings are the"
                " same on both faces: reword it"
                for line, word in refusals(text)
            ]
        if reasons or unused:
            reasons = reasons or [f"NAMES['{n}'] is never used: remove it" for n in sorted(unused)]
            raise UnasyncError("\n".join(reasons))

    def generate(self) -> dict[Path, str]:
        """Return the text of each generated file, sorted and formatted as the project is."""
        self.require_convertible()
        texts = {}
        for target, source in self.sources.items():
            text = HEADER.format(source=self.name(source)) + convert(read(source))
            text = ruff("check", "--select", "I", "--fix", "--quiet", path=target, text=text)
            texts[target] = ruff("format", "--quiet", path=target, text=text)
        return texts

    def differences(self) -> list[str]:
        """Return one line for every generated file that is missing, stale or extra."""
        lines = [f"extra: {self.name(path)}" for path in self.extra]
        for path, text in self.generate().items():
            if not path.is_file():
                lines.append(f"missing: {self.name(path)}")
            elif read(path) != text:
                lines.append(f"stale: {self.name(path)}")
        return lines

    def write(self) -> list[str]:
        """Bring the generated files up to date, and return one line for each that changed."""
        lines = []
        texts = self.generate()
        # What was written by hand in the wrong folder must not be lost.
        if by_hand := [path for path in self.extra if not read(path).startswith(GENERATED)]:
            names = ", ".join(map(self.name, by_hand))
            raise UnasyncError(f"not generated, and without a source: {names}")
        for path in self.extra:
            path.unlink()
            lines.append(f"removed: {self.name(path)}")
        for path, text in texts.items():
            if not path.is_file() or read(path) != text:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
                lines.append(f"written: {self.name(path)}")
        return lines


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line, and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.unasync", description="Write the sync face from the async one."
    )
    parser.add_argument("--check", action="store_true", help="only compare, and list what differs")
    check = parser.parse_args(arguments).check
    tree = Tree(root)
    try:
        lines = tree.differences() if check else tree.write()
    except UnasyncError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.writelines(f"{line}\n" for line in lines)
    if check and lines:
        sys.stderr.write("Run `make generate` and commit what it writes.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
