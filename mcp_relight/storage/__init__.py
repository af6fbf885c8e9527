"""Stored images, references to them, and what may be read."""
