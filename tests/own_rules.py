"""Our own bans on Python code, which no linter in use knows; see `test_own_rules.py`.

Each rule takes a parsed file and yields the lines that break it. `places` says where it does not
hold: the few files whose task it is.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

Check = Callable[[ast.Module], Iterator[int]]


@dataclass(frozen=True)
class Rule:
    name: str
    check: Check
    places: tuple[str, ...]
    violation: str
    """Code that breaks it, which proves that the check sees it."""

    def broken_in(self, path: str, tree: ast.Module) -> list[str]:
        if any(path.startswith(place) for place in self.places):
            return []
        return [f"{path}:{line}: {self.name}" for line in self.check(tree)]


@cache
def _nodes(tree: ast.Module) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree))


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    """Every call with the dotted name of what is called; `?` where it is no plain name."""
    for node in _nodes(tree):
        if isinstance(node, ast.Call):
            yield node, _dotted(node.func)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return f"{_dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else "?"


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((one.value for one in call.keywords if one.arg == name), None)


def _is(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def calling(*names: str) -> Check:
    """No call of these; a name with a leading dot is a method of anything."""

    def check(tree: ast.Module) -> Iterator[int]:
        for call, name in _calls(tree):
            if name in names or any(one[0] == "." and name.endswith(one) for one in names):
                yield call.lineno

    return check


def importing(*modules: str) -> Check:
    def check(tree: ast.Module) -> Iterator[int]:
        for node in _nodes(tree):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            named = [one.name for one in node.names]
            if isinstance(node, ast.ImportFrom):
                named = [node.module or "", *(f"{node.module}.{one.name}" for one in node.names)]
            if any(name in modules for name in named):
                yield node.lineno

    return check


def passing(keyword: str, value: object) -> Check:
    """No call with `keyword=value`."""

    def check(tree: ast.Module) -> Iterator[int]:
        for call, _ in _calls(tree):
            if _is(_keyword(call, keyword), value):
                yield call.lineno

    return check


def lacking(callee: str, keyword: str, value: object = ...) -> Check:
    """No call of `callee` without `keyword` (`=value`, if one is given)."""

    def check(tree: ast.Module) -> Iterator[int]:
        for call, name in _calls(tree):
            if name == callee or name.endswith(f".{callee}"):
                given = _keyword(call, keyword)
                if given is None or not (value is ... or _is(given, value)):
                    yield call.lineno

    return check


def naming(*names: str) -> Check:
    """No mention of these names or attributes."""

    def check(tree: ast.Module) -> Iterator[int]:
        for node in _nodes(tree):
            if isinstance(node, ast.Attribute | ast.Name) and (
                (node.attr if isinstance(node, ast.Attribute) else node.id) in names
            ):
                yield node.lineno

    return check


def built_sql(tree: ast.Module) -> Iterator[int]:
    """SQL is a constant or is built by SQLAlchemy, never put together from strings."""
    runners = (".execute", ".executemany", ".executescript", ".exec_driver_sql", ".text")
    for call, name in _calls(tree):
        is_sql = name == "text" or name.endswith(runners)
        if is_sql and call.args and _is_built_text(call.args[0]):
            yield call.lineno


def _is_built_text(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and _dotted(node.func).endswith("format"):
        return True
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod)
    )


_TELLING = re.compile(r"(?i)(url|uri|key|token|secret|header|headers|body|address|query|ticket)s?$")


def logged_secrets(tree: ast.Module) -> Iterator[int]:
    """No log line is given an address, a key or anything called so; nor is an error message."""
    for call, name in _calls(tree):
        if not re.search(r"(^|\.)_?log(ger)?\.\w+$", name):
            continue
        for value in [*call.args, *(one.value for one in call.keywords)]:
            last = _dotted(value).rpartition(".")[2]
            if isinstance(value, ast.Name | ast.Attribute) and _TELLING.search(last):
                yield call.lineno


def shown_exceptions(tree: ast.Module) -> Iterator[int]:
    """The text of a caught exception goes nowhere: it may hold an address, a key or a picture's
    words. Its type, and the code of one of ours, may be named."""
    for handler in _nodes(tree):
        if not isinstance(handler, ast.ExceptHandler) or handler.name is None:
            continue
        for node in ast.walk(handler):
            shown: ast.expr | None = None
            if isinstance(node, ast.FormattedValue):
                shown = node.value
            elif isinstance(node, ast.Call) and _dotted(node.func) in {"str", "repr"}:
                shown = node.args[0] if node.args else None
            if isinstance(shown, ast.Name) and shown.id == handler.name:
                yield node.lineno


_PROCESSES = ("jobs/spawn.py", "pixels/launch.py", "cli/")
_FILES = (
    "storage/",
    "jobs/",
    "cli/",
    "config_files.py",
    "simulator/",
    "server/apps.py",
    "server/schema.py",
    "providers/pixeldojo_catalog.py",
    "engine/nets.py",
)
"""The last four read what the package itself holds."""

RULES = (
    Rule("no shell", passing("shell", True), (), "run(x, shell=True)"),
    Rule(
        "no shell by another name",
        calling("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"),
        (),
        "os.system(x)",
    ),
    Rule(
        "processes start in three rooms", importing("subprocess"), _PROCESSES, "import subprocess"
    ),
    Rule(
        "one child process, of our own",
        calling(".open_process", ".run_process", ".create_subprocess_exec", "os.execv"),
        ("pixels/process.py",),
        "anyio.open_process(x)",
    ),
    Rule("no code from text", calling("eval", "exec", "compile", "__import__"), (), "eval(x)"),
    Rule(
        "no objects from bytes",
        importing("pickle", "marshal", "shelve", "dill", "yaml"),
        (),
        "from pickle import loads",
    ),
    Rule(
        "no pickles in arrays", passing("allow_pickle", True), (), "np.load(x, allow_pickle=True)"
    ),
    Rule(
        "files are opened in few rooms",
        calling("open", "os.open", ".read_bytes", ".read_text", ".write_bytes", ".write_text"),
        _FILES,
        "path.read_bytes()",
    ),
    Rule("no temporary names", calling("tempfile.mktemp", ".mktemp"), (), "tempfile.mktemp()"),
    Rule("no SQL from strings", built_sql, (), 'c.execute(f"SELECT {x}")'),
    Rule("certificates are checked", passing("verify", False), (), "get(x, verify=False)"),
    Rule("host names are checked", naming("CERT_NONE"), (), "c.verify_mode = ssl.CERT_NONE"),
    Rule(
        "no redirects by a client",
        passing("follow_redirects", True),
        (),
        "Client(follow_redirects=True)",
    ),
    Rule(
        "no proxies from the environment",
        lacking("AsyncClient", "trust_env", False),
        (),
        "httpx2.AsyncClient(follow_redirects=False)",
    ),
    Rule(
        "no other way to the network",
        importing("urllib.request", "http.client", "requests", "aiohttp", "ftplib", "smtplib"),
        ("simulator/control.py", "simulator/hooks.py", "simulator/intake.py"),
        "import urllib.request",
    ),
    Rule(
        "no decoder by guess",
        calling(".imread", ".imdecode", ".fromfile"),
        (),
        "cv2.imdecode(x, 1)",
    ),
    Rule(
        "a decoder is chosen, not found",
        lacking("Image.open", "formats"),
        (),
        "Image.open(x)",
    ),
    Rule("nothing opens a browser", importing("webbrowser"), (), "import webbrowser"),
    Rule(
        "the environment is read in one place",
        naming("environ", "getenv"),
        (
            "config.py",
            "config_early.py",
            "cli/install.py",
            "cli/clients/places.py",
            "pixels/launch.py",
            "loading.py",
        ),
        'os.environ["X"]',
    ),
    Rule("no secrets in logs", logged_secrets, (), '_log.info("to %s", request.url)'),
    Rule(
        "no texts of strangers' errors",
        shown_exceptions,
        ("simulator/",),
        'try: f()\nexcept OSError as e: raise X(f"no: {e}")',
    ),
    Rule("answers are printed by the command line", calling("print"), ("cli/",), "print(x)"),
    Rule(
        "time-outs on every wait for a process",
        lacking("subprocess.run", "timeout"),
        (),
        "subprocess.run([x])",
    ),
)
