"""What the use cases are given."""

from dataclasses import dataclass
from pathlib import Path

from mcp_relight.domain.job import Policy
from mcp_relight.domain.library import Library
from mcp_relight.domain.model_ports import Models
from mcp_relight.domain.ports import Images, Jobs, Pixels, ShapeModelNow, Workers
from mcp_relight.domain.set_ports import Sets


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything the use cases need."""

    jobs: Jobs
    sets: Sets
    images: Images
    pixels: Pixels
    shape_model: ShapeModelNow
    library: Library
    models: Models
    workers: Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What this process was configured to allow."""

    default_model: str
    policy: Policy
    output_dir: Path
    readable_dirs: tuple[Path, ...]
    secret: bytes
    """Of this data folder; the words of the test picture follow from it."""
    in_full: bool = False
    """Whether jobs are answered in full: to a terminal, not to a model that carries the text."""
