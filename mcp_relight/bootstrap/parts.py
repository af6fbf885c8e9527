"""The concrete parts of one process, each made when it is first asked for."""

import os
import time
from dataclasses import replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from mcp_relight import __version__, logs
from mcp_relight.config import Settings
from mcp_relight.errors import InvalidArgument
from mcp_relight.jobs.credentials import credential_id, fingerprint, folder_salt
from mcp_relight.jobs.locks import WorkerLock, is_living

if TYPE_CHECKING:
    from mcp_relight.domain.library import Library
    from mcp_relight.domain.ports import NewJob, Turn
    from mcp_relight.domain.sets import Waiting
    from mcp_relight.jobs.filling import Filler
    from mcp_relight.jobs.rate_limiter import RateLimiter
    from mcp_relight.jobs.steps import Steps
    from mcp_relight.jobs.store.store import Store
    from mcp_relight.jobs.team.queue import Wakes
    from mcp_relight.jobs.worker import Worker
    from mcp_relight.pixels.client import PixelChild
    from mcp_relight.providers.account import Account
    from mcp_relight.providers.bucket import BucketFolder
    from mcp_relight.providers.catalogs import Catalogs
    from mcp_relight.providers.kit.adapter import Adapter
    from mcp_relight.providers.registry import Registry
    from mcp_relight.providers.rest import RestProvider
    from mcp_relight.storage.fetch import Fetcher
    from mcp_relight.storage.files import ImageFiles
    from mcp_relight.storage.shape_model import ShapeModelFile

_MOST_CHILDREN = 2
_ANSWERS_WITHIN_S = (20.0, 5.0)
"""How long the store is asked for somebody who waits, and how long each time: within half a minute
there is an answer, whatever another process does."""


@cache
def key_variables() -> tuple[str, ...]:
    """The variables that hold the keys of all providers that are installed here."""
    from mcp_relight.providers.registry import Registry

    return tuple(adapter.key_variable for adapter in Registry().adapters())


