"""The page for everyone: names, contrast, size, keyboard, language (WCAG 2.2, level AA)."""

import pytest

LOOK = """() => {
  const channel = (value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const colour = (text) => text.match(/[0-9.]+/g).map(Number);
  const behind = (one) => {
    for (let node = one; node; node = node.parentElement) {
      const [r, g, b, alpha = 1] = colour(getComputedStyle(node).backgroundColor);
      if (alpha === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const shown = [...document.body.querySelectorAll("*")].filter((one) => one.checkVisibility());
  const texts = shown.filter((one) =>
    [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  const contrasts = texts.map((one) => {
    const pair = [light(colour(getComputedStyle(one).color)), light(behind(one))].sort();
    const [dark, bright] = pair[0] < pair[1] ? pair : [pair[1], pair[0]];
    return { text: one.textContent.slice(0, 40), ratio: (bright + 0.05) / (dark + 0.05) };
  });
  const controls = shown
    .filter((one) => one.matches("button, summary, a, .button"))
    .map((one) => ({ name: one.textContent.trim(), height: one.offsetHeight, width: one.offsetWidth }));
  const fields = [...document.querySelectorAll("input")].map((one) => one.labels.length);
  const images = [...document.querySelectorAll("img, svg, video")].map((one) =>
    one.getAttribute("alt") || one.getAttribute("aria-label") || one.getAttribute("aria-labelledby"));
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  const levels = shown.filter((one) => /^H[1-6]$/.test(one.tagName)).map((one) => Number(one.tagName[1]));
  return {
    contrasts, controls, fields, images, levels,
    doubled: ids.filter((id, at) => ids.indexOf(id) !== at),
    lost: shown.filter((one) => one.dataset.text && !one.textContent.trim()).length,
    language: document.documentElement.lang,
    wide: document.documentElement.scrollWidth > innerWidth,
    title: document.title,
  };
}"""


def verdict(index):
    def show(desk, clinic):
        desk.show(clinic.credential(index=index, residence="Số 1\nphố Thử", name="D" * 60))

    return show


SCREENS = {
    "start": lambda desk, clinic: None,
    "question": lambda desk, clinic: desk.page.click("#ask"),
    "green": verdict(6),
    "red": verdict(7),
}


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_screen_can_be_used_by_everyone(desk, clinic, screen, language):
    page = desk.page
    page.set_viewport_size({"width": 320, "height": 640})
    if language == "en":
        page.click("#language")
    page.evaluate("document.getElementById('knowledge').open = true")
    SCREENS[screen](desk, clinic)
    seen = page.evaluate(LOOK)
    assert [one for one in seen["contrasts"] if one["ratio"] < 4.5] == []
    assert [one for one in seen["controls"] if not one["name"] or one["height"] < 44] == []
    assert all(seen["images"])
    assert all(seen["fields"])
    assert (seen["doubled"], seen["lost"], seen["wide"]) == ([], 0, False)
    assert seen["language"] == language
    assert seen["levels"][0] == 1
    assert max(seen["levels"]) == 2
    assert "QR" in seen["title"]


def test_amber_has_contrast_and_words_too(desk):
    desk.page.evaluate("""async () => {
      const { showVerdict } = await import(`${document.baseURI}screen.js`);
      const verdict = { level: "amber", code: "page.accepted_stale", at: 0, trust: "stale_accepted" };
      showVerdict({ ...verdict, credential: null, presence: null }, "vi");
      document.getElementById("verdict").hidden = false;
    }""")
    seen = desk.page.evaluate(LOOK)
    assert [one for one in seen["contrasts"] if one["ratio"] < 4.5] == []
    assert "VALID, WITH CARE" in desk.words("#verdict-heading")
    desk.page.evaluate("document.getElementById('verdict').hidden = true")


def test_the_keyboard_is_enough(desk, clinic):
    page = desk.page
    page.focus("#scan")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "ask"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "question-heading"
    assert desk.show(clinic.presence(desk.question()))[0] == "green"
    assert page.evaluate("document.activeElement.id") == "verdict-heading"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.evaluate("document.activeElement.id") == "scan"
