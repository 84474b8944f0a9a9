"""The numbers the code holds, measured: sizes, docstrings, import cycles, and what two requests take to read.

    .venv/bin/python .ci/house.py        (as `make check` does)

Prints the figures, then a sentence for each number that is broken; exits 1 if there is one.
Lines are lines of the file, blank ones and comments too. A function runs from its first decorator
to its last line; one inside another counts by itself as well. Migrations' version files are history,
not code to read, and stay out.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

MEDIAN_FILE_LINES = 90
LONGEST_FILE_LINES = 350
FUNCTION_LINES = 40
SHARE_OF_SHORT_FUNCTIONS = 0.95
APP_LINES = 40

type_of_function = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Walk:
    """What a reader opens to follow one request from the route to the row.

    steps: `file::function` in reading order; `file` alone is opened but has no domain code of
    its own (a route reads, calls one thing, answers). `Class.method` names a method.
    domain_lines: how many lines those functions may have together, docstrings left out; None: any.
    """

    request: str
    steps: tuple[str, ...]
    files: int = 4
    domain_lines: int | None = None


WALKS = (
    Walk(
        "POST /login",
        (
            "src/coatcheck/login/routes.py",
            "src/coatcheck/login/password.py::Login.log_in",
            "src/coatcheck/login/password.py::Login.finish",
            "src/coatcheck/sessions/sessions.py::Sessions.open",
            "src/coatcheck/tokens/issue.py::issue",
        ),
        domain_lines=70,
    ),
    Walk(
        "GET /todos",
        (
            "todos/routes.py",
            "src/coatcheck/sessions/current_user.py::sign_in",
            "src/coatcheck/sessions/sessions.py::Sessions.user",
            "todos/todos.py::TodoList.page",
        ),
    ),
)


@dataclass(frozen=True)
class Function:
    """One function or method, with its name as Python qualifies it."""

    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef

    @property
    def lines(self) -> int:
        first = min([self.node.lineno, *(d.lineno for d in self.node.decorator_list)])
        return (self.node.end_lineno or first) - first + 1

    @property
    def lines_without_docstring(self) -> int:
        if ast.get_docstring(self.node) is None:
            return self.lines
        docstring = self.node.body[0]
        return self.lines - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


@dataclass(frozen=True)
class File:
    """One source file, read once."""

    path: str
    module: str
    tree: ast.Module
    lines: int
    functions: list[Function] = field(default_factory=list[Function])


def read(root: Path) -> list[File]:
    """The files the numbers are about: the library, the application and app.py, in order of path."""
    files: list[File] = []
    for base, folder in ((root / "src", "coatcheck"), (root, "todos"), (root, "app.py")):
        for path in sorted([base / folder] if folder.endswith(".py") else (base / folder).rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            if not path.is_file() or parts[1:3] == ("migrations", "versions"):
                continue
            text = path.read_text(encoding="utf-8")
            tree = ast.parse(text, str(path))
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            lines = len(text.splitlines())
            files.append(File(path.relative_to(root).as_posix(), module, tree, lines, list(functions(tree))))
    return files


def functions(node: ast.AST, prefix: str = "") -> Iterator[Function]:
    """Every function below the node, methods and inner functions included."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, type_of_function):
            yield Function(prefix + child.name, child)
            yield from functions(child, f"{prefix}{child.name}.<locals>.")
        elif isinstance(child, ast.ClassDef):
            yield from functions(child, f"{prefix}{child.name}.")
        else:
            yield from functions(child, prefix)


def imports(file: File, ours: set[str], below: ast.AST) -> Iterator[tuple[str, int]]:
    """(our module, line) for each import of our own below the node, wherever it stands."""
    package = file.module if file.path.endswith("__init__.py") else file.module.rpartition(".")[0]
    for node in ast.walk(below):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names if alias.name in ours)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                parent = ".".join(package.split(".")[: len(package.split(".")) + 1 - node.level])
                source = f"{parent}.{source}".strip(".")
            for alias in node.names:
                # `from coatcheck import sessions` reads the room, not the front door.
                module = f"{source}.{alias.name}" if f"{source}.{alias.name}" in ours else source
                if module in ours:
                    yield module, node.lineno


def sizes(files: list[File]) -> Iterator[str]:
    """Broken sizes of files and functions."""
    if median(files) > MEDIAN_FILE_LINES:
        yield f"The median file has {median(files):g} lines; it holds at {MEDIAN_FILE_LINES}."
    for file in files:
        if file.lines > LONGEST_FILE_LINES:
            yield f"{file.path} has {file.lines} lines; past {LONGEST_FILE_LINES} it is two things."
        if file.path == "app.py" and file.lines > APP_LINES:
            yield f"app.py has {file.lines} lines; it holds at {APP_LINES}, without logic."
    if share_of_short(files) < SHARE_OF_SHORT_FUNCTIONS:
        yield (
            f"{share_of_short(files):.1%} of the functions have at most {FUNCTION_LINES} lines; "
            f"{SHARE_OF_SHORT_FUNCTIONS:.0%} should. The long ones: "
            + ", ".join(f"{f.name} ({path}, {f.lines})" for path, f in by_length(files) if f.lines > FUNCTION_LINES)
            + "."
        )