class SystemClock:
    """`domain.ports.Clock`."""

    def now(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


class StoreClock(SystemClock):
    """The clock of the job store: on several machines everybody goes by the database's."""

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts

    def now(self) -> float:
        return self._parts.store.now() if "store" in vars(self._parts) else super().now()


class Parts:
    """The concrete parts of one process, each made when it is first asked for."""

    def __init__(self, settings: Settings, *, answers: bool = False) -> None:
        """With `answers` somebody waits for this process: it gives up on a store that another
        process holds before they do, and looks at pictures; a worker has the patience to see it
        through, and computes them."""
        self._answers = answers
        self.settings = settings
        self.folder = settings.data_folder
        self.clock = StoreClock(self)

    def _account_of(self, adapter: "Adapter") -> "Account":
        """How this provider is used from here: every adapter's, also those of other packages."""
        from mcp_relight.providers.account import Account

        settings = self.settings
        account = Account(
            adapter=adapter,
            gateway=settings.origin(adapter.name),
            per_minute=settings.requests_per_minute(adapter.name),
            network=settings.network,
        )
        try:
            key = settings.api_key(adapter.key_variable)
        except InvalidArgument as error:
            return replace(account, problem=f"{error.message} {error.hint}")
        if key is None:
            return account
        logs.hide(key.get_secret_value())
        named = credential_id(self.salt, key.get_secret_value(), account.origin)
        return replace(account, key=key, credential_id=named)

    @cached_property
    def salt(self) -> bytes:
        """With which keys are named: everybody who shares these jobs has the same."""
        if isinstance(self.database, Path):
            return folder_salt(self.folder)
        from mcp_relight.jobs.store.salt import shared_salt

        return shared_salt(self.database)

    @cached_property
    def credentials(self) -> tuple[str, ...]:
        """An id for each key that is set and may be used. Without one a worker leaves remote jobs
        alone, also those that were accepted while something might still leave this machine."""
        if self.settings.local_only:
            return ()
        named = (account.credential_id for account in self.registry.accounts())
        return tuple(name for name in named if name is not None)

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(self.credentials, __version__)

    @property
    def database(self) -> Path | str:
        """A file of this data folder, or the address of the team's."""
        url = self.settings.database_url
        return self.folder / "jobs.db" if url is None else url.get_secret_value()

    @cached_property
    def wakes(self) -> "Wakes | None":
        """The queue of a team; on one machine a worker finds by itself what is due."""
        if isinstance(self.database, Path):
            return None
        from mcp_relight.jobs.team.queue import Wakes

        return Wakes(self.database)

    @cached_property
    def store(self) -> "Store":
        from mcp_relight.jobs.store.database import BUSY_TIMEOUT_S, PATIENCE_S
        from mcp_relight.jobs.store.store import Store

        patience_s, each_try_s = (
            _ANSWERS_WITHIN_S if self._answers else (PATIENCE_S, BUSY_TIMEOUT_S)
        )
        return Store(
            self.database,
            is_living=lambda worker: is_living(self.folder, worker),
            patience_s=patience_s,
            busy_timeout_s=each_try_s,
            wakes=self.wakes,
        )

    @cached_property
    def images(self) -> "ImageFiles":
        from mcp_relight.storage.files import ImageFiles

        return ImageFiles(self.folder)

    @property
    def pixels_at_once(self) -> int:
        """How many pictures are worked on at a time. Who answers somebody needs one child; a worker
        one per core, as far as memory allows: each may take two gigabytes."""
        return 1 if self._answers else min(os.cpu_count() or 1, _MOST_CHILDREN)

    @cached_property
    def pixels(self) -> "PixelChild":
        from mcp_relight.pixels.client import PixelChild

        return PixelChild(at_once=self.pixels_at_once, with_engine=not self._answers)

    @cached_property
    def shape_model(self) -> "ShapeModelFile":
        from mcp_relight.storage.shape_model import ShapeModelFile

        return ShapeModelFile(self.settings.shape_model_file)

    @cached_property
    def downloads(self) -> "Fetcher":
        from mcp_relight.storage.fetch import Fetcher

        return Fetcher(
            allow_private_hosts=self.settings.allow_private_hosts,
            passes_by_proxy=self.settings.network.proxy is not None,
        )

    @cached_property
    def registry(self) -> "Registry":
        from mcp_relight.providers.registry import Registry

        settings = self.settings
        return Registry(
            self._account_of,
            catalogs=None if settings.local_only else self.catalogs,
            has_bucket=settings.has_bucket,
        )

    @cached_property
    def catalogs(self) -> "Catalogs":
        from mcp_relight.providers.catalogs import Catalogs

        return Catalogs(self.store, self.clock)

    @cached_property
    def remotes(self) -> "dict[str, RestProvider]":
        """The providers whose keys are set, each with connections of its own."""
        from mcp_relight.providers.rest import RestProvider

        ready = [account for account in self.registry.accounts() if account.missing is None]
        return {account.name: RestProvider(account) for account in ready}

    @cached_property
    def slots(self) -> "RateLimiter":
        from mcp_relight.jobs.rate_limiter import RateLimiter

        return RateLimiter(self.store, self.clock)

    def turn_of(self, provider: str) -> "Turn":
        """The way through the provider's rate gate for what belongs to no job."""
        rate = self.registry.account(provider).rate
        return partial(self.slots.use, f"chores of {provider}", rate)

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
        from mcp_relight.domain.weights import WEIGHTS_DIGEST
        from mcp_relight.jobs.steps import Steps
        from mcp_relight.providers.inputs import ProviderInputs
        from mcp_relight.providers.local import LocalRenderer

        engine = f"{ENGINE_VERSION} {WEIGHTS_DIGEST}"
        return Steps(
            jobs=self.store,
            images=self.images,
            pixels=self.pixels,
            inputs=ProviderInputs(
                self.images, self.pixels, remotes=self.remotes, bucket=self.bucket
            ),
            downloads=self.downloads,
            clock=self.clock,
            renderer=LocalRenderer(
                self.images, self.pixels, engine_version=engine, shape_model=self.shape_model.now
            ),
            providers=self.remotes,
            spare_dir=self.folder / "results",
        )

    @cached_property
    def bucket(self) -> "BucketFolder | None":
        """The user's own, where one is set."""
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
            local_at_once=self.pixels_at_once,
            filler=self.filler(lock.worker_id),
        )

    def filler(self, worker: str) -> "Filler":
        """Makes jobs of the pictures of sets for the worker of that id."""
        from mcp_relight.jobs.filling import Filler

        return Filler(
            self.store,
            self.store,
            self._job_to_be,
            worker=worker,
            credentials=self.credentials,
            clock=self.clock,
        )

    async def _job_to_be(self, waiting: "Waiting") -> "NewJob":
        """A member of a set as the job it is to be, by the rules that were in force where the set
        was accepted."""
        from mcp_relight.service.service import Options, Service
        from mcp_relight.service.set_orders import member_arguments
        from mcp_relight.storage.intake import Intake

        from .workers import NoWorkers

        request, member = waiting.request, waiting.member
        output_dir = Path(request.output_dir)
        service = Service(
            jobs=self.store,
            sets=self.store,
            images=self.images,
            pixels=self.pixels,
            shape_model=self.shape_model.now,
            library=Intake(
                images=self.images,
                pixels=self.pixels,
                downloads=self.downloads,
                folders=[Path(folder) for folder in request.folders],
                output_dir=output_dir,
                local_only=request.policy.local_only,
            ),
            models=self.registry,
            workers=NoWorkers(),
            options=Options(
                default_model=request.model,
                policy=request.policy,
                output_dir=output_dir,
                readable_dirs=(),
                secret=b"",
                owner=waiting.owner,
            ),
        )
        reference = member.reference or ""
        return await service.job_to_be(member_arguments(request, reference, member.look))

    def has_leftovers(self) -> bool:
        """Whether an earlier process left jobs unfinished that nobody would see; opens nothing."""
        if isinstance(self.database, str):
            return False  # the workers of a team are there, or come, without being asked
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
            if remote.adapter.catalog() is not None
        }
        await self.catalogs.keep_fresh(listed, self.turn_of)

    async def prune(self) -> None:
        """Delete ended jobs that are too old or too many, and images that no job needs."""
        pruned = await self.store.prune(image_bytes=await self.images.sizes())
        await self.images.delete_unused(pruned.image_ids)

    async def clear_bucket(self) -> None:
        """Take back what is still up for a provider to read although its job has ended: given up by
        a person, or ended just before its worker did."""
        if self.bucket is None or self.settings.local_only:
            return
        for job_id in await self.store.ended(await self.bucket.folders()):
            await self.bucket.clear(job_id)

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
