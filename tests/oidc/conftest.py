"""A whole provider for the tests: real keys, a real judge, fictional people, and two stores.

The store is the port's contract in memory, or the real one on SQLite. Nothing of the provider
itself is replaced.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import secrets
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from falcon import testing

from eid.admin.recovery import RecoveryDesk
from eid.app.people import own_pages, recovery_desk
from eid.app.people_settings import PeopleSettings
from eid.chip.evidence import Access, ActiveAuthentication, Evidence
from eid.chip.plan import PLANS
from eid.chip.verify import IDENTIFY, VerifiedCard, verify
from eid.errors import AccountError, Unavailable
from eid.keys import (
    JSON,
    Envelope,
    JwkSet,
    SigningKey,
    canonical_json,
    decode_base64url,
    encode_base64url,
    encrypt_jwe,
    parse_json_object,
    sign_jwt,
    verify_jwt,
)
from eid.levels.account import Account, Profile, State
from eid.levels.consent import Consent
from eid.levels.factors.code import Channel, FileSender
from eid.levels.factors.otp import totp_code
from eid.levels.factors.passkey import PasskeyParty
from eid.levels.rules import Rules
from eid.oidc.clients import Client, RegisteredClients, client_from_metadata
from eid.oidc.own_ports import OwnPages
from eid.oidc.ports import AnyStep, Attempt, AuditEvent, Grant, Grants, Spent
from eid.oidc.provider import JudgeEvidence, Provider, ProviderKeys
from eid.oidc.settings import ProviderSettings
from eid.oidc.web import create_app
from eid.store import Store, open_store
from eid.store.accounts import AccountKeys, Accounts as StoredAccounts
from eid.store.audit import Audit
from eid.store.database import Database
from eid.store.grants import Grants as StoredGrants
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.people import PEOPLE, Person
from eid.testing.personalise import personalise
from eid.testing.softcard_active import sign
from eid.trust.store import TrustStore
from tests.store.authenticator import Authenticator

ISSUER = "https://id.example"
CLIENT_KEY = SigningKey.generate("client")
OTHER_KEY = SigningKey.generate("client")
API = "https://api.example"
GOODBYE = "https://portal.example/goodbye"
BACKCHANNEL = "https://portal.example/backchannel"
REFRESHES: list[JSON] = ["authorization_code", "refresh_token"]
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CALLBACK = "https://portal.example/callback"
SECRET = "portal-secret-0123456789"
PASSWORD = "a long enough password"
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
PACE = Access(
    protocol="PACE",
    mapping="GM",
    password="can",
    oid="0.4.0.127.0.7.2.2.4.2.2",
    parameter_id=13,
)
LOGIN = replace(IDENTIFY, required=IDENTIFY.required | {"aa.signature", "aa.freshness"})


class MemoryGrants:
    """The contract of :class:`eid.oidc.ports.Grants`, behind one lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[tuple[str, bytes], Grant] = {}
        self._used: dict[tuple[str, bytes], datetime] = {}
        self._revoked: set[tuple[str, bytes]] = set()
        self.events: list[AuditEvent] = []

    def put(self, *grants: Grant, events: Sequence[AuditEvent] = ()) -> None:
        with self._lock:
            if any((grant.kind, grant.key) in self._rows for grant in grants):
                raise Unavailable("The grant exists already.", code="grant.exists")
            for grant in grants:
                self._put(grant)
            self.events.extend(events)

    def claim(self, grant: Grant, *, events: Sequence[AuditEvent] = ()) -> bool:
        with self._lock:
            fresh = (grant.kind, grant.key) not in self._rows
            if fresh:
                self._put(grant)
                self.events.extend(events)
            return fresh

    def issue_beside(
        self,
        kind: str,
        key: bytes,
        *,
        at: datetime,
        issue: Sequence[Grant],
        events: Sequence[AuditEvent] = (),
    ) -> bool:
        with self._lock:
            live = self._live(kind, key, at)
            if live is None:
                return False
            self._rows[kind, key] = replace(live, version=live.version + 1)
            for grant in issue:
                self._put(grant)
            self.events.extend(events)
            return True

    def family(self, kind: str, family: str, *, at: datetime) -> tuple[Grant, ...]:
        with self._lock:
            found = [self._live(*place, at) for place in self._rows if place[0] == kind]
            return tuple(grant for grant in found if grant and grant.family == family)

    def get(self, kind: str, key: bytes, *, at: datetime) -> Grant | None:
        with self._lock:
            return self._live(kind, key, at)

    def look(self, kind: str, key: bytes, *, at: datetime) -> Grant | Spent | None:
        with self._lock:
            stored = (kind, key) in self._rows
            return self._live(kind, key, at) or (Spent() if stored else None)

    def consume(
        self,
        kind: str,
        key: bytes,
        *,
        at: datetime,
        issue: Sequence[Grant] = (),
        events: Sequence[AuditEvent] = (),
        consents: Sequence[Consent] = (),
    ) -> Grant | None:
        with self._lock:
            found = self._live(kind, key, at)
            if found is not None:
                for grant in issue:
                    if (grant.kind, grant.key) in self._rows:
                        raise Unavailable("The grant exists already.", code="grant.exists")
                self._used[kind, key] = at
                for grant in issue:
                    self._put(grant)
                self.events.extend(
                    AuditEvent(kind="consent.given", at=one.given_at, account=one.account)
                    for one in consents
                )
                self.events.extend(events)
            return found

    def end(
        self,
        kind: str,
        key: bytes,
        *families: str,
        version: int,
        at: datetime,
        events: Sequence[AuditEvent] = (),
    ) -> bool:
        with self._lock:
            live = self._live(kind, key, at)
            ended = live is not None and version == live.version
            if ended:
                self._used[kind, key] = at
                self._revoke(families)
                self.events.extend(events)
            return ended

    def was_used(self, kind: str, key: bytes) -> Grant | None:
        used_at = self._used.get((kind, key))
        return None if used_at is None else replace(self._rows[kind, key], used_at=used_at)

    def replace(
        self, grant: Grant, *, version: int, at: datetime, events: Sequence[AuditEvent] = ()
    ) -> bool:
        if not version:
            return self.claim(grant, events=events)
        with self._lock:
            found = self._live(grant.kind, grant.key, at)
            if found is None or found.version != version:
                return False
            self._rows[grant.kind, grant.key] = replace(grant, version=version + 1)
            self.events.extend(events)
            return True

    def revoke_family(
        self, *families: str, at: datetime, events: Sequence[AuditEvent] = ()
    ) -> int:
        with self._lock:
            self.events.extend(events)
            return self._revoke(families)

    def _revoke(self, families: Sequence[str]) -> int:
        found = {place for place, grant in self._rows.items() if grant.family in families}
        fresh = found - self._revoked
        self._revoked |= fresh
        return len(fresh)

    def record(self, events: Sequence[AuditEvent]) -> None:
        with self._lock:
            self.events.extend(events)

    def _put(self, grant: Grant) -> None:
        payload = parse_json_object(canonical_json(grant.payload), max_size=1 << 20)
        self._rows[grant.kind, grant.key] = replace(grant, payload=payload)
        if grant.used_at is not None:
            self._used[grant.kind, grant.key] = grant.used_at

    def _live(self, kind: str, key: bytes, at: datetime) -> Grant | None:
        found = self._rows.get((kind, key))
        spent = (kind, key) in self._used or (kind, key) in self._revoked
        return None if found is None or spent or found.expires_at <= at else found


