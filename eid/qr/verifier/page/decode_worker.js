/** Find QR codes in pictures, off the page's own thread (zxing-cpp as WebAssembly). */

import { prepareZXingModule, readBarcodes } from "./vendor/zxing-wasm/es/reader/index.js";

const WASM = new URL("./vendor/zxing-wasm/reader/zxing_reader.wasm", import.meta.url).href;
const MAX_PIXELS = 40_000_000;
const FRAME_WIDTH = 1280;
const STILL_SIDE = 3000;
const OPTIONS = {
  formats: ["QRCodeModel2"],
  tryHarder: true,
  tryRotate: true,
  tryInvert: true,
  tryDownscale: true,
  maxNumberOfSymbols: 4,
};

const ready = prepareZXingModule({
  overrides: { locateFile: () => WASM },
  fireImmediately: true,
});
ready.then(
  () => postMessage({ ready: true }),
  () => postMessage({ ready: false }),
);

self.onmessage = async ({ data: { id, picture, still } }) => {
  try {
    postMessage({ id, texts: await texts(picture, still) });
  } catch {
    postMessage({ id, texts: [], failed: true });
  } finally {
    picture.close();
  }
};

async function texts(picture, still) {
  if (picture.width * picture.height > MAX_PIXELS) return [];
  for (const attempt of still ? STILL : FRAME) {
    const found = await readBarcodes(attempt(picture), OPTIONS);
    const read = found.filter((code) => code.isValid).map((code) => decodeText(code.bytes));
    const good = read.filter((text) => text !== null);
    if (good.length) return good;
  }
  return [];
}

/** The decoder's bytes are the truth, not its guess of a character set. */
function decodeText(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

const scaled = (factor, border = 0) => (picture) => {
  const limit = Math.min(1, STILL_SIDE / Math.max(picture.width, picture.height)) * factor;
  return pixels(picture, limit, border);
};

const FRAME = [(picture) => pixels(picture, Math.min(1, FRAME_WIDTH / picture.width), 0)];
const STILL = [scaled(1), scaled(1, 0.1), scaled(0.5), scaled(2, 0.05)];

/** The picture scaled, with a light border where the quiet zone may be missing. */
function pixels(picture, factor, border) {
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * factor)));
  const edge = Math.round(Math.max(width, height) * border);
  const canvas = new OffscreenCanvas(width + 2 * edge, height + 2 * edge);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, edge, edge, width, height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
