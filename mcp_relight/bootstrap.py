"""The composition root: settings in, an opened service or worker out.

The only file that names concrete parts. What is heavy is imported when it is first needed: a server
that was only asked for its tools has opened nothing.
"""

import contextlib
import logging
import time
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio
import anyio.to_thread

from mcp_relight import __version__
from mcp_relight.config import PROVIDERS_WITH_KEYS, Settings
from mcp_relight.errors import RelightError
from mcp_relight.jobs.credentials import credential_id, fingerprint, folder_salt
from mcp_relight.jobs.locks import WorkerLock, is_living
from mcp_relight.jobs.spawn import Spawner

if TYPE_CHECKING:
    from collections.abc import Generator

    from pydantic import SecretStr

    from mcp_relight.domain.ports import Found, Library, Taken, Turn
    from mcp_relight.jobs.slots import Slots
    from mcp_relight.jobs.steps import Steps
    from mcp_relight.jobs.store.store import Store
    from mcp_relight.jobs.worker import Worker
    from mcp_relight.pixels.client import PixelChild
    from mcp_relight.providers.bucket import BucketFolder
    from mcp_relight.providers.catalogues import Catalogues
    from mcp_relight.providers.registry import Access, Registry
    from mcp_relight.providers.rest import RestProvider
    from mcp_relight.service.service import Service
    from mcp_relight.storage.fetch import Fetcher
    from mcp_relight.storage.files import ImageFiles

_log = logging.getLogger(__name__)

_BURST = 10
_PRUNE_AFTER_S = 5.0


@dataclass(frozen=True, slots=True)
class ProviderState:
    """What `doctor` says of one provider."""

    name: str
    is_wrong: bool
    words: str


