"""Measure the light of one image, or of one image against another."""
