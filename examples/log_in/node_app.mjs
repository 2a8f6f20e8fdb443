// A Node service that logs people in with eID, by openid-client (no framework).
//
// `npm install openid-client`, `eid serve --dev` in another terminal, then `node node_app.mjs`
// and open http://127.0.0.1:3000/.
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import * as oidc from 'openid-client'

const ISSUER = process.env.OIDC_ISSUER ?? 'http://127.0.0.1:8480'
const PORT = Number(process.env.PORT ?? 3000)
const ORIGIN = `http://127.0.0.1:${PORT}`
const LEVEL_2 = 'urn:eid:level:2'

const development = ISSUER.startsWith('http://127.0.0.1:') // never an http issuer anywhere else
const config = await oidc.discovery(
  new URL(ISSUER),
  process.env.OIDC_CLIENT_ID ?? 'dev',
  undefined,
  oidc.ClientSecretBasic(process.env.OIDC_CLIENT_SECRET ?? 'development-secret'),
  { execute: development ? [oidc.allowInsecureRequests] : [] },
)

const sessions = new Map() // yours: a session store, with an end to each session

// Send the browser to the provider; with `acr` nothing less will do.
async function logIn(session, acr) {
  const codeVerifier = oidc.randomPKCECodeVerifier()
  session.pending = { acr, codeVerifier, state: oidc.randomState(), nonce: oidc.randomNonce() }
  const parameters = {
    redirect_uri: `${ORIGIN}/callback`,
    scope: 'openid profile',
    state: session.pending.state,
    nonce: session.pending.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
  }
  if (acr) {
    parameters.claims = JSON.stringify({ id_token: { acr: { essential: true, value: acr } } })
  }
  return redirect(oidc.buildAuthorizationUrl(config, parameters).href)
}

async function callback(session, url) {
  const { pending } = session
  delete session.pending
  if (!pending) return refuse('This browser has not begun a login.')
  const tokens = await oidc.authorizationCodeGrant(config, url, {
    pkceCodeVerifier: pending.codeVerifier,
    expectedState: pending.state,
    expectedNonce: pending.nonce,
    idTokenExpected: true,
  })
  const claims = tokens.claims()
  if (pending.acr && claims.acr !== pending.acr) {
    return refuse('The login was not at the level that this page needs.')
  }
  const told = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub)
  const person = { sub: claims.sub, acr: claims.acr, name: told.name }
  return { ...redirect(pending.acr === LEVEL_2 ? '/records' : '/'), renewed: { person } }
}

async function answer(session, url) {
  switch (url.pathname) {
    case '/':
      return session.person ? show(session.person) : logIn(session)
    case '/records':
      if (session.person?.acr !== LEVEL_2) return logIn(session, LEVEL_2)
      return show({ acr: session.person.acr, records: 'for level 2 only' })
    case '/callback':
      return callback(session, url)
    default:
      return { status: 404, body: 'Not found.' }
  }
}

const redirect = (location) => ({ status: 303, headers: { Location: location }, body: '' })
const refuse = (body) => ({ status: 403, body })
const show = (value) => ({ status: 200, body: JSON.stringify(value) })

createServer(async (request, response) => {
  let id = /(?:^|; )service=([\w-]{43})(?:;|$)/.exec(request.headers.cookie ?? '')?.[1]
  const session = sessions.get(id) ?? {}
  let result
  try {
    result = await answer(session, new URL(request.url, ORIGIN))
  } catch (error) {
    result = refuse(error.error ?? error.code ?? 'refused') // OAuth error or the library's code
  }
  if (result.renewed || !sessions.has(id)) {
    sessions.delete(id) // a new name at every login, so that nobody can know it before
    id = randomBytes(32).toString('base64url')
  }
  sessions.set(id, result.renewed ?? session)
  const cookie = `service=${id}; Path=/; HttpOnly; SameSite=Lax`
  const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'Set-Cookie': cookie }
  response.writeHead(result.status, { ...headers, ...result.headers }).end(result.body)
}).listen(PORT, '127.0.0.1')
