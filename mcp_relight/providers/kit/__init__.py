"""What an adapter is written with: its base class, and the words, sizes and schemas it needs."""