class MemoryAccounts:
    """The contract of :class:`eid.oidc.ports.Accounts`, with plain passwords."""

    def __init__(self, grants: MemoryGrants) -> None:
        self._grants = grants
        self.accounts: dict[str, Account] = {}
        self.passwords: dict[str, str] = {}
        self.throttled = False
        self.devices: list[str] = []

    def create(self, account: Account, *, password: str) -> None:
        self.accounts[account.id] = account
        self.passwords[account.username] = password

    def change(self, account: Account) -> None:
        self.accounts[account.id] = account

    def by_id(self, account_id: str) -> Account | None:
        return self.accounts.get(account_id)

    def state(self, account_id: str) -> State | None:
        account = self.accounts.get(account_id)
        return None if account is None else account.state

    def by_number(self, number: str) -> Account | None:
        for account in self.accounts.values():
            if account.profile is not None and account.profile.personal_number == number:
                return account
        return None

    def check_password(
        self, username: str, password: str, *, address: str, at: datetime, device: str = ""
    ) -> Account:
        self.devices.append(device)
        if self.throttled:
            raise AccountError("Too many attempts.", code="login.throttled")
        if self.passwords.get(username) != password:
            raise AccountError("Wrong.", code="login.refused")
        return next(a for a in self.accounts.values() if a.username == username)

    def log_in(
        self,
        attempt: Attempt,
        *,
        at: datetime,
        follow: Callable[[Account], AnyStep],
        refused: Callable[[str], AuditEvent],
    ) -> AnyStep | None:
        name, password = attempt.username, attempt.password
        try:
            account = self.check_password(
                name, password, address=attempt.address, at=at, device=attempt.device
            )
        except AccountError as error:
            self._grants.record([refused(error.code)])
            raise
        step = follow(account)
        taken = self._grants.replace(step.grant, version=step.version, at=at, events=step.events)
        return step if taken else None

    def device_token(self, username: str, *, at: datetime) -> str:
        return hashlib.sha256(f"{username}|{at}".encode()).hexdigest()

    def subject(self, account_id: str, sector: str) -> str:
        return hashlib.sha256(f"{account_id}|{sector}".encode()).hexdigest()


