"""The child process in which all pixel work runs, and the port to it."""
