// Reads the constants that `packing.py` wrote, which describes their layout.
"use strict";

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

// The float32 value of each of the 65536 float16 numbers.
function halves() {
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 0) table[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) table[bits] = fraction ? NaN : sign * Infinity;
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return table;
}

// Replaces the descriptions in `program.constants` by tensors.
function unpack(program, bytes) {
  const table = halves();
  const constants = Object.create(null);
  for (const [name, { shape, type, at }] of program.constants) {
    const count = sizeOf(shape);
    let data;
    if (type === "float16") {
      const bits = new Uint16Array(bytes.buffer, at, count);
      data = new Float32Array(count);
      for (let i = 0; i < count; i++) data[i] = table[bits[i]];
    } else {
      const Type = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array }[type];
      data = new Type(bytes.buffer, at, count);
    }
    constants[name] = tensor(shape, data);
  }
  return { ...program, constants };
}
