/** Draw short alphanumeric QR codes, level M, versions 1 to 11 (ISO/IEC 18004 §7). */

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

// Version: error correction bytes per block, then [blocks, data bytes each] (Table 9, level M).
const BLOCKS = [
  null, [10, [1, 16]], [16, [1, 28]], [26, [1, 44]], [18, [2, 32]], [24, [2, 43]], [16, [4, 27]],
  [18, [4, 31]], [22, [2, 38], [2, 39]], [22, [3, 36], [2, 37]], [26, [4, 43], [1, 44]],
  [30, [1, 50], [4, 51]],
];
const ALIGNMENT = [
  null, [], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46],
  [6, 28, 50], [6, 30, 54],
];
const MASKS = [
  (row, column) => (row + column) % 2 === 0,
  (row) => row % 2 === 0,
  (row, column) => column % 3 === 0,
  (row, column) => (row + column) % 3 === 0,
  (row, column) => (Math.floor(row / 2) + Math.floor(column / 3)) % 2 === 0,
  (row, column) => ((row * column) % 2) + ((row * column) % 3) === 0,
  (row, column) => (((row * column) % 2) + ((row * column) % 3)) % 2 === 0,
  (row, column) => (((row + column) % 2) + ((row * column) % 3)) % 2 === 0,
];
const LEVEL_M = 0;

const EXP = new Uint8Array(512);
const LOG = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power += 1) {
  EXP[power] = EXP[power + 255] = value;
  LOG[value] = power;
  value = value < 128 ? value << 1 : (value << 1) ^ 0x11d;
}

/** Rows of booleans, true is dark, without the quiet zone of four modules. */
export function matrix(text) {
  const version = BLOCKS.findIndex((blocks, at) => blocks && bitsOf(text, at) <= capacity(blocks) * 8);
  if (version < 0) throw new RangeError("too long for version 11");
  const bits = interleave(fill(text, version), BLOCKS[version]);
  const drawn = MASKS.map((mask, number) => draw(version, bits, mask, number));
  return drawn.reduce((best, next) => (penalty(next) < penalty(best) ? next : best));
}

const countBits = (version) => (version < 10 ? 9 : 11);
const capacity = ([, ...groups]) => groups.reduce((sum, [count, size]) => sum + count * size, 0);
const bitsOf = (text, version) =>
  4 + countBits(version) + 11 * Math.floor(text.length / 2) + 6 * (text.length % 2);

function fill(text, version) {
  const size = capacity(BLOCKS[version]);
  let bits = "0010" + binary(text.length, countBits(version));
  for (let at = 0; at < text.length; at += 2) {
    const digits = Array.from(text.slice(at, at + 2), (character) => ALPHABET.indexOf(character));
    if (digits.includes(-1)) throw new RangeError("not alphanumeric");
    bits += digits.length === 2 ? binary(digits[0] * 45 + digits[1], 11) : binary(digits[0], 6);
  }
  bits += "0".repeat(Math.min(4, size * 8 - bits.length));
  bits += "0".repeat((8 - (bits.length % 8)) % 8);
  const bytes = Array.from(bits.match(/.{8}/g), (octet) => Number.parseInt(octet, 2));
  for (let pad = 0; bytes.length < size; pad += 1) bytes.push(pad % 2 ? 0x11 : 0xec);
  return bytes;
}

const binary = (value, width) => value.toString(2).padStart(width, "0");

function interleave(bytes, [correction, ...groups]) {
  const blocks = [];
  let at = 0;
  for (const [count, size] of groups) {
    for (let done = 0; done < count; done += 1, at += size) blocks.push(bytes.slice(at, at + size));
  }
  const checks = blocks.map((block) => remainder(block, correction));
  return [...columns(blocks), ...columns(checks)].map((octet) => binary(octet, 8)).join("");
}

function columns(blocks) {
  const longest = Math.max(...blocks.map((block) => block.length));
  const order = Array.from({ length: longest }, (_, at) => blocks.map((block) => block[at]));
  return order.flat().filter((octet) => octet !== undefined);
}

/** Reed-Solomon check bytes over GF(256), polynomial 0x11D. */
function remainder(block, degree) {
  let divisor = [1];
  for (let root = 0; root < degree; root += 1) {
    divisor = [...divisor, 0].map((value, at) => value ^ multiply(divisor[at - 1] ?? 0, EXP[root]));
  }
  const rest = [...block, ...new Array(degree).fill(0)];
  for (let at = 0; at < block.length; at += 1) {
    const factor = rest[at];
    divisor.forEach((value, place) => {
      rest[at + place] ^= multiply(value, factor);
    });
  }
  return rest.slice(block.length);
}

