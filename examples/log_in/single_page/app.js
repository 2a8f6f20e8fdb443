// A page that logs people in with eID, by oidc-client-ts: a public client, its tokens bound to a
// key that never leaves the browser (DPoP).
//
// Put `oidc-client-ts.min.js` (from `npm install oidc-client-ts`, dist/browser) beside this file
// and say where the provider is in settings.json. Then `eid serve --dev --clients client.json`
// and `python3 -m http.server 3000 --bind 127.0.0.1`.
const LEVEL_2 = 'urn:eid:level:2'
const told = document.getElementById('told')
const show = (value) => { told.textContent = JSON.stringify(value) }

async function start() {
  const { issuer, client_id } = await (await fetch('settings.json')).json()
  const manager = new oidc.UserManager({
    authority: issuer,
    client_id,
    redirect_uri: `${location.origin}/`,
    scope: 'openid profile',
    filterProtocolClaims: false, // or acr, amr and auth_time are hidden
    dpop: { bind_authorization_code: true, store: new oidc.IndexedDbDPoPStore() },
  })

  // With `acr` nothing less will do.
  function logIn(acr) {
    const wanted = { id_token: { acr: { essential: true, value: acr } } }
    const extraQueryParams = acr ? { claims: JSON.stringify(wanted) } : {}
    return manager.signinRedirect({ extraQueryParams, state: { acr } })
  }

  // Userinfo with a proof of the key: the library's own loadUserInfo knows bearer tokens only.
  async function person(user) {
    const address = (await manager.metadataService.getMetadata()).userinfo_endpoint
    const proof = await manager.dpopProof(address, user, 'GET')
    const headers = { Authorization: `DPoP ${user.access_token}`, DPoP: proof }
    const { sub, name } = await (await fetch(address, { headers })).json()
    if (sub !== user.profile.sub) throw new Error('Userinfo is about somebody else.')
    return { sub, acr: user.profile.acr, name, token: user.token_type }
  }

  if (/[?&](code|error)=/.test(location.search)) {
    try {
      const user = await manager.signinRedirectCallback()
      const asked = user.state?.acr
      if (asked && user.profile.acr !== asked) {
        await manager.removeUser()
        throw new Error('The login was not at the level that this page needs.')
      }
      show(await person(user))
    } catch (error) {
      show({ refused: error.error ?? error.message })
    }
    history.replaceState(null, '', '/')
  }
  document.getElementById('log-in').onclick = () => logIn()
  document.getElementById('records').onclick = () => logIn(LEVEL_2)
  document.getElementById('renew').onclick = async () => {
    try {
      const before = await manager.getUser()
      const user = await manager.signinSilent()
      show({ ...(await person(user)), renewed: user.access_token !== before.access_token })
    } catch (error) {
      show({ refused: error.error ?? error.message })
    }
  }
  document.documentElement.dataset.ready = ''
}

start().catch((error) => show({ refused: error.message }))
