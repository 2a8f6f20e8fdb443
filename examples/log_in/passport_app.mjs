// An Express service that logs people in with eID, by passport-openidconnect.
//
// The strategy sends no PKCE, so its client is registered with "eid_pkce_optional": true; it
// sends a nonce. It checks no signature and relies on https to the provider: take openid-client
// where you can choose. `npm install express express-session passport passport-openidconnect`,
// `eid serve --dev --clients passport.json`, then `node passport_app.mjs`.
import { randomBytes } from 'node:crypto'
import express from 'express'
import expressSession from 'express-session'
import passport from 'passport'
import OpenIDConnectStrategy from 'passport-openidconnect'

const ISSUER = process.env.OIDC_ISSUER ?? 'http://127.0.0.1:8480'
const PORT = Number(process.env.PORT ?? 3000)
const LEVEL_2 = 'urn:eid:level:2'

const metadata = await (await fetch(`${ISSUER}/.well-known/openid-configuration`)).json()
if (metadata.issuer !== ISSUER) throw new Error('this is another issuer')

class EidStrategy extends OpenIDConnectStrategy {
  // The library's own acrValues are a wish; an essential acr is met, or the login ends.
  authorizationParams({ acr }) {
    if (!acr) return {}
    return { claims: JSON.stringify({ id_token: { acr: { essential: true, value: acr } } }) }
  }
}

passport.use(
  'eid',
  new EidStrategy(
    {
      issuer: metadata.issuer,
      authorizationURL: metadata.authorization_endpoint,
      tokenURL: metadata.token_endpoint,
      userInfoURL: metadata.userinfo_endpoint,
      clientID: process.env.OIDC_CLIENT_ID ?? 'passport',
      clientSecret: process.env.OIDC_CLIENT_SECRET ?? 'development-secret',
      callbackURL: `http://127.0.0.1:${PORT}/callback`,
      scope: ['profile'],
      nonce: true,
      skipUserProfile: false,
    },
    // Four parameters, no fewer: then the library hands over the context, whose class is the acr.
    (_issuer, profile, context, done) => {
      done(null, { sub: profile.id, acr: context.class, name: profile.displayName })
    },
  ),
)

const app = express()
app.use(
  expressSession({
    secret: process.env.SESSION_KEY ?? randomBytes(32).toString('hex'),
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: 'lax' },
  }),
)

// Send the browser to the provider; with `acr` nothing less will do.
function logIn(acr) {
  return (request, response, next) => {
    request.session.asked = acr
    passport.authenticate('eid', { acr })(request, response, next)
  }
}

app.get('/callback', (request, response, next) => {
  const asked = request.session.asked
  passport.authenticate('eid', { session: false }, (error, person, info) => {
    if (error || !person) {
      return response.status(403).send(error?.code ?? info?.message ?? 'refused')
    }
    if (asked && person.acr !== asked) {
      return response.status(403).send('The login was not at the level that this page needs.')
    }
    request.session.regenerate((problem) => {
      if (problem) return next(problem)
      request.session.person = person
      response.redirect(asked === LEVEL_2 ? '/records' : '/')
    })
  })(request, response, next)
})

app.get(
  '/',
  (request, response, next) => (request.session.person ? next() : logIn()(request, response, next)),
  (request, response) => response.json(request.session.person),
)

app.get(
  '/records',
  (request, response, next) =>
    request.session.person?.acr === LEVEL_2 ? next() : logIn(LEVEL_2)(request, response, next),
  (request, response) => response.json({ acr: LEVEL_2, records: 'for level 2 only' }),
)

app.listen(PORT, '127.0.0.1')
