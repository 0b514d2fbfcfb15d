// The operations of `program.js` on the shape of arrays and along their axes.
"use strict";

function axesOf(rank, axes) {
  return axes.map((axis) => (axis < 0 ? axis + rank : axis));
}

// The sizes of x before `axis`, along it and after it, and the axis, counted from the first.
function around(x, axis) {
  const [at] = axesOf(x.shape.length, [axis]);
  return [sizeOf(x.shape.slice(0, at)), x.shape[at], sizeOf(x.shape.slice(at + 1)), at];
}

// The elements of x that lie `strides` apart, from `first` on, as an array of `shape`.
function strided(x, shape, strides, first = 0) {
  const result = new x.data.constructor(sizeOf(shape));
  if (!result.length) return tensor(shape, result);
  eachRun(shape, strides, strides, (from, _, step, __, start, length) => {
    for (let i = 0; i < length; i++) result[start + i] = x.data[first + from + i * step];
  });
  return tensor(shape, result);
}

function expand(x, shape) {
  const target = broadcastShape([x.shape, shape]);
  return strided(x, target, broadcastStrides(x.shape, target));
}

function transpose(x, order) {
  const strides = stridesOf(x.shape);
  return strided(x, order.map((axis) => x.shape[axis]), order.map((axis) => strides[axis]));
}

function reshape(x, wanted) {
  const shape = wanted.map((length, i) => (length === 0 ? x.shape[i] : length));
  const open = shape.indexOf(-1);
  if (open >= 0) {
    shape[open] = 1;
    shape[open] = x.data.length / sizeOf(shape);
  }
  if (sizeOf(shape) !== x.data.length) throw new Error(`[${x.shape}] cannot become [${wanted}]`);
  return tensor(shape, x.data);
}

function concat(parts, axis) {
  const [outer, , inner, at] = around(parts[0], axis);
  const lengths = parts.map((x) => x.shape[at] * inner);
  const whole = lengths.reduce((a, b) => a + b);
  const result = new parts[0].data.constructor(outer * whole);
  for (let i = 0; i < outer; i++) {
    let to = i * whole;
    parts.forEach((x, part) => {
      result.set(x.data.subarray(i * lengths[part], (i + 1) * lengths[part]), to);
      to += lengths[part];
    });
  }
  const shape = [...parts[0].shape];
  shape[at] = whole / inner;
  return tensor(shape, result);
}

function gather(x, indices, axis) {
  const [outer, length, inner, at] = around(x, axis);
  const count = indices.data.length;
  const result = new x.data.constructor(outer * count * inner);
  for (let i = 0; i < outer; i++) {
    for (let k = 0; k < count; k++) {
      const index = indices.data[k] < 0 ? indices.data[k] + length : indices.data[k];
      const from = (i * length + index) * inner;
      result.set(x.data.subarray(from, from + inner), (i * count + k) * inner);
    }
  }
  return tensor([...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)], result);
}

function slice(x, { starts, ends, axes, steps }) {
  const strides = stridesOf(x.shape);
  const shape = [...x.shape];
  let first = 0;
  axesOf(x.shape.length, axes).forEach((axis, i) => {
    const n = x.shape[axis];
    // What Python's `slice.indices` does.
    const [lowest, highest] = steps[i] > 0 ? [0, n] : [-1, n - 1];
    const bound = (at) => Math.max(lowest, Math.min(highest, at < 0 ? at + n : at));
    const begin = bound(starts[i]);
    shape[axis] = Math.max(0, Math.ceil((bound(ends[i]) - begin) / steps[i]));
    first += begin * strides[axis];
    strides[axis] *= steps[i];
  });
  return strided(x, shape, strides, first);
}

function reduce(x, axes, keepdims, start, add) {
  const gone = new Set(axesOf(x.shape.length, axes));
  const kept = x.shape.map((length, axis) => (gone.has(axis) ? 1 : length));
  const sums = new Float64Array(sizeOf(kept)).fill(start);
  const strides = [broadcastStrides(kept, x.shape), stridesOf(x.shape)];
  eachRun(x.shape, ...strides, (to, from, step, stepFrom, _, length) => {
    for (let i = 0; i < length; i++) {
      sums[to + i * step] = add(sums[to + i * step], x.data[from + i * stepFrom]);
    }
  });
  const shape = keepdims ? kept : kept.filter((_, axis) => !gone.has(axis));
  return tensor(shape, x.data.constructor.from(sums));
}

