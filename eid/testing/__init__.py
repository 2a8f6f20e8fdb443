"""A software card, its issuer and fictional holders, for tests of one's own.

``people`` are the holders, ``authority`` issues, ``personalise`` makes a card's files and keys,
``softcard`` is the chip, ``faults`` makes it misbehave, ``virtual_reader`` puts it behind a real
pcscd and ``stream_card`` behind a unix socket. Nothing here reaches production code, and every
key is made anew: no anchor of this package is worth anything outside the run that made it.
"""
