"""`python -m mcp_relight`."""

import sys

from mcp_relight.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