class SystemClock:
    """`domain.ports.Clock`."""

    def now(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


class Parts:
    """The concrete parts of one process, each made when it is first asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.data_dir.expanduser().absolute()
        self.clock = SystemClock()

    @cached_property
    def access(self) -> "dict[str, Access]":
        """How each remote provider may be used: the built-in ones, and those of plug-ins."""
        from mcp_relight.providers.registry import third_party

        found = {
            provider: self._access(self.settings.api_key(provider), self.settings.origin(provider))
            for provider in PROVIDERS_WITH_KEYS
        }
        for adapter in third_party():
            key = self.settings.plug_in_key(adapter.key_variable)
            found.setdefault(adapter.name, self._access(key, adapter.origin))
        return found

    def _access(self, key: "SecretStr | None", origin: str) -> "Access":
        from mcp_relight.providers.registry import Access

        named = None
        if key is not None:
            named = credential_id(folder_salt(self.folder), key.get_secret_value(), origin)
        return Access(key=key, origin=origin, credential_id=named)

    @cached_property
    def credentials(self) -> tuple[str, ...]:
        """An id for each key that is set."""
        named = (access.credential_id for access in self.access.values())
        return tuple(name for name in named if name is not None)

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(self.credentials, __version__)

    @property
    def database(self) -> Path:
        return self.folder / "jobs.db"

    @cached_property
    def store(self) -> "Store":
        from mcp_relight.jobs.store.store import Store

        return Store(self.database, is_living=lambda worker: is_living(self.folder, worker))

    @cached_property
    def images(self) -> "ImageFiles":
        from mcp_relight.storage.files import ImageFiles

        return ImageFiles(self.folder)

    @cached_property
    def pixels(self) -> "PixelChild":
        from mcp_relight.pixels.client import PixelChild

        return PixelChild()

    @cached_property
    def downloads(self) -> "Downloaded":
        from mcp_relight.storage.fetch import Fetcher

        return Downloaded(Fetcher(allow_private_hosts=self.settings.allow_private_hosts))

    @cached_property
    def registry(self) -> "Registry":
        from mcp_relight.providers.registry import Registry

        settings = self.settings
        return Registry(
            self.access,
            catalogues=None if settings.local_only else self.catalogues,
            has_bucket=settings.has_bucket,
        )

    @cached_property
    def catalogues(self) -> "Catalogues":
        from mcp_relight.providers.catalogues import Catalogues

        return Catalogues(self.store, self.clock)

    @cached_property
    def remotes(self) -> "dict[str, RestProvider]":
        """The providers whose keys are set, each with connections of its own."""
        registry = self.registry
        ready = [item.name for item in registry.adapters() if registry.ready(item.name) is None]
        return {name: registry.connect(name) for name in ready}

    @cached_property
    def slots(self) -> "Slots":
        from mcp_relight.jobs.slots import Slots

        return Slots(self.store, self.clock)

    def turn_of(self, provider: str) -> "Turn":
        """The way through the provider's rate gate for what belongs to no job."""
        from mcp_relight.jobs.slots import Gate

        gate = Gate(
            name=self.registry.credential_id(provider) or provider,
            per_minute=self.settings.requests_per_minute(provider),
            burst=_BURST,
        )
        return partial(self.slots.use, f"chores of {provider}", gate)

    @cached_property
    def library(self) -> "Library":
        from mcp_relight.storage.intake import Intake

        return Intake(
            images=self.images,
            pixels=self.pixels,
            downloads=self.downloads,
            folders=self.settings.readable_dirs,
            output_dir=self.settings.results_dir,
            local_only=self.settings.local_only,
        )

    @cached_property
    def steps(self) -> "Steps":
        from mcp_relight.domain.pixels import ENGINE_VERSION
        from mcp_relight.jobs.lanes import Lane
        from mcp_relight.jobs.steps import Steps
        from mcp_relight.providers.inputs import ProviderInputs
        from mcp_relight.providers.local import LocalProvider

        settings = self.settings
        local = LocalProvider(self.images, self.pixels, engine_version=ENGINE_VERSION)
        lanes = {"local": Lane(provider=local, is_local=True)}
        for name, remote in self.remotes.items():
            lanes[name] = Lane(
                provider=remote,
                per_minute=settings.requests_per_minute(name),
                burst=_BURST,
                deadline_s=remote.adapter.deadline_s,
            )
        return Steps(
            jobs=self.store,
            images=self.images,
            pixels=self.pixels,
            inputs=ProviderInputs(
                self.images, self.pixels, remotes=self.remotes, bucket=self._bucket()
            ),
            downloads=self.downloads,
            clock=self.clock,
            lanes=lanes,
            spare_dir=self.folder / "results",
        )

    def _bucket(self) -> "BucketFolder | None":
        settings = self.settings
        if not (settings.bucket_url and settings.bucket_key_id and settings.bucket_secret):
            return None
        from mcp_relight.providers.bucket import Bucket, BucketFolder

        return BucketFolder(
            Bucket(
                url=settings.bucket_url,
                key_id=settings.bucket_key_id,
                secret=settings.bucket_secret,
                endpoint=settings.bucket_endpoint,
                region=settings.bucket_region,
            )
        )

    def worker(self, lock: WorkerLock) -> "Worker":
        """`lock` must be held."""
        from mcp_relight.jobs.worker import Worker

        return Worker(
            self.store,
            self.steps,
            lock,
            clock=self.clock,
            credentials=self.credentials,
        )

    def has_leftovers(self) -> bool:
        """Whether an earlier process left jobs unfinished; opens nothing."""
        if not self.database.exists():
            return False
        from mcp_relight.jobs.store.leftovers import has_leftovers

        return has_leftovers(self.database)

    async def keep_lists_fresh(self) -> None:
        """The live lists of models, for as long as a worker of this process works."""
        if self.settings.local_only:
            return
        listed = {
            name: remote
            for name, remote in self.remotes.items()
            if remote.adapter.catalogue() is not None
        }
        await self.catalogues.keep_fresh(listed, self.turn_of)

    async def prune(self) -> None:
        """Delete ended jobs that are too old or too many, and images that no job needs."""
        pruned = await self.store.prune(image_bytes=await self.images.sizes())
        await self.images.delete_unused(pruned.image_ids)

    async def aclose(self) -> None:
        """Close what was opened, and nothing else."""
        opened = vars(self)
        if "remotes" in opened:
            for remote in self.remotes.values():
                await remote.aclose()
        if "pixels" in opened:
            await self.pixels.aclose()
        if "store" in opened:
            await self.store.aclose()


class Application:
    """One process's service, opened when it is first needed. An async context manager."""

    def __init__(self, settings: Settings, *, typed_paths: bool = False) -> None:
        """With `typed_paths` every path was typed by the person at this terminal, which is its own
        permission."""
        self._parts = Parts(settings)
        self._typed_paths = typed_paths
        self._opening = anyio.Lock()
        self._service: Service | None = None
        self._stack = contextlib.AsyncExitStack()
        self._workers: DetachedWorkers | InlineWorkers | NoWorkers = (
            DetachedWorkers(self._parts) if settings.worker == "detached" else NoWorkers()
        )

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        self._stack.push_async_callback(self._parts.aclose)
        if self._parts.settings.worker == "inline":
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
        async with self._opening:
            if self._service is None:
                self._service = await anyio.to_thread.run_sync(self._open)
            return self._service

    @property
    def opened(self) -> "Service | None":
        return self._service

    def start_worker_for_leftovers(self) -> None:
        """Start a worker process for jobs that an earlier process left unfinished, so that it
        loads what it needs beside this one. Trouble in it is left to the call that needs one."""
        if not isinstance(self._workers, DetachedWorkers):
            return
        with _trouble_noted():
            if self._parts.has_leftovers():
                self._workers.start()

    async def resume(self) -> None:
        """Start a worker if an earlier process left jobs unfinished; opens nothing in this one."""
        with _trouble_noted():
            if await anyio.to_thread.run_sync(self._parts.has_leftovers):
                await self._workers.ensure()

    async def examine_providers(self) -> list[ProviderState]:
        """Free calls only."""
        registry = self._parts.registry
        states = [
            ProviderState(problem.plug_in, True, problem.words) for problem in registry.problems()
        ]
        for adapter in registry.adapters():
            missing = registry.ready(adapter.name)
            if missing is not None:
                states.append(ProviderState(adapter.name, False, missing))
                continue
            if self._parts.settings.local_only:
                states.append(ProviderState(adapter.name, False, "key set; local only, not asked"))
                continue
            try:
                remote, turn = self._parts.remotes[adapter.name], self._parts.turn_of(adapter.name)
                words = await remote.balance(turn) or "key set; there is no free call to check it"
                states.append(ProviderState(adapter.name, False, words))
            except RelightError as error:
                states.append(ProviderState(adapter.name, True, f"{error.message} {error.hint}"))
        return states

    def _open(self) -> "Service":
        from mcp_relight.domain.job import Policy
        from mcp_relight.service.service import Options, Service

        parts, settings = self._parts, self._parts.settings
        return Service(
            jobs=parts.store,
            images=parts.images,
            pixels=parts.pixels,
            library=TypedPaths(parts.library) if self._typed_paths else parts.library,
            models=parts.registry,
            workers=self._workers,
            options=Options(
                default_model=settings.default_model,
                policy=Policy(
                    local_only=settings.local_only,
                    max_cost_usd=settings.max_cost_usd,
                    daily_budget_usd=settings.daily_budget_usd,
                ),
                output_dir=settings.results_dir,
                readable_dirs=settings.readable_dirs,
                secret=folder_salt(parts.folder),
            ),
        )


class DetachedWorkers:
    """`domain.ports.Workers`: a process of its own, which outlives this one."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._starting = anyio.Lock()
        self._spawner: Spawner | None = None

    async def ensure(self) -> None:
        async with self._starting:  # several calls at once, one spawner
            await anyio.to_thread.run_sync(self.start)

    def start(self) -> None:
        if self._spawner is None:
            parts = self._parts
            self._spawner = Spawner(
                parts.folder, parts.fingerprint, environment=parts.settings.environment()
            )
        self._spawner.ensure()


class InlineWorkers:
    """`domain.ports.Workers`: the same worker inside this process, ended with it."""

    def __init__(self, parts: Parts) -> None:
        # Its own pixel child: looking at a picture must not wait for a rendering.
        self._parts = Parts(parts.settings)
        self._tasks = anyio.create_task_group()
        self._starting = anyio.Lock()
        self._worker: Worker | None = None

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        if self._worker is not None:
            self._worker.stop()
        try:
            return await self._tasks.__aexit__(kind, error, trace)
        finally:
            with anyio.CancelScope(shield=True):
                await self._parts.aclose()

    async def ensure(self) -> None:
        async with self._starting:  # several calls at once, one worker
            if self._worker is None:
                lock = WorkerLock.of_one_process(self._parts.folder)
                lock.take()
                self._worker = await anyio.to_thread.run_sync(self._parts.worker, lock)
                self._tasks.start_soon(self._work, self._worker)

    async def _work(self, worker: "Worker") -> None:
        async with anyio.create_task_group() as chores:
            chores.start_soon(self._parts.keep_lists_fresh)
            await worker.run(idle_s=None)
            chores.cancel_scope.cancel()


@contextlib.contextmanager
def _trouble_noted() -> "Generator[None]":
    try:
        yield
    except RelightError as error:
        _log.warning("No worker was started for unfinished jobs: %s", error.message)


class NoWorkers:
    """`domain.ports.Workers` where jobs are carried out elsewhere."""

    async def ensure(self) -> None:
        return


class Downloaded:
    """`domain.ports.Downloads`: the fetcher's bytes alone."""

    def __init__(self, fetcher: "Fetcher") -> None:
        self._fetcher = fetcher

    async def fetch(self, url: str, *, max_bytes: int, deadline_s: float) -> bytes:
        fetched = await self._fetcher.fetch(url, max_bytes=max_bytes, deadline_s=deadline_s)
        return fetched.body


class TypedPaths:
    """A library for the command line, where typing a path allows it."""

    def __init__(self, library: "Library") -> None:
        self._library = library

    async def take(self, reference: str) -> "Taken":
        path = await anyio.Path(reference).expanduser()
        if await path.exists():
            return await self._library.take_explicit(Path(await path.absolute()))
        return await self._library.take(reference)

    async def take_explicit(self, path: Path) -> "Taken":
        return await self._library.take_explicit(path)

    async def find(self, folder: str | None, *, limit: int) -> "list[Found]":
        return await self._library.find(folder, limit=limit)


async def run_worker(settings: Settings) -> None:
    """Carry out jobs until there are none for a while. Returns at once when another worker with
    the same keys lives."""
    parts = Parts(settings)
    lock = WorkerLock(parts.folder, parts.fingerprint)
    # The lock comes first: opening the store is work, and only one may do it.
    if not lock.take():
        return
    try:
        async with anyio.create_task_group() as tasks:
            worker = parts.worker(lock)
            tasks.start_soon(_prune, parts)
            tasks.start_soon(parts.keep_lists_fresh)
            await worker.run_until_signal(idle_s=settings.worker_idle_s)
            tasks.cancel_scope.cancel()
    finally:
        lock.release()
        with anyio.CancelScope(shield=True):
            await parts.aclose()


async def _prune(parts: Parts) -> None:
    """Soon, but not first: whoever waits for a job must not wait for this."""
    await parts.clock.sleep(_PRUNE_AFTER_S)
    try:
        await parts.prune()
    except RelightError as error:
        _log.warning("Old jobs could not be deleted: %s", error.code)