def cycles(files: list[File]) -> Iterator[str]:
    """An import cycle among our modules, also one hidden in a function or under TYPE_CHECKING."""
    ours = {file.module for file in files}
    graph = {file.module: {m for m, _ in imports(file, ours, file.tree)} - {file.module} for file in files}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # graphlib lists the imported module first.
        yield "Import cycle: " + " imports ".join(reversed(error.args[1])) + "."


def lazy_imports(files: list[File]) -> Iterator[str]:
    """Imports of our own inside a function: they hide a cycle, or an arrow that points upwards."""
    ours = {file.module for file in files}
    for file in files:
        outermost = [f for f in file.functions if "<locals>" not in f.name]
        for function in outermost:
            for module, line in imports(file, ours, function.node):
                yield f"{file.path}:{line} imports {module} inside {function.name}(); import it at the top."


def docstrings(files: list[File]) -> Iterator[str]:
    """Public classes, functions and methods without a docstring."""
    for file in files:
        for name, node in public(file.tree):
            if ast.get_docstring(node) is None:
                yield f"{file.path}:{node.lineno} {name} is public and has no docstring."


def public(
    scope: ast.AST, prefix: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]]:
    """Module-level names and the methods of public classes, also those that stand under an `if`.

    An @overload, an @override and a property's setter say it where they were first declared.
    """
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, (*type_of_function, ast.ClassDef)):
            said_elsewhere = {ast.unparse(d).rpartition(".")[2] for d in node.decorator_list} & {
                "overload", "override", "setter", "deleter",
            }  # fmt: skip
            if node.name.startswith("_") or said_elsewhere:
                continue
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef) and not prefix:
                yield from public(node, f"{node.name}.")
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            yield from public(node, prefix)


def measure(walk: Walk, files: list[File]) -> tuple[int, int, list[str]]:
    """(files opened, lines of domain code, broken numbers) of one walk."""
    known = {file.path: {f.name: f for f in file.functions} for file in files}
    opened = {step.partition("::")[0] for step in walk.steps}
    lines, broken = 0, []
    for step in walk.steps:
        path, _, name = step.partition("::")
        if path not in known:
            broken.append(f"{walk.request}: {path} is not there; name in .ci/house.py what is read now.")
        elif name and name not in known[path]:
            broken.append(f"{walk.request}: {path} has no {name}; name in .ci/house.py what is read now.")
        elif name:
            lines += known[path][name].lines_without_docstring
    if len(opened) > walk.files:
        broken.append(f"{walk.request} is read in {len(opened)} files; it holds at {walk.files}.")
    if walk.domain_lines is not None and lines > walk.domain_lines:
        broken.append(f"{walk.request} is {lines} lines of domain code; it holds at {walk.domain_lines}.")
    return len(opened), lines, broken


def median(files: list[File]) -> float:
    """The middle of the files' lengths, in lines."""
    lengths = sorted(file.lines for file in files)
    return (lengths[(len(lengths) - 1) // 2] + lengths[len(lengths) // 2]) / 2


def by_length(files: list[File]) -> list[tuple[str, Function]]:
    """(path, function), the longest first."""
    return sorted(((f.path, fn) for f in files for fn in f.functions), key=lambda pair: -pair[1].lines)


def share_of_short(files: list[File]) -> float:
    """Which part of the functions has at most FUNCTION_LINES, 0 to 1."""
    every = by_length(files)
    return sum(f.lines <= FUNCTION_LINES for _, f in every) / len(every) if every else 1.0


def table(files: list[File], walks: tuple[Walk, ...]) -> Iterator[tuple[str, str]]:
    """(figure, value) as printed."""
    longest = max(files, key=lambda file: file.lines)
    yield "files", f"{len(files)}"
    yield "lines", f"{sum(file.lines for file in files)}"
    yield "median file", f"{median(files):g}"
    yield "longest file", f"{longest.lines}  {longest.path}"
    yield "functions", f"{len(by_length(files))}"
    for path, function in by_length(files)[:1]:
        yield "longest function", f"{function.lines}  {path}::{function.name}"
    yield f"functions of <= {FUNCTION_LINES} lines", f"{share_of_short(files):.1%}"
    for walk in walks:
        opened, lines, _ = measure(walk, files)
        yield walk.request, f"{opened} files, {lines} lines of domain code"


def main(root: Path, walks: tuple[Walk, ...] = WALKS) -> int:
    """Print figures and broken numbers of the tree at root; 1 if one is broken, else 0."""
    files = read(root)
    if not files:
        print(f"{root} has no src/coatcheck, todos or app.py to measure.")
        return 1
    for figure, value in table(files, walks):
        print(f"{figure:<28}{value}")
    broken = [*sizes(files), *cycles(files), *lazy_imports(files), *docstrings(files)]
    for walk in walks:
        broken += measure(walk, files)[2]
    for sentence in broken:
        print(sentence)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).resolve().parent.parent))
