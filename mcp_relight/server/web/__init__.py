"""The HTTP side of the server: one guard before every address, and the addresses themselves."""
