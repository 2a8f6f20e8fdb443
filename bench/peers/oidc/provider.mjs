// node-oidc-provider as a peer of the bench: one process, in memory or on PostgreSQL, the same
// client, scopes, PKCE, rotation and number of pages as ours. No password is checked at all, so
// hashing costs neither side anything. Usage: node provider.mjs PORT memory|POSTGRESQL_URL
import { Provider } from 'oidc-provider';
import pg from 'pg';

const [port, store] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

// A plain map: its stock adapter keeps a thousand entries only.
const map = new Map();
const families = new Map();
class Memory {
  constructor(name) { this.name = name; }
  key(id) { return `${this.name}:${id}`; }
  async upsert(id, payload, expiresIn) {
    map.set(this.key(id), { payload, until: expiresIn ? Date.now() + expiresIn * 1000 : Infinity });
    if (payload.uid) map.set(`${this.name}:uid:${payload.uid}`, id);
    if (payload.grantId) {
      const family = families.get(payload.grantId) ?? [];
      family.push(this.key(id));
      families.set(payload.grantId, family);
    }
  }
  async find(id) {
    const found = map.get(this.key(id));
    return found && found.until > Date.now() ? found.payload : undefined;
  }
  async findByUid(uid) {
    const id = map.get(`${this.name}:uid:${uid}`);
    return id === undefined ? undefined : this.find(id);
  }
  async findByUserCode() { return undefined; }
  async consume(id) { map.get(this.key(id)).payload.consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { map.delete(this.key(id)); }
  async revokeByGrantId(grantId) {
    for (const key of families.get(grantId) ?? []) map.delete(key);
    families.delete(grantId);
  }
}

// One table, one statement per call, prepared by name.
let pool;
class Postgresql {
  constructor(name) { this.name = name; }
  async query(name, text, values) { return pool.query({ name, text, values }); }
  async upsert(id, payload, expiresIn) {
    const until = expiresIn ? new Date(Date.now() + expiresIn * 1000) : null;
    await this.query(
      'upsert',
      `INSERT INTO peer (id, type, payload, grant_id, uid, until) VALUES ($1,$2,$3,$4,$5,$6)
       ON CONFLICT (id, type) DO UPDATE SET payload=$3, grant_id=$4, uid=$5, until=$6`,
      [id, this.name, payload, payload.grantId ?? null, payload.uid ?? null, until],
    );
  }
  row(found) {
    const [row] = found.rows;
    if (!row) return undefined;
    return row.consumed_at ? { ...row.payload, consumed: true } : row.payload;
  }
  async find(id) {
    return this.row(await this.query(
      'find', 'SELECT payload, consumed_at FROM peer WHERE id=$1 AND type=$2 AND (until IS NULL OR until > now())', [id, this.name],
    ));
  }
  async findByUid(uid) {
    return this.row(await this.query(
      'uid', 'SELECT payload, consumed_at FROM peer WHERE uid=$1 AND type=$2 AND (until IS NULL OR until > now())', [uid, this.name],
    ));
  }
  async findByUserCode() { return undefined; }
  async consume(id) {
    await this.query('consume', 'UPDATE peer SET consumed_at=now() WHERE id=$1 AND type=$2', [id, this.name]);
  }
  async destroy(id) { await this.query('destroy', 'DELETE FROM peer WHERE id=$1 AND type=$2', [id, this.name]); }
  async revokeByGrantId(grantId) { await this.query('revoke', 'DELETE FROM peer WHERE grant_id=$1', [grantId]); }
}

if (store !== 'memory') {
  const url = new URL(store.replace("@/", "@unix/"));
  pool = new pg.Pool({ host: url.searchParams.get('host'), user: url.username, database: url.pathname.slice(1), max: 8 });
  await pool.query(`CREATE TABLE IF NOT EXISTS peer (id text, type text, payload jsonb, grant_id text, uid text,
    until timestamptz, consumed_at timestamptz, PRIMARY KEY (id, type))`);
  await pool.query('CREATE INDEX IF NOT EXISTS peer_grant ON peer (grant_id)');
  await pool.query('CREATE INDEX IF NOT EXISTS peer_uid ON peer (uid)');
}

const { generateKeyPairSync } = await import('node:crypto');
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const provider = new Provider(issuer, {
  adapter: store === 'memory' ? Memory : Postgresql,
  clients: [{
    client_id: 'bench',
    client_secret: 'bench-secret-0123456789abcdef',
    redirect_uris: ['http://127.0.0.1:9/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    id_token_signed_response_alg: 'ES256',
    application_type: 'native',
  }],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'bench' }] },
  cookies: { keys: ['bench-cookie-key-0123456789'] },
  claims: { openid: ['sub'], profile: ['name', 'birthdate', 'gender'] },
  features: { introspection: { enabled: true }, revocation: { enabled: true } },
  pkce: { required: () => true },
  rotateRefreshToken: () => true,
  issueRefreshToken: async (_ctx, client, code) => client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, RefreshToken: 86400, Interaction: 600, Session: 28800, Grant: 86400 },
  findAccount: async (_ctx, sub) => ({ accountId: sub, claims: async () => ({ sub, name: 'LE THI THU', birthdate: '1990-05-17', gender: 'female' }) }),
});
const server = provider.listen(Number(port), '127.0.0.1');
server.keepAliveTimeout = 600_000; // connections stay open while the other side is measured
