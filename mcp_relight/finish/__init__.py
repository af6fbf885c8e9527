"""Transfer only the light of a result onto the original."""
