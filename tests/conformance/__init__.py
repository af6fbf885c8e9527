"""The conformance suite of the protocol, on the real server and a few fixtures."""
