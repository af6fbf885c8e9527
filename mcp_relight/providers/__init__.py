"""Adapters: who does the work, described as pure functions."""
