"""Durable jobs: the store, the steps, and the workers that advance them."""
