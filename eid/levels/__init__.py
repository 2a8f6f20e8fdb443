"""Levels: what an account was proofed with, and what was shown now, by rules that are data."""
