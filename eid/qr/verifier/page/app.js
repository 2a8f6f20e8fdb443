/** The verifier page: what the buttons do, in which order. */

import { Camera, Decoder } from "./camera.js";
import { CHALLENGE_SIZE } from "./core/presence.js";
import { Knowledge } from "./knowledge.js";
import { Store } from "./store.js";
import { judge, kindOf } from "./judge.js";
import { LANGUAGES, words } from "./texts.js";
import { $, showKnowledge, showQuestion, showVerdict, translate } from "./screen.js";

const REFRESH_MS = 15 * 60_000;
const SCREENS = ["start", "camera", "question", "verdict"];
const SCRIPTS = ["decode_worker.js", "sw.js"];

const scripts = window.trustedTypes?.createPolicy("eid", { createScriptURL: scriptAddress }) ?? {
  createScriptURL: scriptAddress,
};
const nowSeconds = () => Date.now() / 1000;

const state = {
  language: LANGUAGES[0],
  asked: null, // {audience, challenge, place, purpose} of the question on the screen
  holder: null, // {issuer, subject} that the answer must belong to
  verdict: null,
  notice: null,
  refreshing: null,
};
const worker = new Worker(scripts.createScriptURL("decode_worker.js"), { type: "module" });
const decoder = new Decoder(worker);
const camera = new Camera($("video"), decoder);
const store = await Store.open().catch(() => null);
const knowledge = new Knowledge(store ?? forgetful());

function scriptAddress(path) {
  if (!SCRIPTS.includes(path)) throw new TypeError("an unknown script");
  return new URL(path, document.baseURI).href;
}

/** Where the browser keeps nothing, lists live as long as the page; presence codes need more. */
function forgetful() {
  const kept = new Map();
  return { get: async (key) => kept.get(key), put: async (key, value) => void kept.set(key, value) };
}

function show(name) {
  if (name !== "camera") camera.stop();
  for (const id of SCREENS) $(id).hidden = id !== name;
  $("file-choice").hidden = name === "verdict";
  $(`${name}-heading`)?.focus();
}

function say(key) {
  state.notice = key;
  $("notice").textContent = key ? words(key, state.language) : "";
}

const scan = () => openCamera(() => camera.start(judgeTexts, loseCamera));
const scanElsewhere = () => openCamera(() => camera.startOther(judgeTexts, loseCamera));

async function openCamera(start) {
  show("camera");
  say("camera_starting");
  $("other-camera").hidden = true;
  try {
    await start();
    say(null);
    $("other-camera").hidden = !camera.several;
  } catch (error) {
    const refused = error instanceof DOMException || !navigator.mediaDevices;
    leaveCamera(refused ? "camera_refused" : "decoder_failed");
  }
}

const loseCamera = () => leaveCamera("camera_refused");

function leaveCamera(notice = null) {
  leaveTo(state.asked ? "question" : "start", notice);
}

function leaveTo(name, notice = null) {
  show(name);
  say(notice);
}

async function scanFile() {
  const [file] = $("file").files;
  $("file").value = "";
  if (!file) return;
  say("file_reading");
  try {
    const texts = await decoder.readFile(file);
    if (texts?.length) await judgeTexts(texts);
    else say(texts === null ? "file_unreadable" : "file_no_code");
  } catch {
    say("decoder_failed");
  }
}

/** Judge the first code that we know; with none of them, say why the first is not one. */
async function judgeTexts(texts) {
  const text = texts.find((one) => !kindOf(one).startsWith("page.")) ?? texts[0];
  const { asked, holder } = state;
  const at = nowSeconds();
  const verdict = await judge(text, knowledge, { at, asked, seen: store, holder });
  verdict.ofHolder = Boolean(verdict.presence && holder);
  if (verdict.presence) state.asked = null;
  if (verdict.kind === "credential") state.asked = state.holder = null; // another person's turn
  state.verdict = verdict;
  say(null);
  renderVerdict();
  show("verdict");
}

function renderVerdict() {
  showVerdict(state.verdict, state.language);
  const { credential } = state.verdict;
  $("ask-holder").hidden = !(knowledge.config?.audience && credential?.subject instanceof Uint8Array);
}

function ask() {
  const challenge = crypto.getRandomValues(new Uint8Array(CHALLENGE_SIZE));
  const { audience, place, purpose } = knowledge.config;
  state.asked = { audience, challenge, place, purpose };
  showQuestion(state.asked);
  leaveTo("question");
}

function askHolder() {
  const { issuer, subject } = state.verdict.credential;
  state.holder = { issuer, subject };
  ask();
}

function next() {
  const again = state.asked !== null;
  state.verdict = null;
  if (!again) state.holder = null;
  $("verdict-details").replaceChildren();
  leaveTo(again ? "question" : "start");
  (again ? $("scan-answer") : $("scan")).focus();
}

function cancelQuestion() {
  state.asked = null;
  state.holder = null;
  leaveTo("start");
  $("scan").focus();
}

async function refresh({ announce = false } = {}) {
  state.refreshing ??= knowledge.refresh(nowSeconds()).catch(() => false);
  const complete = await state.refreshing;
  state.refreshing = null;
  if (announce) say(complete ? "updated" : "not_updated");
  renderKnowledge();
}

function renderKnowledge() {
  showKnowledge(knowledge, state.language);
  $("ask").hidden = !knowledge.config?.audience;
}

function speak(language) {
  state.language = language;
  translate(language);
  say(state.notice);
  if (state.verdict) renderVerdict();
  renderKnowledge();
}

const HANDLERS = {
  scan,
  "scan-answer": scan,
  stop: () => leaveCamera(),
  "other-camera": scanElsewhere,
  ask,
  "ask-holder": askHolder,
  "cancel-question": cancelQuestion,
  next,
  refresh: () => refresh({ announce: true }),
  language: () => speak(LANGUAGES.find((other) => other !== state.language)),
};
for (const [id, handler] of Object.entries(HANDLERS)) $(id).addEventListener("click", handler);
$("file").addEventListener("change", scanFile);
document.addEventListener("visibilitychange", () => {
  if (document.hidden && !$("camera").hidden) leaveCamera();
});
window.addEventListener("online", () => refresh());

translate(state.language);
await knowledge.restore(nowSeconds()).catch(() => {});
renderKnowledge();
await refresh();
setInterval(() => refresh(), REFRESH_MS);
document.documentElement.dataset.ready = "true";
if (navigator.serviceWorker) {
  navigator.serviceWorker
    .register(scripts.createScriptURL("sw.js"))
    .then(() => navigator.serviceWorker.ready)
    .then(() => say(state.notice ?? "offline_ready"))
    .catch(() => {});
}