class StoreAccounts(StoredAccounts):
    """The real accounts, with what the tests need for arranging."""

    def change(self, account: Account) -> None:
        known = self.by_id(account.id)
        assert known is not None
        self.update(replace(account, version=known.version), at=NOW)


def profile_of(person: Person) -> Profile:
    return Profile(
        name=person.name,
        birth_date=person.birth_date.isoformat(),
        personal_number=person.number,
        sex=person.sex,
        nationality=person.nationality,
        address=person.residence,
        document_number=person.document_number,
        issue_date=person.issue_date.isoformat(),
        expiry=person.expiry.isoformat() if person.expiry else "",
        issuing_state="VNM",
    )


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the provider answered, as a browser would see it."""

    status: int
    headers: Mapping[str, str]
    text: str
    cookies: tuple[str, ...] = ()

    @property
    def location(self) -> str:
        return self.headers["location"]

    @property
    def query(self) -> dict[str, str]:
        pairs = parse_qsl(urlsplit(self.location).query, keep_blank_values=True)
        assert len(pairs) == len(dict(pairs)), "a parameter is repeated in the answer"
        return dict(pairs)

    @property
    def path(self) -> str:
        """The provider's own path that the answer leads to."""
        assert self.status == 303, self.text
        assert self.location.startswith(ISSUER), self.location
        return self.location.removeprefix(ISSUER)

    @property
    def begun(self) -> str:
        """The path of the login that ``/authorize`` began, whether it led there or is its page."""
        if self.status == 303:
            return self.path.removesuffix("/consent")
        match = re.search(rf'href="{ISSUER}(/interaction/[^/"]*)/cancel"', self.text)
        assert match, self.text
        return match[1]

    @property
    def code(self) -> str | None:
        match = re.search(r'<code id="error-code">([^<]*)</code>', self.text)
        return match[1] if match else None

    def field(self, name: str) -> str:
        match = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        assert match, f"no field {name} in {self.text}"
        return html.unescape(match[1])

    def json(self) -> dict[str, JSON]:
        return parse_json_object(self.text.encode())


@dataclass(kw_only=True)
class Browser:
    """Keeps cookies and stays on the provider's origin; one per person."""

    client: testing.TestClient
    cookies: dict[str, str] = field(default_factory=dict)
    address: str = "192.0.2.7"

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, headers=headers)

    def post(self, path: str, form: Mapping[str, str], **headers: str) -> Answer:
        own = {"Origin": ISSUER, "Sec-Fetch-Site": "same-origin"}
        return self.send("POST", path, body=urlencode(form), headers=own | headers)

    def send(
        self, method: str, path: str, *, body: str = "", headers: Mapping[str, str] | None = None
    ) -> Answer:
        named = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        if self.cookies and "Cookie" not in named:
            named["Cookie"] = "; ".join(f"{n}={v}" for n, v in self.cookies.items())
        if body and "Content-Type" not in named:
            named["Content-Type"] = "application/x-www-form-urlencoded"
        path, _, query = path.partition("?")
        result = self.client.simulate_request(
            method, path, query_string=query, body=body, headers=named, remote_addr=self.address
        )
        lines = _cookie_lines(result)
        for line in lines:
            name, _, rest = line.partition("=")
            value, _, attributes = rest.partition(";")
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return Answer(
            status=result.status_code,
            headers={name.lower(): value for name, value in result.headers.items()},
            text=result.text,
            cookies=lines,
        )


