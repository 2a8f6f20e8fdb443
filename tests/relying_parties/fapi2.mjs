// A relying party with openid-client in the profile fapi2: PAR, private_key_jwt, DPoP, PKCE, iss.
import * as client from 'openid-client'
import { createInterface } from 'node:readline/promises'

const [issuerUrl, client_id, jwkText, redirect_uri, acr] = process.argv.slice(2)
const jwk = JSON.parse(jwkText)
const key = await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
const config = await client.discovery(new URL(issuerUrl), client_id, undefined,
  client.PrivateKeyJwt({ key, kid: jwk.kid }), { execute: [client.allowInsecureRequests] })
const verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const nonce = client.randomNonce()
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
const url = await client.buildAuthorizationUrlWithPAR(config, {
  redirect_uri, scope: 'openid profile', state, nonce,
  code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  ...(acr && { claims: JSON.stringify({ id_token: { acr: { essential: true, value: acr } } }) }),
}, { DPoP })
console.log(url.href)
const lines = createInterface({ input: process.stdin })
const back = new URL((await lines[Symbol.asyncIterator]().next()).value)
lines.close()
const tokens = await client.authorizationCodeGrant(config, back,
  { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }, undefined, { DPoP })
const claims = tokens.claims()
if (acr && claims.acr !== acr) throw new Error(`the level is ${claims.acr}`)
const told = await client.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP })
const fresh = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
console.log(JSON.stringify({ acr: claims.acr, name: told.name, type: tokens.token_type.toLowerCase(),
  kept: fresh.refresh_token === tokens.refresh_token }))
