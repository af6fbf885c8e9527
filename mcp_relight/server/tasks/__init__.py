"""Jobs as tasks, for the clients that know the Tasks extension."""