def _cookie_lines(result: testing.Result) -> tuple[str, ...]:
    lines = []
    for cookie in result.cookies.values():
        parts = [f"{cookie.name}={cookie.value}", f"Path={cookie.path}"]
        parts += [f"Max-Age={cookie.max_age}"] if cookie.max_age is not None else []
        parts += ["HttpOnly"] if cookie.http_only else []
        parts += [f"SameSite={cookie.same_site}"] if cookie.same_site else []
        parts += ["Secure"] if cookie.secure else []
        lines.append("; ".join(parts))
    return tuple(lines)


@dataclass(kw_only=True)
class World:
    """A provider, its people, its services and a clock."""

    provider: Provider
    client: testing.TestClient
    accounts: MemoryAccounts | StoreAccounts
    events: Callable[[], list[str]]
    people: dict[str, Account]
    evidence: Callable[..., Evidence]
    time: list[datetime]
    verifier: str = "v" * 43

    @property
    def now(self) -> datetime:
        return self.time[0]

    def wait(self, seconds: float) -> None:
        self.time[0] += timedelta(seconds=seconds)

    def browser(self) -> Browser:
        return Browser(client=self.client)

    @property
    def challenge(self) -> str:
        return encode_base64url(hashlib.sha256(self.verifier.encode()).digest())

    def parameters(self, **changed: str | None) -> dict[str, str]:
        wanted: dict[str, str | None] = {
            "response_type": "code",
            "client_id": "portal",
            "redirect_uri": CALLBACK,
            "scope": "openid profile",
            "state": "st4te",
            "nonce": "n0nce",
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
        }
        wanted |= changed
        return {name: value for name, value in wanted.items() if value is not None}

    def authorize(self, browser: Browser | None = None, **changed: str | None) -> Answer:
        query = urlencode(self.parameters(**changed), quote_via=quote)
        return (browser or self.browser()).get(f"/authorize?{query}")

    def begin(self, browser: Browser, **changed: str | None) -> str:
        """The path of a new interaction."""
        return self.authorize(browser, **changed).begun

    def password(self, browser: Browser, here: str, who: str = "thu", **form: str) -> Answer:
        csrf = browser.get(here).field("csrf")
        fields = {"csrf": csrf, "username": who, "password": PASSWORD} | form
        return browser.post(f"{here}/password", fields)

    def card_request(self, browser: Browser, here: str) -> dict[str, JSON]:
        """The claims of the request on the card page."""
        return self.open_request(browser.get(f"{here}/card").field("request"))

    def open_request(self, token: str) -> dict[str, JSON]:
        return verify_jwt(
            token,
            JwkSet.of(self.provider.keys.card_requests),
            typ="eid-card-request+jwt",
            issuer=ISSUER,
            audience="eid-agent",
            at=self.now,
        )

    def seal(self, asked: Mapping[str, JSON], evidence: Evidence, **changed: JSON) -> str:
        content: dict[str, JSON] = {
            "jti": asked["jti"],
            "evidence": parse_json_object(evidence.to_json()),
        }
        return encrypt_jwe(
            canonical_json(content | changed),
            self.provider.keys.evidence.public_jwk(),
            typ="eid-evidence+jwe",
        )

    def deliver(self, asked: Mapping[str, JSON], evidence: Evidence) -> Answer:
        """As the agent posts it: no browser, no cookie."""
        form = {"jti": str(asked["jti"]), "evidence": self.seal(asked, evidence)}
        return self.browser().send("POST", "/card/evidence", body=urlencode(form))

    def read(self, asked: Mapping[str, JSON], who: str = "thu") -> str:
        """An honest agent: read the card over the challenge, deliver, return the handle."""
        evidence = self.evidence(who, decode_base64url(str(asked["challenge"])))
        answer = self.deliver(asked, evidence)
        assert answer.status == 200, answer.text
        return str(answer.json()["handle"])

    def card(self, browser: Browser, here: str, who: str = "thu") -> Answer:
        """The whole way through the agent and back."""
        handle = self.read(self.card_request(browser, here), who)
        return browser.get(f"{here}/card/return?handle={handle}", Sec_Fetch_Site="cross-site")

    def agree(self, browser: Browser, here: str) -> Answer:
        csrf = browser.get(f"{here}/consent").field("csrf")
        return browser.post(f"{here}/consent", {"csrf": csrf})

    def code(self, browser: Browser | None = None, **changed: str | None) -> str:
        """A code by password, or by card and password where level 2 is asked for."""
        browser = browser or self.browser()
        here = self.begin(browser, **changed)
        self.password(browser, here)
        return self.agree(browser, here).query["code"]

    def redeem(self, code: str, *, auth: str | None = "portal", **changed: str | None) -> Answer:
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
        }
        form |= changed
        headers = {} if auth is None else {"Authorization": basic(auth, SECRET)}
        body = urlencode({name: value for name, value in form.items() if value is not None})
        return self.browser().send("POST", "/token", body=body, headers=headers)

    def call(self, path: str, form: Mapping[str, str | None], **headers: str) -> Answer:
        """A program's call: no cookies, no browser's headers."""
        body = urlencode({name: value for name, value in form.items() if value is not None})
        return self.browser().send("POST", path, body=body, headers=headers)

    def refresh(self, token: str, *, auth: str | None = "keeper", **changed: str | None) -> Answer:
        form: dict[str, str | None] = {"grant_type": "refresh_token", "refresh_token": token}
        headers = {} if auth is None else {"Authorization": basic(auth, SECRET)}
        return self.call("/token", form | changed, **headers)

    def assertion(
        self, client_id: str = "keyed", *, key: SigningKey = CLIENT_KEY, **changed: JSON
    ) -> dict[str, str]:
        """A client assertion, as form fields."""
        now = int(self.now.timestamp())
        claims: dict[str, JSON] = {
            "iss": client_id,
            "sub": client_id,
            "aud": ISSUER,
            "jti": secrets.token_hex(8),
            "iat": now,
            "exp": now + 60,
        }
        kept = {name: value for name, value in (claims | changed).items() if value is not None}
        token = sign_jwt(kept, key, typ="JWT")
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}

    def proof(
        self,
        path: str = "/token",
        *,
        key: SigningKey = OTHER_KEY,
        method: str = "POST",
        access: str | None = None,
        header: Mapping[str, JSON] | None = None,
        **changed: JSON,
    ) -> str:
        """A DPoP proof."""
        jwk = {name: value for name, value in key.public_jwk().items() if name not in _NAMES}
        head: dict[str, JSON] = {"typ": "dpop+jwt", "alg": key.alg, "jwk": jwk}
        head |= header or {}
        claims: dict[str, JSON] = {
            "htm": method,
            "htu": ISSUER + path,
            "iat": int(self.now.timestamp()),
            "jti": secrets.token_hex(8),
        }
        if access is not None:
            claims["ath"] = encode_base64url(hashlib.sha256(access.encode()).digest())
        kept = {name: value for name, value in (claims | changed).items() if value is not None}
        parts = [encode_base64url(canonical_json(part)) for part in (head, kept)]
        message = ".".join(parts)
        return f"{message}.{encode_base64url(key.sign(message.encode()))}"

    def request_object(
        self, client_id: str, /, *, key: SigningKey = CLIENT_KEY, **changed: JSON
    ) -> str:
        """A signed request object of the usual parameters."""
        now = int(self.now.timestamp())
        claims: dict[str, JSON] = {
            **self.parameters(client_id=client_id),
            "iss": client_id,
            "aud": ISSUER,
            "nbf": now,
            "exp": now + 60,
        }
        kept = {name: value for name, value in (claims | changed).items() if value is not None}
        return sign_jwt(kept, key, typ="oauth-authz-req+jwt")

    def push(
        self, client_id: str = "fapi", *, dpop: str | None = None, **changed: str | None
    ) -> Answer:
        """A pushed request, with an assertion."""
        form = {**self.parameters(client_id=client_id), **self.assertion(client_id), **changed}
        return self.call("/par", form, **({} if dpop is None else {"DPoP": dpop}))

    def fapi_code(self, client_id: str = "fapi", **changed: str | None) -> str:
        """A code of the profile fapi2."""
        pushed = self.push(client_id, **changed)
        assert pushed.status == 201, pushed.text
        return self.code_of(str(pushed.json()["request_uri"]), client_id)

    def code_of(self, request_uri: str, client_id: str = "fapi") -> str:
        """The code for a pushed request."""
        browser = self.browser()
        here = browser.get(
            f"/authorize?{urlencode({'client_id': client_id, 'request_uri': request_uri})}"
        ).path
        self.password(browser, here)
        return self.agree(browser, here).query["code"]

    def fapi_redeem(
        self, code: str, *, proof: str | None = "", client_id: str = "fapi", **changed: str | None
    ) -> Answer:
        """Redeem a code with an assertion and a proof."""
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
            **self.assertion(client_id),
        }
        shown = self.proof() if proof == "" else proof
        headers = {} if shown is None else {"DPoP": shown}
        return self.call("/token", form | changed, **headers)

    def userinfo(self, access: str) -> Answer:
        return self.browser().get("/userinfo", Authorization=f"Bearer {access}")

    def bound_userinfo(self, access: str, *, proof: str | None = None, **changed: JSON) -> Answer:
        """Userinfo with a token that is bound to a key."""
        shown = proof or self.proof("/userinfo", method="GET", access=access, **changed)
        return self.browser().get("/userinfo", Authorization=f"DPoP {access}", DPoP=shown)

    def claims(self, token: JSON, audience: str = "portal") -> dict[str, JSON]:
        return verify_jwt(
            str(token),
            JwkSet.of(*self.provider.keys.published),
            typ="JWT",
            issuer=ISSUER,
            audience=audience,
            at=self.now,
        )


