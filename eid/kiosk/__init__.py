"""The card agent: a local program for a reader and a screen (contracts: card login)."""
