/** Pictures from a camera or a file, and the texts of the codes in them. */

const PAUSE_MS = 80; // between frames: a phone stays cool, a clerk notices nothing
const MAX_FILE = 20 << 20;
const MAX_PIXELS = 40_000_000;

export class Decoder {
  #worker;
  #waiting = new Map();
  #next = 0;

  constructor(worker) {
    this.#worker = worker;
    this.ready = new Promise((resolve, reject) => {
      worker.addEventListener("error", () => reject(new Error("the decoder does not load")));
      worker.addEventListener("message", ({ data }) => {
        if (data.ready === true) resolve();
        else if (data.ready === false) reject(new Error("the decoder does not start"));
        else this.#answer(data);
      });
    });
    this.ready.catch(() => {}); // whoever scans awaits it
  }

  /** Texts of the codes in an ImageBitmap, which is used up; `still` tries harder. */
  async read(picture, { still = false } = {}) {
    await this.ready;
    const id = this.#next;
    this.#next += 1;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#worker.postMessage({ id, picture, still }, [picture]);
    });
  }

  /** Texts of the codes in a picture file; null when it is no picture or too large. */
  async readFile(file) {
    if (file.size > MAX_FILE) return null;
    let picture;
    try {
      picture = await createImageBitmap(file);
    } catch {
      return null;
    }
    if (picture.width * picture.height > MAX_PIXELS) {
      picture.close();
      return null;
    }
    return this.read(picture, { still: true });
  }

  #answer({ id, texts }) {
    this.#waiting.get(id)?.(texts);
    this.#waiting.delete(id);
  }
}

export class Camera {
  #stream = null;
  #round = 0;
  #devices = [];
  #chosen = 0;

  constructor(video, decoder) {
    this.video = video;
    this.decoder = decoder;
  }

  get several() {
    return this.#devices.length > 1;
  }

  /** Show the camera; `found` gets the texts of the first frame that has any, else `lost` is called. */
  async start(found, lost) {
    this.stop();
    const round = this.#round;
    const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
    const device = this.#devices[this.#chosen];
    const which = device ? { deviceId: { exact: device.deviceId } } : { facingMode: { ideal: "environment" } };
    const stream = await navigator.mediaDevices.getUserMedia({ video: { ...size, ...which }, audio: false });
    if (round !== this.#round) {
      release(stream);
      return;
    }
    this.#stream = stream;
    this.video.srcObject = stream;
    await this.video.play();
    const every = await navigator.mediaDevices.enumerateDevices();
    this.#devices = every.filter(({ kind }) => kind === "videoinput");
    await this.decoder.ready;
    for (const track of stream.getTracks()) track.addEventListener("ended", lost);
    this.#watch(found, round).catch(lost);
  }

  async startOther(found, lost) {
    this.#chosen = (this.#chosen + 1) % Math.max(1, this.#devices.length);
    await this.start(found, lost);
  }

  stop() {
    this.#round += 1;
    if (this.#stream) release(this.#stream);
    this.#stream = null;
    this.video.srcObject = null;
  }

  async #watch(found, round) {
    while (round === this.#round) {
      if (this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) {
        const texts = await this.decoder.read(await createImageBitmap(this.video));
        if (round !== this.#round) return;
        if (texts.length) {
          found(texts);
          return;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

function release(stream) {
  for (const track of stream.getTracks()) track.stop();
}
