// A relying party with oauth4webapi: discovery, code with PKCE, ID token, userinfo, refresh,
// introspection, revocation; with a level as the last word, nothing less will do. Prints the address for the browser, reads where it came back.
import * as oauth from 'oauth4webapi'
import { createInterface } from 'node:readline/promises'

const [issuerUrl, client_id, secret, redirect_uri, acr] = process.argv.slice(2)
const insecure = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(issuerUrl)
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
const client = { client_id }
const auth = oauth.ClientSecretBasic(secret)
const verifier = oauth.generateRandomCodeVerifier()
const state = oauth.generateRandomState()
const nonce = oauth.generateRandomNonce()
const url = new URL(as.authorization_endpoint)
url.search = new URLSearchParams({
  client_id, redirect_uri, response_type: 'code', scope: 'openid profile offline_access', state, nonce,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  ...(acr && { claims: JSON.stringify({ id_token: { acr: { essential: true, value: acr } } }) }),
})
console.log(url.href)
const lines = createInterface({ input: process.stdin })
const back = new URL((await lines[Symbol.asyncIterator]().next()).value)
lines.close()
const params = oauth.validateAuthResponse(as, client, back, state)
const response = await oauth.authorizationCodeGrantRequest(as, client, auth, params, redirect_uri, verifier, insecure)
const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: nonce, requireIdToken: true })
await oauth.validateApplicationLevelSignature(as, response, insecure)
const claims = oauth.getValidatedIdTokenClaims(tokens)
if (acr && claims.acr !== acr) throw new Error(`the level is ${claims.acr}`)
const told = await oauth.processUserInfoResponse(as, client, claims.sub,
  await oauth.userInfoRequest(as, client, tokens.access_token, insecure))
const fresh = await oauth.processRefreshTokenResponse(as, client,
  await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, insecure))
const seen = await oauth.processIntrospectionResponse(as, client,
  await oauth.introspectionRequest(as, client, auth, fresh.access_token, insecure))
await oauth.processRevocationResponse(
  await oauth.revocationRequest(as, client, auth, fresh.refresh_token, insecure))
const dead = await oauth.processIntrospectionResponse(as, client,
  await oauth.introspectionRequest(as, client, auth, fresh.access_token, insecure))
console.log(JSON.stringify({ acr: claims.acr, name: told.name, rotated: fresh.refresh_token !== tokens.refresh_token,
  active: seen.active, afterwards: dead.active }))
