"""The configuration files of MCP clients, edited so that nobody else's words are lost."""