const plus = (sum, value) => sum + value;
const times = (product, value) => product * value;
const reduction = (start, add) => ([x], { axes, keepdims }) => reduce(x, axes, keepdims, start, add);

Object.assign(OPERATIONS, {
  ArgMax: ([x], { axis, keepdims }) => {
    const [outer, length, inner, at] = around(x, axis);
    const result = new Int32Array(outer * inner);
    for (let i = 0; i < result.length; i++) {
      const first = Math.floor(i / inner) * length * inner + (i % inner);
      for (let k = 1; k < length; k++) {
        if (x.data[first + k * inner] > x.data[first + result[i] * inner]) result[i] = k;
      }
    }
    const shape = x.shape.map((size, i) => (i === at ? 1 : size));
    return tensor(keepdims ? shape : shape.filter((_, i) => i !== at), result);
  },
  Concat: (parts, { axis }) => concat(parts, axis),
  CumSum: ([x], { axis }) => {
    const [outer, length, inner] = around(x, axis);
    const data = x.data.slice();
    for (let i = 0; i < outer; i++) {
      const from = i * length * inner;
      for (let k = inner; k < length * inner; k++) data[from + k] += data[from + k - inner];
    }
    return tensor(x.shape, data);
  },
  Expand: ([x, shape]) => expand(x, Array.from(shape.data)),
  Gather: ([x, indices], { axis }) => gather(x, indices, axis),
  LogSoftmax: ([x], { axis }) => {
    const less = binary(x, reduce(x, [axis], 1, -Infinity, Math.max), (a, b) => a - b);
    const sums = reduce(less, [axis], 1, 0, (sum, value) => sum + Math.exp(value));
    return binary(less, sums, (a, b) => a - Math.log(b));
  },
  Pad: ([x], { pads }) => {
    const rank = x.shape.length;
    const shape = x.shape.map((length, axis) => length + pads[axis] + pads[axis + rank]);
    const result = new x.data.constructor(sizeOf(shape));
    const strides = stridesOf(shape);
    const first = strides.reduce((at, step, axis) => at + step * pads[axis], 0);
    eachRun(x.shape, strides, stridesOf(x.shape), (to, from, step, stepFrom, _, length) => {
      for (let i = 0; i < length; i++) result[first + to + i * step] = x.data[from + i * stepFrom];
    });
    return tensor(shape, result);
  },
  Range: ([start, limit, delta]) => {
    const [first, end, step] = [start, limit, delta].map((x) => x.data[0]);
    const data = new start.data.constructor(Math.max(0, Math.ceil((end - first) / step)));
    return tensor([data.length], data.map((_, i) => first + i * step));
  },
  ReduceMax: reduction(-Infinity, Math.max),
  ReduceMin: reduction(Infinity, Math.min),
  ReduceProd: reduction(1, times),
  ReduceSum: reduction(0, plus),
  Reshape: ([x], { shape }) => reshape(x, shape),
  Shape: ([x]) => tensor([x.shape.length], Int32Array.from(x.shape)),
  Slice: ([x], attributes) => slice(x, attributes),
  Softmax: ([x], { axis }) => {
    const top = reduce(x, [axis], 1, -Infinity, Math.max);
    const powers = binary(x, top, (a, b) => Math.exp(a - b));
    return binary(powers, reduce(powers, [axis], 1, 0, plus), (a, b) => a / b);
  },
  Squeeze: ([x], { axes }) => {
    const gone = axesOf(x.shape.length, axes);
    return tensor(x.shape.filter((_, axis) => !gone.includes(axis)), x.data);
  },
  Transpose: ([x], { perm }) => transpose(x, perm),
  Unsqueeze: ([x], { axes }) => {
    const rank = x.shape.length + axes.length;
    const added = axesOf(rank, axes);
    const rest = [...x.shape];
    const isNew = (axis) => added.includes(axis);
    const shape = Array.from({ length: rank }, (_, axis) => (isNew(axis) ? 1 : rest.shift()));
    return tensor(shape, x.data);
  },
});
