"""Every performance figure that the documentation names, measured beside its peer.

``make bench`` runs all rooms, ``make bench ARGS="qr --quick"`` one of them with few repetitions.
"""