_NAMES = frozenset({"kid", "alg", "use"})


def basic(user: str, secret: str) -> str:
    pair = f"{quote(user, safe='')}:{quote(secret, safe='')}"
    return "Basic " + b64encode(pair.encode()).decode()


@pytest.fixture(scope="session")
def images(authority: DocumentAuthority, card_image: CardImage) -> Mapping[str, CardImage]:
    other = personalise(PEOPLE["mau"], authority, at=NOW)
    return {"thu": card_image, "mau": other}


@pytest.fixture(scope="session")
def evidence_of(images: Mapping[str, CardImage]) -> Callable[..., Evidence]:
    """Evidence as an honest reader makes it, without the cost of PACE."""

    def make(who: str, challenge: bytes | None, **files: bytes) -> Evidence:
        image = images[who]
        names = ("EF.CardAccess", *PLANS["kiosk"].files)
        wanted = {name: image.files[name] for name in names if name in image.files}
        proof = None
        if challenge is not None:
            response = sign(image.aa_private_key, challenge, rng=secrets.token_bytes)
            proof = ActiveAuthentication(challenge=challenge, response=response, source="verifier")
        return Evidence(
            files=wanted | {name.replace("_", "."): data for name, data in files.items()},
            access=PACE,
            active_authentication=proof,
            read_at=NOW,
        )

    return make


