"""Use cases: what the tools and the command line do, in terms of the ports alone."""
