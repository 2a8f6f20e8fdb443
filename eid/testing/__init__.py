"""A software card, its issuer and fictional holders, for tests of one's own.

``people`` and ``holder_file`` are the holders, ``authority`` issues, ``personalise`` makes a card's
files and keys after one of the kinds in ``profiles``; ``softcard`` is the chip. ``faults`` strike at
a command, ``profile_faults`` names every deviation of real cards. ``replay`` plays a shared card
profile back, ``case_folder`` loads a forged card, ``cv_certificates`` issues for Terminal
Authentication. ``virtual_reader`` puts a card behind a real pcscd, ``stream_card`` behind a unix
socket. Nothing here reaches production code, and every key is made anew: no anchor of this package
is worth anything outside the run that made it.
"""