def registered() -> tuple[Client, ...]:
    base: dict[str, JSON] = {
        "redirect_uris": [CALLBACK, "https://portal.example/other?tenant=1"],
        "scope": "openid profile address eid:number eid:card",
        "client_secret": SECRET,
    }
    rows: tuple[dict[str, JSON], ...] = (
        {
            "client_id": "portal",
            "client_name": "Cổng <b>dịch vụ</b>",
            "post_logout_redirect_uris": [GOODBYE],
            "backchannel_logout_uri": BACKCHANNEL,
        },
        {"client_id": "keeper", "grant_types": REFRESHES, "eid_resources": [API]},
        {"client_id": "api", "eid_audience": API},
        {"client_id": "loose", "eid_pkce_optional": True},
        {
            "client_id": "rsa",
            "id_token_signed_response_alg": "RS256",
            "userinfo_signed_response_alg": "PS256",
        },
        {
            "client_id": "edwards",
            "id_token_signed_response_alg": "EdDSA",
            "eid_verified_claims": True,
        },
        {"client_id": "poster", "token_endpoint_auth_method": "client_secret_post"},
        {"client_id": "narrow", "scope": "openid profile"},
        {"client_id": "strict", "eid_min_auth_level": 1},
        {"client_id": "foreign", "eid_legal_entity": "Another Ltd"},
        {
            "client_id": "partner",
            "eid_legal_entity": "Partner Ltd",
            "eid_legal_basis": "contract 7",
        },
    )
    clients = [client_from_metadata(base | row, legal_entity="Example Ltd") for row in rows]
    secretless = {name: value for name, value in base.items() if name != "client_secret"}
    jwks: dict[str, JSON] = {"keys": [CLIENT_KEY.public_jwk()]}
    keyed: dict[str, JSON] = {"token_endpoint_auth_method": "private_key_jwt", "jwks": jwks}
    more: tuple[dict[str, JSON], ...] = (
        {"client_id": "app", "token_endpoint_auth_method": "none"},
        {"client_id": "pocket", "token_endpoint_auth_method": "none", "grant_types": REFRESHES},
        {"client_id": "keyed", **keyed, "grant_types": REFRESHES},
        {"client_id": "fapi", **keyed, "eid_profile": "fapi2", "grant_types": REFRESHES},
        {"client_id": "fapi-other", **keyed, "eid_profile": "fapi2"},
        {"client_id": "signer", **keyed, "require_signed_request_object": True},
    )
    clients += [client_from_metadata(secretless | row, legal_entity="Example Ltd") for row in more]
    return tuple(clients)


