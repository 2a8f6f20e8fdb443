// Live reader state and progress; without this script the pages refresh by themselves.
"use strict";
(() => {
  const main = document.querySelector("main");
  const bar = document.querySelector("progress");
  const form = document.getElementById("agree");
  const state = document.getElementById("reader-state");
  const source = new EventSource("/events");
  source.addEventListener("live", (event) => {
    const live = JSON.parse(event.data);
    if (main.dataset.screen && live.screen !== main.dataset.screen) {
      source.close();
      location.replace("/");
      return;
    }
    if (state) {
      const word = state.dataset[live.reader];
      if (word && state.textContent !== word) state.textContent = word;
    }
    if (bar && live.total) {
      bar.max = live.total;
      bar.value = live.done;
    }
  });
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED || !main.dataset.screen) return;
    setTimeout(() => location.replace("/"), 5000);
  });
  addEventListener("pagehide", () => source.close());
  let told = 0;
  const stay = () => {
    if (!main.dataset.screen || Date.now() - told < 5000) return;
    told = Date.now();
    fetch("/stay", { method: "POST" }).catch(() => {});
  };
  for (const kind of ["input", "keydown", "pointerdown"]) addEventListener(kind, stay);
  if (form && bar) {
    form.addEventListener("submit", () => {
      bar.closest("[hidden]")?.removeAttribute("hidden");
    });
  }
})();
