"""A software card, its issuer and fictional holders, for tests of one's own."""
