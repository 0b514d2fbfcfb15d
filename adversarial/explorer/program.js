// Runs a program of `adversarial/export/program.py`: a list of operations on arrays.
//
// A tensor is {shape, data}: `data` is a typed array in row-major order, whose class tells the type:
// Float32Array, Float64Array, Int32Array for whole numbers, Uint8Array for booleans. Operations have
// the names, inputs and attributes of `adversarial/export/operators.py`. `arrays.js` and
// `convolution.js` add to OPERATIONS; `players.js` calls `runProgram`.
"use strict";

const OPERATIONS = {};

function tensor(shape, data) {
  return { shape, data };
}

function sizeOf(shape) {
  return shape.reduce((product, length) => product * length, 1);
}

function stridesOf(shape) {
  const strides = new Array(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

// Runs `program` on `inputs` ({name: tensor}); returns the tensor of its first output.
function runProgram(program, inputs) {
  // Without a prototype: the names are those of layers, which may be called anything.
  const values = Object.assign(Object.create(null), program.constants, inputs);
  for (const node of program.nodes) {
    const given = node.inputs.map((name) => values[name]);
    values[node.output] = OPERATIONS[node.op](given, node.attributes);
  }
  return values[program.outputs[0].name];
}

// --- elementwise operations, with NumPy's broadcasting ---

function broadcastShape(shapes) {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result = new Array(rank).fill(1);
  for (const shape of shapes) {
    shape.forEach((length, i) => {
      const axis = rank - shape.length + i;
      if (length !== 1) {
        if (result[axis] !== 1 && result[axis] !== length) {
          throw new Error(`shapes do not fit: ${shapes.map((one) => `[${one}]`).join(", ")}`);
        }
        result[axis] = length;
      }
    });
  }
  return result;
}

// The strides with which a tensor of `shape` is read as one of `target`.
function broadcastStrides(shape, target) {
  const strides = stridesOf(shape);
  const missing = target.length - shape.length;
  return target.map((_, i) => (i < missing || shape[i - missing] === 1 ? 0 : strides[i - missing]));
}

// Calls visit(a, b, stepA, stepB, start, length) for each run along the last axis of `shape`: `start`
// counts its elements, and `a` and `b` those of two arrays with the given strides.
function eachRun(shape, stridesA, stridesB, visit) {
  const last = shape.length - 1;
  if (last < 0) {
    visit(0, 0, 0, 0, 0, 1);
    return;
  }
  const length = shape[last];
  const total = sizeOf(shape);
  const index = new Array(last).fill(0);
  let a = 0;
  let b = 0;
  for (let start = 0; start < total; start += length) {
    visit(a, b, stridesA[last], stridesB[last], start, length);
    for (let axis = last - 1; axis >= 0; axis--) {
      a += stridesA[axis];
      b += stridesB[axis];
      if (++index[axis] < shape[axis]) break;
      a -= stridesA[axis] * shape[axis];
      b -= stridesB[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

function binary(x, y, compute, Type = x.data.constructor) {
  const shape = broadcastShape([x.shape, y.shape]);
  const result = new Type(sizeOf(shape));
  const [left, right] = [x.data, y.data];
  const strides = [x, y].map((one) => broadcastStrides(one.shape, shape));
  eachRun(shape, ...strides, (a, b, stepA, stepB, start, length) => {
    for (let i = 0; i < length; i++) {
      result[start + i] = compute(left[a + i * stepA], right[b + i * stepB]);
    }
  });
  return tensor(shape, result);
}

function unary(x, compute, Type = x.data.constructor) {
  const result = new Type(x.data.length);
  for (let i = 0; i < result.length; i++) result[i] = compute(x.data[i]);
  return tensor(x.shape, result);
}

// Abramowitz and Stegun, 7.1.26: the error is below 1.5e-7, about that of float32.
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const tail = t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)));
  return Math.sign(x) * (1 - t * (0.254829592 + tail) * Math.exp(-x * x));
}

// Rounds half to even, as NumPy and ONNX do.
function roundEven(x) {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

const UNARY = {
  Abs: Math.abs,
  Acos: Math.acos,
  Acosh: Math.acosh,
  Asin: Math.asin,
  Asinh: Math.asinh,
  Atan: Math.atan,
  Atanh: Math.atanh,
  Ceil: Math.ceil,
  Cos: Math.cos,
  Cosh: Math.cosh,
  Erf: erf,
  Exp: Math.exp,
  Floor: Math.floor,
  Identity: (x) => x,
  Log: Math.log,
  Neg: (x) => -x,
  Relu: (x) => Math.max(x, 0),
  Round: roundEven,
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Sign: Math.sign,
  Sin: Math.sin,
  Sinh: Math.sinh,
  Softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  Sqrt: Math.sqrt,
  Tan: Math.tan,
  Tanh: Math.tanh,
};
for (const [name, compute] of Object.entries(UNARY)) {
  OPERATIONS[name] = ([x]) => unary(x, compute);
}

const BINARY = {
  Add: (x, y) => x + y,
  Div: (x, y) => x / y, // whole numbers, never negative, lose the rest in their Int32Array
  Max: Math.max,
  Min: Math.min,
  Mod: (x, y) => x - y * Math.floor(x / y),
  Mul: (x, y) => x * y,
  Pow: Math.pow,
  Sub: (x, y) => x - y,
};
for (const [name, compute] of Object.entries(BINARY)) {
  OPERATIONS[name] = ([x, y]) => binary(x, y, compute);
}

const COMPARISONS = {
  And: (x, y) => x & y,
  Equal: (x, y) => x === y,
  Greater: (x, y) => x > y,
  GreaterOrEqual: (x, y) => x >= y,
  Less: (x, y) => x < y,
  LessOrEqual: (x, y) => x <= y,
  Or: (x, y) => x | y,
  Xor: (x, y) => x ^ y,
};
for (const [name, compute] of Object.entries(COMPARISONS)) {
  OPERATIONS[name] = ([x, y]) => binary(x, y, compute, Uint8Array);
}

const TYPES = { bool: Uint8Array, float32: Float32Array, float64: Float64Array };

Object.assign(OPERATIONS, {
  Cast: ([x], { to }) =>
    unary(x, to === "bool" ? (value) => value !== 0 : (value) => value, TYPES[to] || Int32Array),
  IsInf: ([x]) => unary(x, (value) => Math.abs(value) === Infinity, Uint8Array),
  IsNaN: ([x]) => unary(x, Number.isNaN, Uint8Array),
  LeakyRelu: ([x], { alpha }) => unary(x, (value) => (value > 0 ? value : alpha * value)),
  Not: ([x]) => unary(x, (value) => !value, Uint8Array),
  Where: ([condition, x, y]) => {
    const shape = broadcastShape([condition.shape, x.shape, y.shape]);
    const [chosen, left, right] = [condition, x, y].map((one) => expand(one, shape).data);
    return tensor(shape, left.map((value, i) => (chosen[i] ? value : right[i])));
  },
});

// --- matrix products ---

// Adds rows (n, inner) times matrix (inner, width) to `result` (n, width). The arrays begin at the
// offsets `start` of their data, in this order: rows, matrix, result.
function addProduct(result, rows, matrix, n, inner, width, start) {
  const used = new Int32Array(inner);
  for (let i = 0; i < n; i++) {
    const row = start[0] + i * inner;
    const out = start[2] + i * width;
    // About half of the activations of rectified linear units are zero, and are skipped.
    let count = 0;
    for (let k = 0; k < inner; k++) if (rows[row + k] !== 0) used[count++] = k;
    let k = 0;
    for (; k + 4 <= count; k += 4) {
      const a = rows[row + used[k]];
      const b = rows[row + used[k + 1]];
      const c = rows[row + used[k + 2]];
      const d = rows[row + used[k + 3]];
      const p = start[1] + used[k] * width;
      const q = start[1] + used[k + 1] * width;
      const r = start[1] + used[k + 2] * width;
      const s = start[1] + used[k + 3] * width;
      for (let j = 0; j < width; j++) {
        result[out + j] +=
          a * matrix[p + j] + b * matrix[q + j] + c * matrix[r + j] + d * matrix[s + j];
      }
    }
    for (; k < count; k++) {
      const a = rows[row + used[k]];
      const p = start[1] + used[k] * width;
      for (let j = 0; j < width; j++) result[out + j] += a * matrix[p + j];
    }
  }
}

OPERATIONS.MatMul = ([x, y]) => {
  const left = x.shape.length === 1 ? tensor([1, ...x.shape], x.data) : x;
  const right = y.shape.length === 1 ? tensor([...y.shape, 1], y.data) : y;
  const [n, inner] = left.shape.slice(-2);
  const [rows, width] = right.shape.slice(-2);
  if (rows !== inner) throw new Error(`MatMul of [${x.shape}] and [${y.shape}]`);
  const stacks = [left.shape.slice(0, -2), right.shape.slice(0, -2)];
  const stack = broadcastShape(stacks);
  const result = new x.data.constructor(sizeOf(stack) * n * width);
  const strides = stacks.map((shape) => broadcastStrides(shape, stack));
  eachRun(stack, ...strides, (a, b, stepA, stepB, first, length) => {
    for (let i = 0; i < length; i++) {
      const start = [(a + i * stepA) * n * inner, (b + i * stepB) * inner * width,
        (first + i) * n * width];
      addProduct(result, left.data, right.data, n, inner, width, start);
    }
  });
  const shape = [...stack];
  if (x.shape.length > 1) shape.push(n);
  if (y.shape.length > 1) shape.push(width);
  return tensor(shape, result);
};