@pytest.fixture(scope="session")
def provider_keys() -> ProviderKeys:
    return ProviderKeys.generate()


@pytest.fixture(scope="session")
def trust(authority: DocumentAuthority) -> TrustStore:
    return TrustStore.of(csca=[authority.csca_der], crl=[authority.crl(at=NOW)])


@pytest.fixture(scope="session")
def clients() -> RegisteredClients:
    return RegisteredClients.of(registered())


@dataclass
class Stores:
    grants: Grants
    accounts: MemoryAccounts | StoreAccounts
    events: Callable[[], list[str]]


def _sqlite(folder: Path) -> tuple[Database, Stores]:
    database = Database.open(f"sqlite:///{folder / 'eid.db'}", insecure_fast_commit=True)
    database.migrate()
    audit = Audit(database, node="test", key=SigningKey.generate("audit"))
    keys = AccountKeys(lookup=b"l" * 32, pairwise=b"p" * 32, envelope=b"e" * 32)
    grants = StoredGrants(database, audit, Envelope(b"g" * 32))
    accounts = StoreAccounts(database, audit, grants, keys, insecure_fast_hash=True)

    def events() -> list[str]:
        with database.read() as connection:
            rows = connection.exec_driver_sql("SELECT kind FROM audit_rows ORDER BY seq")
            return [str(row[0]) for row in rows]

    return database, Stores(grants=grants, accounts=accounts, events=events)


@pytest.fixture
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stores]:
    if getattr(request, "param", "memory") == "sqlite":
        database, stores = _sqlite(tmp_path)
        yield stores
        database.close()
        return
    memory = MemoryGrants()
    yield Stores(
        grants=memory,
        accounts=MemoryAccounts(memory),
        events=lambda: [event.kind for event in memory.events],
    )


def judge_with(trust: TrustStore) -> JudgeEvidence:
    def judge(
        evidence: Evidence, challenge: bytes, at: datetime, expect_number: str | None
    ) -> VerifiedCard:
        return verify(
            evidence, trust, policy=LOGIN, at=at, challenge=challenge, expect_number=expect_number
        )

    return judge


@pytest.fixture
def world(
    store: Stores,
    provider_keys: ProviderKeys,
    clients: RegisteredClients,
    trust: TrustStore,
    evidence_of: Callable[..., Evidence],
) -> World:
    time = [NOW]
    judge = judge_with(trust)
    return make_world(store, provider_keys, clients, judge, evidence_of, time)


def make_world(
    store: Stores,
    provider_keys: ProviderKeys,
    clients: RegisteredClients,
    judge: JudgeEvidence,
    evidence_of: Callable[..., Evidence],
    time: list[datetime],
    *,
    own: OwnPages | None = None,
) -> World:
    people = {
        name: Account(
            id=f"account-{name}",
            username=name,
            created_at=NOW,
            state="active",
            level=2,
            holder_match="officer",
            source="chip_local",
            profile=profile_of(PEOPLE[name]),
        )
        for name in ("thu", "mau")
    }
    for account in people.values():
        store.accounts.create(account, password=PASSWORD)
    provider = Provider(
        settings=ProviderSettings(
            issuer=ISSUER,
            agent_url="http://127.0.0.1:8350",
            legal_entity="Example Ltd",
            role="own_services",
        ),
        keys=provider_keys,
        grants=store.grants,
        accounts=store.accounts,
        clients=clients,
        judge_evidence=judge,
        rules=Rules.load(),
        clock=lambda: time[0],
        own=own,
    )
    return World(
        provider=provider,
        client=testing.TestClient(create_app(provider)),
        accounts=store.accounts,
        events=store.events,
        people=people,
        evidence=evidence_of,
        time=time,
    )


@pytest.fixture
def browser(world: World) -> Browser:
    return world.browser()


