"""Accounts, factors and what they are worth."""
