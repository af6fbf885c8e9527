"""The concrete parts of one process, each made when it is first asked for."""

import os
import socket
import time
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from mcp_relight import __version__
from mcp_relight.config import Settings
from mcp_relight.domain.caller import LOCAL
from mcp_relight.jobs.credentials import fingerprint, folder_salt
from mcp_relight.jobs.locks import WorkerLock, is_living

from .accounts import account_of
from .outside import LateDownloads, callbacks_at
from .pictures import lender_of

if TYPE_CHECKING:
    from mcp_relight.domain.library import Library
    from mcp_relight.domain.ports import Downloads, Turn, Workers
    from mcp_relight.jobs.ports import RateLimiter
    from mcp_relight.jobs.steps import Steps
    from mcp_relight.jobs.store.apart import ApartStore
    from mcp_relight.jobs.store.owners import OwnerStore
    from mcp_relight.jobs.store.store import Store
    from mcp_relight.jobs.team.queue import Wakes
    from mcp_relight.jobs.worker import Worker
    from mcp_relight.pixels.client import PixelChild
    from mcp_relight.providers.bucket import BucketFolder
    from mcp_relight.providers.registry import Catalogs, Registry
    from mcp_relight.providers.rest import RestProvider
    from mcp_relight.service.ports import Ports
    from mcp_relight.storage.fetch import Fetcher
    from mcp_relight.storage.files import ImageFiles, OwnedImages
    from mcp_relight.storage.objects import ObjectImages
    from mcp_relight.storage.shape_model import ShapeModelFile

    from .own_keys import OwnKeys

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
        self.line: socket.socket | None = None
        """To the pixel child of a worker that was started from here, to be used for first looks."""

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
        mine = tuple(name for name in named if name is not None)
        if not self.settings.texts_of_ring:
            return mine
        from mcp_relight.domain.job import OWN_KEYS

        return (*mine, OWN_KEYS)

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
            is_living=partial(is_living, self.folder) if self.wakes is None else None,
            patience_s=patience_s,
            busy_timeout_s=each_try_s,
            wakes=self.wakes,
        )

    @cached_property
    def files(self) -> "ImageFiles":
        """The bytes of all pictures, whosever they are, in a folder."""
        from mcp_relight.storage.files import ImageFiles

        return ImageFiles(self.settings.blob_folder or self.folder)

    @cached_property
    def objects(self) -> "ObjectImages | None":
        if not self.settings.has_object_store:
            return None
        from .pictures import objects_of

        return objects_of(self.settings, salt=self.salt, near=self.folder)

    @property
    def ownership(self) -> "OwnerStore | ApartStore":
        return self.store.apart if self.objects else self.store.owners

    @cached_property
    def images(self) -> "OwnedImages":
        from mcp_relight.storage.files import OwnedImages

        return OwnedImages(
            self.objects or self.files,
            self.ownership,
            unlisted=LOCAL.owner if isinstance(self.database, Path) else None,
            bounded=self._answers,
        )

    @property
    def pixels_at_once(self) -> int:
        """How many pictures are worked on at a time. Who answers somebody needs one child; a worker
        one per core, as far as memory allows: each may take two gigabytes."""
        return 1 if self._answers else min(os.cpu_count() or 1, _MOST_CHILDREN)

    @cached_property
    def pixels(self) -> "PixelChild":
        from mcp_relight.pixels.client import PixelChild

        pixels = PixelChild(at_once=self.pixels_at_once, with_engine=not self._answers)
        if self.line is not None:
            pixels.visit(self.line)
        return pixels

    @cached_property
    def shape_model(self) -> "ShapeModelFile":
        from mcp_relight.storage.shape_model import ShapeModelFile

        return ShapeModelFile(self.settings.shape_model_file)

    @cached_property
    def downloads(self) -> "Downloads":
        return LateDownloads(self.settings)

    @cached_property
    def issuer_fetcher(self) -> "Fetcher":
        """For the identity provider, which the operator named, wherever it may be."""
        from mcp_relight.storage.fetch import Fetcher

        settings = self.settings
        return Fetcher(allow_private_hosts=settings.allow_private_hosts | settings.issuer_hosts)

    @cached_property
    def registry(self) -> "Registry":
        from mcp_relight.providers.registry import Registry

        settings = self.settings
        return Registry(
            partial(account_of, self),
            catalogs=None if settings.local_only else self.catalogs,
            has_bucket=settings.has_bucket or settings.reached_at is not None,
            own=self.own_keys if settings.has_accounts else None,
        )

    @cached_property
    def own_keys(self) -> "OwnKeys":
        """Of the owners of a team, at providers that are installed here."""
        from .own_keys import own_keys_of

        return own_keys_of(self)

    @cached_property
    def catalogs(self) -> "Catalogs":
        from mcp_relight.providers.registry import Catalogs

        return Catalogs(lambda: self.store, self.clock)

    @cached_property
    def remotes(self) -> "dict[str, RestProvider]":
        """The providers whose keys are set, each with connections of its own."""
        ready = [account for account in self.registry.accounts() if account.missing is None]
        if not ready:  # nothing is sent: what sends it need not be loaded
            return {}
        from mcp_relight.providers.rest import RestProvider

        return {account.name: RestProvider(account) for account in ready}

    @cached_property
    def slots(self) -> "RateLimiter":
        from mcp_relight.jobs.ports import RateLimiter

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

    def service_ports(self, library: "Library", workers: "Workers") -> "Ports":
        from mcp_relight.service.ports import Ports

        return Ports(
            jobs=self.store,
            sets=self.store,
            images=self.images,
            pixels=self.pixels,
            shape_model=self.shape_model.now,
            library=library,
            models=self.registry,
            workers=workers,
        )

    @cached_property
    def steps(self) -> "Steps":
        from mcp_relight.domain.image import ENGINE_VERSION
        from mcp_relight.domain.weights import WEIGHTS_DIGEST
        from mcp_relight.jobs.steps import Steps
        from mcp_relight.providers.inputs import ProviderInputs
        from mcp_relight.providers.local import LocalRenderer

        from .own_keys import Remotes

        engine = f"{ENGINE_VERSION} {WEIGHTS_DIGEST}"
        remotes = Remotes(self.remotes, self.own_keys)
        return Steps(
            jobs=self.store,
            images=self.images,
            pixels=self.pixels,
            inputs=ProviderInputs(
                self.images,
                self.pixels,
                remotes=remotes,
                bucket=lender_of(self),
                callbacks=callbacks_at(self.settings.reached_at, self.store.hooks),
            ),
            downloads=self.downloads,
            clock=self.clock,
            renderer=LocalRenderer(
                self.images, self.pixels, engine_version=engine, shape_model=self.shape_model.now
            ),
            providers=remotes,
            spare_dir=self.folder / "results",
        )

    @cached_property
    def bucket(self) -> "BucketFolder | None":
        """The user's own, where one is set."""
        from .pictures import bucket_of

        return bucket_of(self.settings)

    def worker(self, lock: WorkerLock) -> "Worker":
        """`lock` must be held."""
        from mcp_relight.jobs.worker import Worker

        from .filling import filler

        return Worker(
            self.store,
            self.steps,
            lock,
            clock=self.clock,
            credentials=self.credentials,
            local_at_once=self.pixels_at_once,
            filler=filler(self, lock.worker_id),
        )

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

    async def aclose(self) -> None:
        """Close what was opened, and nothing else."""
        opened = vars(self)
        if "own_keys" in opened:
            await self.own_keys.aclose()
        if "remotes" in opened:
            for remote in self.remotes.values():
                await remote.aclose()
        if "pixels" in opened:
            await self.pixels.aclose()
        elif self.line is not None:
            self.line.close()
        if "store" in opened:
            await self.store.aclose()
