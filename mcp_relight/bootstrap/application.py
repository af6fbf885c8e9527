"""One process's service, opened when it is first needed."""

import contextlib
import hashlib
import logging
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import anyio
import anyio.to_thread

from mcp_relight.config import Settings
from mcp_relight.domain.arguments import Arguments
from mcp_relight.errors import Internal, InvalidArgument, RelightError, UnknownModel

from .foresight import look_ahead, photo_alone
from .parts import Parts
from .workers import DetachedWorkers, InlineWorkers, NoWorkers

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from mcp_relight.domain.library import FoundPage, Library, Listed, Taken
    from mcp_relight.domain.ports import Addresses
    from mcp_relight.jobs.spawn import Ahead
    from mcp_relight.jobs.store.accounts import AccountStore
    from mcp_relight.jobs.store.hooks import HookStore
    from mcp_relight.jobs.store.key_pages import KeyPageStore
    from mcp_relight.jobs.store.lent import LentStore
    from mcp_relight.jobs.store.owners import OwnerStore
    from mcp_relight.jobs.store.uploads import UploadStore
    from mcp_relight.service.service import Service

    from .own_keys import OwnKeys

_MAX_DOCUMENT = 65_536
_STORE_FINE_S = 10.0
"""A store of pictures that answered is not asked again for so long."""
_ISSUER_WITHIN_S = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """What `doctor` says of one provider, or of the worker."""

    name: str
    is_wrong: bool
    words: str


