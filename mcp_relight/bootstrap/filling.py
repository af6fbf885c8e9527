"""Who makes jobs of the pictures of sets, and by which rules."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .parts import Parts
from .workers import NoWorkers

if TYPE_CHECKING:
    from mcp_relight.domain.ports import NewJob
    from mcp_relight.domain.sets import Waiting
    from mcp_relight.jobs.worker import Filler


def filler(parts: Parts, worker: str) -> "Filler":
    """Makes jobs of the pictures of sets for the worker of that id."""
    from mcp_relight.jobs.worker import Filler

    return Filler(
        parts.store,
        parts.store,
        partial(_job_to_be, parts),
        worker=worker,
        credentials=parts.credentials,
        clock=parts.clock,
    )


async def _job_to_be(parts: Parts, waiting: "Waiting") -> "NewJob":
    """A member of a set as the job it is to be, by the rules that were in force where the set was
    accepted."""
    from mcp_relight.service.ports import Options
    from mcp_relight.service.service import Service
    from mcp_relight.service.set_orders import member_arguments
    from mcp_relight.storage.intake import Intake

    request, member = waiting.request, waiting.member
    output_dir = Path(request.output_dir)
    library = Intake(
        images=parts.images,
        pixels=parts.pixels,
        downloads=parts.downloads,
        folders=[Path(folder) for folder in request.folders],
        output_dir=output_dir,
        local_only=request.policy.local_only,
    )
    service = Service(
        parts.service_ports(library, NoWorkers()),
        Options(
            default_model=request.model,
            policy=request.policy,
            output_dir=output_dir,
            readable_dirs=(),
            secret=b"",
        ),
    )
    reference = member.reference or ""
    return await service.job_to_be(member_arguments(request, reference, member.look))
