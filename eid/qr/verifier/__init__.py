"""The verifier page: a browser checks credentials and presence codes, also without a network.

`page/` is the page itself, plain files with no build step. `settings` is what it is told,
`site` serves it on loopback or writes it out for a static https host. The same cases as for the
verifier in Python hold in the browser: tests/vectors/qr/verifier.json.
"""