@dataclass(kw_only=True)
class Home(World):
    """The whole provider over one real store, with the person's own pages."""

    store: Store
    outbox: Path
    desk: RecoveryDesk

    @property
    def thu(self) -> str:
        """Whose account it is mostly about."""
        return self.people["thu"].id

    def totp(self, who: str = "thu") -> str:
        """A confirmed app; its secret."""
        account_id = self.people[who].id
        _, secret = self.store.factors.enrol_totp(account_id, at=self.now)
        code = totp_code(secret, self.now - timedelta(seconds=30))
        self.store.factors.check_totp(account_id, code, address="192.0.2.1", at=self.now)
        return secret

    def channel(self, who: str = "thu", address: str = "thu@mail.example") -> str:
        """A confirmed e-mail address; its id."""
        account_id = self.people[who].id
        channel = Channel(kind="email", address=address)
        channel_id = self.store.factors.enrol_channel(account_id, channel, at=self.now)
        sender = FileSender(path=self.outbox)
        self.store.factors.send_code(
            account_id, channel_id, sender, service="Example Ltd", at=self.now
        )
        self.store.factors.check_code(
            account_id, self.sent()[-1], address="192.0.2.1", at=self.now
        )
        return channel_id

    def sent(self) -> list[str]:
        """The codes that were sent, oldest first."""
        if not self.outbox.exists():
            return []
        return re.findall(r"your code is ([0-9]{8})", self.outbox.read_text())

    def passkey(self, who: str = "thu", **made: bool) -> Authenticator:
        """An enrolled passkey."""
        device = Authenticator(**made)
        party = PasskeyParty(rp_id="id.example", name="Example Ltd", origin=ISSUER)
        handle, options = self.store.factors.begin_passkey(
            self.people[who].id, party, username=who, enrol=True, at=self.now
        )
        self.store.factors.enrol_passkey(
            handle, party, device.create(options, ISSUER), at=self.now
        )
        return device

    def show_passkey(self, browser: Browser, here: str, device: Authenticator) -> Answer:
        """Open the passkey's page and answer it."""
        page = browser.get(f"{here}/passkey")
        assert page.status == 200, page.text
        found = re.search(r'data-options="([^"]*)"', page.text)
        assert found
        options = parse_json_object(html.unescape(found[1]).encode())
        form = {
            "csrf": page.field("csrf"),
            "handle": page.field("handle"),
            "response": json.dumps(device.get(options, ISSUER)),
        }
        return browser.post(f"{here}/passkey", form)

    def show_totp(self, browser: Browser, here: str, secret: str) -> Answer:
        """Open the app code's page and answer it."""
        csrf = browser.get(f"{here}/totp").field("csrf")
        return browser.post(f"{here}/totp", {"csrf": csrf, "code": totp_code(secret, self.now)})


@contextmanager
def open_home(
    url: str,
    folder: Path,
    provider_keys: ProviderKeys,
    clients: RegisteredClients,
    judge: JudgeEvidence,
    evidence_of: Callable[..., Evidence],
) -> Iterator[Home]:
    """The provider over the store at ``url``; what is sent lands in ``folder``."""
    store = open_store(url, folder, insecure_fast_hash=True, insecure_fast_commit=True)
    outbox = folder / "outbox"
    own = replace(
        own_pages(store, PeopleSettings(letters_outbox=folder / "letters")),
        senders={
            "email": FileSender(path=outbox),
            "letter": FileSender(path=outbox),
        },
    )

    def events() -> list[str]:
        with store.database.read() as connection:
            rows = connection.exec_driver_sql("SELECT kind FROM audit_rows ORDER BY seq")
            return [str(row[0]) for row in rows]

    stores = Stores(grants=store.grants, accounts=store.accounts, events=events)  # type: ignore[arg-type]
    world = make_world(stores, provider_keys, clients, judge, evidence_of, [NOW], own=own)
    values = {name.name: getattr(world, name.name) for name in fields(world)}
    yield Home(**values, store=store, outbox=outbox, desk=recovery_desk(store))
    store.close()


@pytest.fixture
def home(
    tmp_path: Path,
    provider_keys: ProviderKeys,
    clients: RegisteredClients,
    trust: TrustStore,
    evidence_of: Callable[..., Evidence],
) -> Iterator[Home]:
    url = f"sqlite:///{tmp_path / 'eid.db'}"
    judge = judge_with(trust)
    with open_home(url, tmp_path, provider_keys, clients, judge, evidence_of) as made:
        yield made