class Application:
    """One process's service, opened when it is first needed. An async context manager."""

    def __init__(self, settings: Settings, *, typed_paths: bool = False) -> None:
        """With `typed_paths` every path was typed by the person at this terminal, which is its own
        permission."""
        self._parts = Parts(settings, answers=True)
        self._typed_paths = typed_paths
        self._opening = anyio.Lock()
        self._service: Service | None = None
        self._photo: str | None = None
        self._stack = contextlib.AsyncExitStack()
        self._store_fine_until = 0.0
        self._workers: DetachedWorkers | InlineWorkers | NoWorkers = (
            DetachedWorkers(self._parts) if settings.worker_mode == "detached" else NoWorkers()
        )

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        self._stack.push_async_callback(self._parts.aclose)
        if self._parts.settings.worker_mode == "inline":
            self._workers = await self._stack.enter_async_context(InlineWorkers(self._parts))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, trace)

    async def service(self) -> "Service":
        if self._service is None:
            async with self._opening:
                if self._service is None:
                    self._service = await self._open_beside()
        return self._service

    def expect(self, arguments: Arguments) -> None:
        """Say what the next call is about: the first one is begun while the service is opened."""
        if self._service is None:
            self._photo = photo_alone(arguments, self._parts.settings)

    async def _open_beside(self) -> "Service":
        """Open it while the photo of the first call is looked at, or a child loads for it."""
        look = partial(look_ahead, self._parts, self._photo, is_typed=self._typed_paths)
        trouble = list[Exception]()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(look)
            try:
                return await anyio.to_thread.run_sync(self._open)
            except Exception as error:  # noqa: BLE001 - else it would come as a group of errors
                trouble.append(error)
        raise trouble[0]

    @property
    def opened(self) -> "Service | None":
        return self._service

    def check_settings(self) -> None:
        """Raises InvalidArgument for a key file that cannot be used, and UnknownModel for a default
        model that nobody here has. A provider with a live list may have it there: that is left to
        the first call. Where neither was set, nothing is loaded: the list of models takes time."""
        settings = self._parts.settings
        if settings.names_key_files:
            for account in self._parts.registry.accounts():
                if account.problem:
                    raise InvalidArgument(account.problem)
        if "default_model" in settings.model_fields_set:
            self._check_default_model(settings.default_model)

    def _check_default_model(self, model: str) -> None:
        registry = self._parts.registry
        try:
            registry.spec(model)
        except UnknownModel as error:
            lists = {one.name for one in registry.adapters() if one.catalog() is not None}
            if model.partition("/")[0] not in lists:
                raise error.about("MCP_RELIGHT_DEFAULT_MODEL") from None

    def start_worker(self, early: "Ahead | None" = None) -> None:
        """Start a worker process ahead of the first job, and for those that an earlier process left
        unfinished: it loads what it needs beside this one. `early` is one that already loads.
        Trouble in it is left to the call that needs one."""
        if isinstance(self._workers, DetachedWorkers):
            with _trouble_noted():
                self._workers.start_ahead(early)

    async def resume(self) -> None:
        """Start a worker if an earlier process left jobs unfinished; opens nothing in this one."""
        with _trouble_noted():
            if await anyio.to_thread.run_sync(self._parts.has_leftovers):
                await self._workers.ensure()

    async def examine_providers(self) -> list[State]:
        """Free calls only."""
        registry = self._parts.registry
        states = [State(problem.plug_in, True, problem.words) for problem in registry.problems()]
        for account in registry.accounts():
            if account.missing is not None:
                states.append(State(account.name, bool(account.problem), account.missing))
            elif self._parts.settings.local_only:
                states.append(State(account.name, False, "key set; local only, not asked"))
            else:
                states.append(await self._examine_key(account.name))
        return states

    async def _examine_key(self, provider: str) -> State:
        try:
            remote, turn = self._parts.remotes[provider], self._parts.turn_of(provider)
            words = await remote.balance(turn) or "key set; there is no free call to check it"
            return State(provider, False, words)
        except RelightError as error:
            return State(provider, True, f"{error.message} {error.hint}")

    async def examine_store(self) -> dict[str, Any]:
        """What shows whether two processes work with the same jobs: the number of the schema, and
        a fingerprint of the salt. Raises RelightError where the database cannot be used."""
        parts = self._parts
        schema, salt = await parts.store.examine()
        known = await anyio.to_thread.run_sync(lambda: parts.salt)
        if salt is not None and salt != known:
            raise Internal(
                "The job database is another one than when this process started.",
                hint="Start it again: its keys would be named differently.",
            )
        await self._examine_pictures()
        return {"schema": schema, "salt": hashlib.sha256(known).hexdigest()[:12]}

    async def _examine_pictures(self) -> None:
        """Now and then. Raises StoreDown."""
        if self._parts.objects is None or time.monotonic() < self._store_fine_until:
            return
        await self._parts.objects.check()
        self._store_fine_until = time.monotonic() + _STORE_FINE_S

    async def queue(self) -> "tuple[Mapping[str, int], float]":
        """Open jobs by stage, and for how many seconds the longest due one waits."""
        return await self._parts.store.queue()

    @property
    def accounts(self) -> "AccountStore":
        """Tokens of ours, and who called what."""
        return self._parts.store.accounts

    @property
    def uploads(self) -> "UploadStore":
        """One-time addresses for pictures from other machines."""
        return self._parts.store.uploads

    @property
    def hooks(self) -> "HookStore":
        """Where providers say that a job ended."""
        return self._parts.store.hooks

    @property
    def addresses(self) -> "Addresses | None":
        """Where clients fetch pictures by themselves; None where they fetch them here. Nothing is
        opened before the first is asked for."""
        return _Addresses(self._parts) if self._parts.settings.has_object_store else None

    @property
    def lent(self) -> "LentStore":
        """Pictures that providers may read."""
        return self._parts.store.lent

    @property
    def key_pages(self) -> "KeyPageStore":
        """Pages on which owners enter keys."""
        return self._parts.store.key_pages

    @property
    def own_keys(self) -> "OwnKeys":
        """Keys at providers that owners brought."""
        return self._parts.own_keys

    def check_provider(self, name: str) -> None:
        """Raises InvalidArgument for one that is not installed."""
        names = [adapter.name for adapter in self._parts.registry.adapters()]
        if name not in names:
            raise InvalidArgument(
                "PROVIDER is not the name of a provider.", hint=f"Give one of {', '.join(names)}."
            )

    @property
    def owners(self) -> "OwnerStore":
        """Whose things are whose, and who may have how much."""
        return self._parts.store.owners

    async def fetch_from_issuer(self, url: str) -> bytes:
        """A small document of the identity provider. Raises RelightError."""
        return await self._parts.issuer_fetcher.fetch(
            url, max_bytes=_MAX_DOCUMENT, deadline_s=_ISSUER_WITHIN_S, max_redirects=0
        )

    def unknown_variables(self) -> dict[str, str]:
        """Variables that look like settings and are none, each with the nearest that is, or ""."""
        names = [adapter.name for adapter in self._parts.registry.adapters()]
        return self._parts.settings.unknown_variables(names)

    async def examine_worker(self) -> State:
        """Starts one, as the first job would."""
        if isinstance(self._workers, InlineWorkers):
            return State("worker", False, "none of its own: jobs are done inside the server")
        if isinstance(self._workers, NoWorkers):
            return State("worker", False, "none is started from here; `mcp-relight worker` is one")
        try:
            if await self._workers.comes_to_life():
                return State("worker", False, "starts, and leaves by itself when there is no work")
            words = "does not start: see worker.log in the data folder, or set"
            return State("worker", True, f"{words} MCP_RELIGHT_WORKER=inline")
        except RelightError as error:
            return State("worker", True, f"{error.message} {error.hint}")

    def _open(self) -> "Service":
        from mcp_relight.domain.job import Policy
        from mcp_relight.service.ports import Options
        from mcp_relight.service.service import Service

        parts, settings = self._parts, self._parts.settings
        return Service(
            parts.service_ports(
                TypedPaths(parts.library) if self._typed_paths else parts.library, self._workers
            ),
            Options(
                default_model=settings.default_model,
                policy=Policy(
                    local_only=settings.local_only,
                    max_cost_usd=settings.max_cost_usd,
                    daily_budget_usd=settings.daily_budget_usd,
                ),
                output_dir=settings.results_dir,
                readable_dirs=settings.readable_dirs,
                secret=parts.salt,
                in_full=self._typed_paths,
            ),
        )


