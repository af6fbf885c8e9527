"""Where workers started from here will work, found out before `config.py` and all it needs loads.

Whatever is unusual is left to that one: None is always right here, and only costs time.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import platformdirs

PREFIX = "MCP_RELIGHT_"
_FOLDER = "DATA_DIR"
_OF_OTHER_WORKERS = ("WORKER", "DATABASE_URL")


def data_dir() -> Path:
    """Where jobs and pictures are kept, unless somebody chose another place."""
    try:
        return platformdirs.user_data_path("mcp-relight", appauthor=False)
    except RuntimeError:  # no home folder, as in many a container: the check of settings says so
        return Path("~/mcp-relight")


def plain_data_folder(flags: Sequence[str]) -> Path | None:
    """The data folder where no flag and no rule but that of the variable decides it, and where
    workers are started from here."""
    said = {name.upper(): text for name, text in os.environ.items()}
    if any(said.get(PREFIX + name) for name in _OF_OTHER_WORKERS):
        return None
    folder = said.get(PREFIX + _FOLDER) or str(data_dir())
    is_plain = Path(folder).is_absolute() and "$" not in folder
    return Path(folder) if is_plain and not _name_a_folder(flags) else None


def adopt(variables: Mapping[str, str]) -> None:
    """Go on with what the process that started this one found out to be its settings."""
    os.environ.update(variables)


def changed(environment: Mapping[str, str]) -> dict[str, str]:
    """What of it a process that was started with our own does not have."""
    return {name: text for name, text in environment.items() if os.environ.get(name) != text}


def _name_a_folder(flags: Sequence[str]) -> bool:
    """Whether one of them may be `--data-dir`, which a person need not write in full."""
    return any(flag.startswith("--d") for flag in flags)
