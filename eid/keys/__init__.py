"""Keys by purpose, and one strict door for JWT and JWE (facts: RFC 7515 to 7519, 8725).

>>> from datetime import UTC, datetime
>>> now = datetime(2026, 11, 21, tzinfo=UTC)
>>> key = SigningKey.generate("tokens")
>>> keys = JwkSet.from_jwks({"keys": [key.public_jwk()]})
>>> claims = {"iss": "https://id.example", "aud": "shop", "exp": int(now.timestamp()) + 60}
>>> token = sign_jwt(claims, key, typ="JWT")
>>> verify_jwt(token, keys, typ="JWT", issuer="https://id.example", audience="shop",
...            at=now)["aud"]
'shop'
"""

from eid.keys.encoding import (
    JSON as JSON,
    canonical_json as canonical_json,
    decode_base64url as decode_base64url,
    encode_base64url as encode_base64url,
    new_name as new_name,
    parse_json_object as parse_json_object,
)
from eid.keys.envelope import Envelope as Envelope
from eid.keys.files import (
    load_or_create_encryption_key as load_or_create_encryption_key,
    load_or_create_secret as load_or_create_secret,
    load_or_create_signing_key as load_or_create_signing_key,
)
from eid.keys.folder import KeyFolder as KeyFolder
from eid.keys.jwe import decrypt_jwe as decrypt_jwe, encrypt_jwe as encrypt_jwe
from eid.keys.jwk import PublicKey as PublicKey, thumbprint as thumbprint
from eid.keys.jwks import JwkSet as JwkSet
from eid.keys.jwt import (
    check_half_hash as check_half_hash,
    half_hash as half_hash,
    sign_jwt as sign_jwt,
    verify_jws as verify_jws,
    verify_jwt as verify_jwt,
)
from eid.keys.ring import KeyRing as KeyRing, load_ring as load_ring
from eid.keys.signing import (
    SIGNING_ALGORITHMS as SIGNING_ALGORITHMS,
    EncryptionKey as EncryptionKey,
    SigningAlgorithm as SigningAlgorithm,
    SigningKey as SigningKey,
)
