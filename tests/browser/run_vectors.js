async ({ keys, cases }) => {
  const load = (name) => import(`${document.baseURI}core/${name}.js`);
  const [{ fromHex, toHex }, { IssuerKey }, { IssuerKeys }, { verifyCredential }, { verifyPresence }] =
    await Promise.all(["bytes", "keys", "issuers", "credential", "presence"].map(load));
  const [{ StatusLists, verifyList }, { verifyTrustList }, { Refused }] = await Promise.all(
    ["status", "trust_list", "refused"].map(load),
  );

  const named = (name) => {
    const { issuer, kid, key, denied = [] } = keys[name];
    const windows = denied.map(([start, end]) => ({ start, end }));
    return new IssuerKey({ issuer, kid: fromHex(kid), raw: fromHex(key), denied: windows });
  };
  const policyOf = ({ policy = {} }) => ({
    maxAgeS: policy.max_age_s ?? null,
    requireStatus: policy.require_status ?? false,
    maxStaleS: policy.max_stale_s ?? 0,
  });
  const plain = (value) => (value instanceof Uint8Array ? toHex(value) : value);

  class Seen {
    known = new Set();
    async add(added) {
      if (added.some((one) => this.known.has(one))) return false;
      for (const one of added) this.known.add(one);
      return true;
    }
  }

  const run = {
    async credential(test, trusted) {
      const policy = policyOf(test);
      let statuses = null;
      if (test.statuses) {
        const held = test.statuses.map(({ uri, list }) =>
          verifyList(fromHex(list), trusted, { uri, at: test.at, maxStaleS: Infinity }),
        );
        statuses = new StatusLists(await Promise.all(held), { maxStaleS: policy.maxStaleS });
      }
      const found = await verifyCredential(test.input, trusted, { at: test.at, policy, statuses });
      const values = Object.entries(found.identity).map(([name, value]) => [name, plain(value)]);
      return {
        identity: Object.fromEntries(values),
        portrait: plain(found.portrait),
        findings: found.findings.map(({ code, key }) => [code, key]),
        unknown: [...found.unknown.keys()].map(String),
        freshness: found.statusAnswer?.freshness ?? null,
      };
    },
    async presence(test, trusted) {
      const asked = { ...test.asked, challenge: fromHex(test.asked.challenge) };
      const options = { at: test.at, seen: new Seen() };
      for (const before of test.seen_before ?? []) await verifyPresence(before, trusted, asked, options);
      const { subject, issuer } = await verifyPresence(test.input, trusted, asked, options);
      return { subject: toHex(subject), issuer };
    },
    async status_list(test, trusted) {
      const { maxStaleS } = policyOf(test);
      const options = { uri: test.uri, at: test.at, maxStaleS };
      const found = await verifyList(fromHex(test.input), trusted, options);
      const asked = Object.keys(test.accepted?.statuses ?? {});
      return { statuses: Object.fromEntries(asked.map((index) => [index, found.status(Number(index))])) };
    },
    async trust_list(test, trusted) {
      const { maxStaleS } = policyOf(test);
      const options = { at: test.at, maxStaleS, heldVersion: test.held_version ?? 0 };
      const found = await verifyTrustList(fromHex(test.input), trusted, options);
      const listed = found.keys.map(({ issuer, kid, denied }) => [
        issuer,
        toHex(kid),
        denied.map(({ start, end }) => [start, end]),
      ]);
      return { version: found.version, keys: listed };
    },
  };

  const outcomes = [];
  for (const test of cases) {
    const trusted = new IssuerKeys(test.keys.map(named));
    try {
      outcomes.push({ accepted: await run[test.kind](test, trusted) });
    } catch (error) {
      outcomes.push(error instanceof Refused ? { refused: error.code } : { failed: String(error.stack) });
    }
  }
  return outcomes;
}
