// Points z: drawing them, keeping them where the noise lies, and directions to move in.
"use strict";

// A generator of uniform numbers in [0, 1) (mulberry32), and of normal ones (Box and Muller).
function randomSource(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

const BOUND = Math.sqrt(3); // uniform noise lies in [-BOUND, BOUND], so that its variance is 1

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const length = (a) => Math.sqrt(dot(a, a));
const scaled = (a, factor) => a.map((value) => value * factor);

// `size` numbers of the distribution `noise`, which `Input` in export/program.py describes.
function drawNoise(noise, size, random) {
  const { distribution, low, high, mean = 0, std = 1, p } = noise;
  const one = {
    uniform: () => low + (high - low) * random.uniform(),
    binomial: () => (random.uniform() < p ? 1 : 0),
    normal: () => mean + std * random.normal(),
    spherical: random.normal,
  }[distribution];
  const drawn = Float32Array.from({ length: size }, one);
  return distribution === "spherical" ? onSphere(drawn) : drawn;
}

const onSphere = (z) => scaled(z, 1 / Math.max(1e-7, length(z)));

// The noise z that G was trained on; `noise` is uniform on [-BOUND, BOUND], normal or spherical.
function noiseOf(noise, dimension) {
  const kind = noise.distribution;
  return {
    kind,
    dimension,
    draw: (random) => drawNoise(noise, dimension, random),
    // The nearest point at which there is noise.
    within(z) {
      if (kind === "uniform") return z.map((value) => Math.max(-BOUND, Math.min(BOUND, value)));
      return kind === "spherical" ? onSphere(z) : z;
    },
    // The greatest value of a coordinate that a slider offers.
    reach: { uniform: BOUND, normal: 3, spherical: 1 }[kind],
  };
}

// How far the pad goes from its middle, along directions of length 1: as far as typical noise is
// from the origin along coordinates and directions of great change; along random directions, each
// of which changes little, about as far as another sample.
function padReach(noise, kind) {
  if (noise.kind === "spherical" || kind === "coordinates") return noise.reach;
  return kind === "random" ? Math.max(3, Math.sqrt(noise.dimension) * 0.7) : 3;
}

// z = base + x * first + y * second, moved to where there is noise.
function padPoint(noise, base, directions, x, y) {
  const [first, second] = directions;
  return noise.within(base.map((value, i) => value + x * first[i] + y * second[i]));
}

// The point at `t` between 0 and 1 on the line between two. Uniform and normal noise needs no more:
// between two points of a cube there are only points of the cube.
function walkPoint(noise, from, to, t) {
  const z = from.map((value, i) => (1 - t) * value + t * to[i]);
  return noise.kind === "spherical" ? noise.within(z) : z;
}

// `vector` without its part along `others` (orthogonal, of length 1), made length 1.
function orthonormal(vector, others) {
  let rest = vector;
  for (const other of others) {
    const along = dot(rest, other);
    rest = rest.map((value, i) => value - along * other[i]);
  }
  const norm = length(rest);
  return norm > 1e-6 ? scaled(rest, 1 / norm) : null;
}

function unitVector(dimension, i) {
  const vector = new Float32Array(dimension);
  vector[i] = 1;
  return vector;
}

// Two random orthogonal directions; the second is zero if z has one coordinate.
function randomDirections(dimension, random) {
  const found = [];
  while (found.length < Math.min(2, dimension)) {
    const next = orthonormal(Float32Array.from({ length: dimension }, random.normal), found);
    if (next) found.push(next);
  }
  while (found.length < 2) found.push(new Float32Array(dimension));
  return found;
}

// The two orthogonal directions that change G most at z: the right singular vectors of its Jacobian
// with the greatest singular values. `rows[i]` is the derivative of G with respect to z[i].
function greatestChange(rows, random) {
  const dimension = rows.length;
  const gram = rows.map((a) => Float64Array.from(rows, (b) => dot(a, b)));
  const found = [];
  for (let wanted = 0; wanted < Math.min(2, dimension); wanted++) {
    let vector = orthonormal(Float64Array.from({ length: dimension }, random.normal), found);
    for (let step = 0; step < 100 && vector; step++) {
      const next = orthonormal(Float64Array.from(gram, (row) => dot(row, vector)), found);
      if (!next) break;
      vector = next;
    }
    found.push(vector || unitVector(dimension, wanted));
  }
  while (found.length < 2) found.push(new Float64Array(dimension));
  return found;
}
