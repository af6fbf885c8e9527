"""The job store: everything that knows SQL."""
