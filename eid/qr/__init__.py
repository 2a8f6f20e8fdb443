"""Signed codes: issue, draw, scan and verify."""
