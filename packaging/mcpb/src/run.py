"""Starts the server of this bundle. Its arguments are the folders that photos may be read from."""

import sys

from mcp_relight.cli.main import main

folders = [part for folder in sys.argv[1:] for part in ("--allow-dir", folder)]
sys.exit(main(["serve", *folders]))
