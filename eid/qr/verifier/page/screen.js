/** Verdicts and lists as elements. Text reaches the page as text nodes only, each isolated. */

import { FIELD_ORDER, LANGUAGES, fieldName, reason, sexName, words } from "./texts.js";
import { matrix } from "./core/qr_writer.js";
import { question } from "./core/presence.js";
import { toHex } from "./core/bytes.js";
import { visible } from "./core/fields.js";

const QUIET_ZONE = 4;
const SVG = "http://www.w3.org/2000/svg";
const PICTURES = [
  ["image/webp", /^52494646.{8}57454250/],
  ["image/jpeg", /^ffd8ff/],
  ["image/avif", /^.{8}66747970617669/],
  ["image/png", /^89504e470d0a1a0a/],
];
const MARKS = { green: "✓", amber: "!", red: "✕" };

export const $ = (id) => document.getElementById(id);

export function element(name, { text, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  if (text !== undefined) made.append(text);
  made.append(...children);
  return made;
}

/** All fixed words of the page in that language. */
export function translate(language) {
  document.documentElement.lang = language;
  for (const place of document.querySelectorAll("[data-text]")) {
    place.textContent = words(place.dataset.text, language);
  }
  $("language").lang = LANGUAGES.find((other) => other !== language);
  $("question-code").setAttribute("aria-label", words("question_picture", language));
}

export function showVerdict(verdict, language) {
  const { level, code } = verdict;
  $("verdict").className = level;
  $("verdict").dataset.code = code;
  const [first, second] = [language, LANGUAGES.find((other) => other !== language)];
  $("verdict-heading").replaceChildren(
    element("span", { ariaHidden: "true", text: MARKS[level] }),
    element("span", { lang: first, text: words(level, first) }),
    element("span", { lang: second, className: "second", text: words(level, second) }),
  );
  $("verdict-reason").replaceChildren(
    element("span", { lang: first, text: reason(code, first) }),
    element("br"),
    element("span", { lang: second, text: reason(code, second) }),
  );
  $("verdict-details").replaceChildren(...details(verdict, language));
}

function details(verdict, language) {
  const { credential, presence, level, code, at } = verdict;
  const parts = [];
  if (credential) parts.push(note("bearer", language), ...portrait(credential, language));
  if (presence) parts.push(note("present", language));
  if (verdict.ofHolder) parts.push(note("present_holder", language));
  const rows = credential ? identityRows(credential, language) : [];
  if (credential) rows.push(...credentialRows(verdict, language));
  if (presence) rows.push(...presenceRows(presence, language));
  if (verdict.trust === "stale_accepted") {
    rows.push([words("trust", language), words("trust_stale", language)]);
  }
  rows.push([words("checked_at", language), moment(at, language)]);
  if (level === "red") rows.push([words("reason", language), code]);
  return [...parts, list(rows)];
}

const note = (key, language) => element("p", { className: "note", text: words(key, language) });

function list(rows) {
  const pairs = rows.flatMap(([name, value]) => [
    element("dt", { text: name }),
    element("dd", {}, element("bdi", { text: value })),
  ]);
  return element("dl", {}, ...pairs);
}

function identityRows({ identity }, language) {
  const shown = FIELD_ORDER.filter((name) => name in identity);
  return shown.map((name) => {
    const value = identity[name];
    const text = name === "sex" ? sexName(value, language) : localDate(name, value);
    return [fieldName(name, language), visible(String(text))];
  });
}

const localDate = (name, value) =>
  name.endsWith("_date") ? value.split("-").reverse().join("/") : value;

function credentialRows({ credential, status }, language) {
  const { issuer, issuedAt, expiresAt, findings, unknown } = credential;
  const rows = [[words("issuer", language), visible(issuer)]];
  if (issuedAt !== null) rows.push([words("issued_at", language), moment(issuedAt, language)]);
  if (expiresAt !== null) rows.push([words("expires_at", language), moment(expiresAt, language)]);
  rows.push([words("status", language), statusText(status, language)]);
  if (findings.length) {
    const codes = findings.map(({ code, key }) => (key === null ? code : `${code} (${key})`));
    rows.push([words("findings", language), codes.join(", ")]);
  }
  if (unknown.size) {
    const keys = [...unknown.keys()].map((key) => visible(String(key)).slice(0, 40));
    rows.push([words("unknown", language), keys.slice(0, 20).join(", ")]);
  }
  return rows;
}

function statusText(status, language) {
  if (status === null) return words("status_none", language);
  const key = status.freshness === "fresh" ? "status_fresh" : "status_stale";
  return `${words(key, language)} ${moment(status.asOf, language)}`;
}

function presenceRows({ issuer, subject, expiresAt, chip }, language) {
  return [
    [words("issuer", language), visible(issuer)],
    [words("subject", language), toHex(subject)],
    [words("expires_at", language), moment(expiresAt, language)],
    [words("chip", language), words(chip === null ? "chip_no" : "chip_yes", language)],
  ];
}

/** The signed portrait, where the browser knows its format. */
function portrait({ portrait: bytes }, language) {
  if (bytes === null) return [];
  const start = toHex(bytes.subarray(0, 16));
  const known = PICTURES.find(([, form]) => form.test(start));
  if (!known) return [note("portrait_unshown", language)];
  const url = URL.createObjectURL(new Blob([bytes], { type: known[0] }));
  const picture = element("img", { alt: words("portrait", language), src: url });
  const release = () => URL.revokeObjectURL(url);
  picture.addEventListener("load", release);
  picture.addEventListener("error", () => {
    release();
    picture.replaceWith(note("portrait_unshown", language));
  });
  return [picture];
}

export function showQuestion(asked) {
  const rows = matrix(question(asked));
  const side = rows.length + 2 * QUIET_ZONE;
  const dark = rows.flatMap((row, y) =>
    row.flatMap((value, x) => (value ? [`M${x + QUIET_ZONE} ${y + QUIET_ZONE}h1v1h-1z`] : [])),
  );
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", dark.join(""));
  $("question-code").setAttribute("viewBox", `0 0 ${side} ${side}`);
  $("question-code").replaceChildren(path);
  $("question-audience").textContent = visible(asked.audience);
  for (const kind of ["place", "purpose"]) {
    $(`question-${kind}`).textContent = visible(asked[kind]);
    $(`question-${kind}`).parentElement.hidden = !asked[kind];
  }
}

export function showKnowledge(knowledge, language) {
  const { config, trust, fetchedAt, statusLists, problems } = knowledge;
  if (config === null) {
    $("knowledge-list").replaceChildren(element("p", { text: words("knowledge_none", language) }));
    return;
  }
  const when = fetchedAt === null ? words("never", language) : moment(fetchedAt, language);
  const rows = [[words("fetched_at", language), when]];
  if (trust) {
    const version = `${words("version", language)} ${trust.version}, ${words("until", language)}`;
    const name = `${words("trust", language)}: ${visible(trust.publisher)}`;
    rows.push([name, `${version} ${moment(trust.expiresAt, language)}`]);
  }
  for (const { uri, freshUntil } of statusLists) {
    const until = `${words("until", language)} ${moment(freshUntil, language)}`;
    rows.push([`${words("status_list", language)}: ${visible(uri)}`, until]);
  }
  const pinned = [...new Set(config.issuers.map(({ issuer }) => visible(issuer)))];
  if (pinned.length) rows.push([words("pinned", language), pinned.join(", ")]);
  rows.push([words("stale_for", language), String(Math.round(config.policy.maxStaleS / 360) / 10)]);
  const said = problems.map((code) => element("p", { text: `${reason(code, language)} (${code})` }));
  $("knowledge-list").replaceChildren(list(rows), ...said);
}

function moment(seconds, language) {
  const two = "2-digit";
  const style = { day: two, month: two, year: "numeric", hour: two, minute: two, second: two };
  return new Intl.DateTimeFormat(language === "vi" ? "vi-VN" : "en-GB", style).format(seconds * 1000);
}
