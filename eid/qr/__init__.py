"""QR codes: read the card's own, issue one that proves something, verify it without a network.

From bytes to trust: `base45`, `cbor` and `envelope` are strict codecs; `cose` checks one
signature and `issuers` says whose keys are believed; `cwt` holds the claims and their times.

- `claim169`, `credential`, `issue`, `from_card`, `small`: what a credential says, checking it,
  and issuing it for a verified chip; `portrait` makes the picture small.
- `presence`: a code that lives for a minute, for one relying party, once.
- `status`, `trust_list`: what offline verifiers carry about withdrawal and issuers.
- `printed`: the unsigned code on the card. `render` and `scan`: pictures.
"""
