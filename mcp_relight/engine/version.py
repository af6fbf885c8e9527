"""Names the engine's behaviour. Imports nothing: whoever keys a cache by it must stay light."""

ENGINE_VERSION = "1"
