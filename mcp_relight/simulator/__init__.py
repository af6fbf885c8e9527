"""The three provider APIs over real HTTP on this machine, for tests and rehearsals."""