class _Addresses:
    """`domain.ports.Addresses`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def address(self, image_id: str, *, within_s: float) -> str:
        objects = await anyio.to_thread.run_sync(lambda: self._parts.objects)
        if objects is None:
            raise Internal("There is no store of pictures.")
        return await objects.address(image_id, within_s=within_s)


class TypedPaths:
    """A library for the command line, where typing a path allows it."""

    def __init__(self, library: "Library") -> None:
        self._library = library

    async def take(self, reference: str) -> "Taken":
        try:
            path = await anyio.Path(reference).expanduser()
            is_typed_path = await path.exists()
        except (OSError, RuntimeError):  # too long for a path, as a data: address, or no such ~user
            return await self._library.take(reference)
        if is_typed_path:
            return await self._library.take_explicit(Path(await path.absolute()))
        return await self._library.take(reference)

    async def take_explicit(self, path: Path) -> "Taken":
        return await self._library.take_explicit(path)

    async def several(self, reference: str) -> "tuple[Listed, ...] | None":
        return await self._library.several_explicit(reference)

    async def several_explicit(self, reference: str) -> "tuple[Listed, ...] | None":
        return await self._library.several_explicit(reference)

    async def find(
        self,
        folder: str | None,
        *,
        limit: int,
        query: str | None = None,
        cursor: str | None = None,
        results: bool = False,
    ) -> "FoundPage":
        return await self._library.find(
            folder, limit=limit, query=query, cursor=cursor, results=results
        )


@contextlib.contextmanager
def _trouble_noted() -> "Generator[None]":
    try:
        yield
    except RelightError as error:
        _log.warning("No worker was started for unfinished jobs: %s", error.message)