const multiply = (a, b) => (a && b ? EXP[LOG[a] + LOG[b]] : 0);

function draw(version, bits, mask, number) {
  const size = version * 4 + 17;
  const rows = Array.from({ length: size }, () => new Array(size).fill(null));
  drawPatterns(rows, version);
  drawFormat(rows, number);
  if (version >= 7) drawVersion(rows, version);
  let next = 0;
  for (const [row, column] of dataPlaces(size)) {
    if (rows[row][column] === null) {
      rows[row][column] = (bits[next] === "1") !== mask(row, column);
      next += 1;
    }
  }
  return rows;
}

function drawPatterns(rows, version) {
  const size = rows.length;
  for (const [top, left] of [[0, 0], [0, size - 7], [size - 7, 0]]) {
    square(rows, top + 3, left + 3, 4, (distance) => distance !== 2 && distance !== 4);
  }
  const centres = ALIGNMENT[version];
  const corners = new Set(["0,0", `0,${centres.length - 1}`, `${centres.length - 1},0`]);
  centres.forEach((row, i) => {
    centres.forEach((column, j) => {
      if (!corners.has(`${i},${j}`)) square(rows, row, column, 2, (distance) => distance !== 1);
    });
  });
  for (let at = 8; at < size - 8; at += 1) {
    rows[6][at] = rows[at][6] = at % 2 === 0;
  }
  rows[size - 8][8] = true;
}

function square(rows, centreRow, centreColumn, reach, dark) {
  for (let down = -reach; down <= reach; down += 1) {
    for (let across = -reach; across <= reach; across += 1) {
      const [row, column] = [centreRow + down, centreColumn + across];
      if (rows[row]?.[column] === undefined) continue;
      rows[row][column] = dark(Math.max(Math.abs(down), Math.abs(across)));
    }
  }
}

function drawFormat(rows, mask) {
  const size = rows.length;
  const data = (LEVEL_M << 3) | mask;
  const code = ((data << 10) | checkBits(data, 10, 0x537)) ^ 0x5412;
  const bit = (at) => ((code >> at) & 1) === 1;
  for (let at = 0; at < 15; at += 1) {
    const near = at < 6 ? at : at < 8 ? at + 1 : size - 15 + at;
    const far = at < 8 ? size - 1 - at : at < 9 ? 7 : 14 - at;
    rows[near][8] = bit(at);
    rows[8][far] = bit(at);
  }
}

function drawVersion(rows, version) {
  const code = (version << 12) | checkBits(version, 12, 0x1f25);
  for (let at = 0; at < 18; at += 1) {
    const [long, short] = [Math.floor(at / 3), rows.length - 11 + (at % 3)];
    rows[long][short] = rows[short][long] = ((code >> at) & 1) === 1;
  }
}

function checkBits(data, width, generator) {
  let rest = data << width;
  for (let at = 31 - Math.clz32(rest); at >= width; at -= 1) {
    if ((rest >> at) & 1) rest ^= generator << (at - width);
  }
  return rest;
}

function* dataPlaces(size) {
  let upward = true;
  for (let right = size - 1; right > 0; right -= 2) {
    if (right === 6) right -= 1; // the timing column
    for (let step = 0; step < size; step += 1) {
      const row = upward ? size - 1 - step : step;
      yield [row, right];
      yield [row, right - 1];
    }
    upward = !upward;
  }
}

/** Runs, blocks of four and the share of dark modules (§7.8.3, without the finder-like rule). */
function penalty(rows) {
  const turned = rows.map((_, column) => rows.map((row) => row[column]));
  let points = 0;
  for (const line of [...rows, ...turned]) {
    for (const run of line.map(Number).join("").match(/0{5,}|1{5,}/g) ?? []) points += run.length - 2;
  }
  let dark = 0;
  rows.forEach((row, at) => {
    row.forEach((value, column) => {
      dark += value;
      const below = rows[at + 1];
      const block = below && [row[column + 1], below[column], below[column + 1]];
      if (block?.every((other) => other === value)) points += 3;
    });
  });
  return points + 10 * Math.floor(Math.abs((dark * 20) / rows.length ** 2 - 10));
}
