"""The counter: officers who raise accounts to level 2 with a card and their own eyes."""
