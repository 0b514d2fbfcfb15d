// The two networks of the page: samples of G, and D's verdicts on them.
//
// A `point` is what the page shows, keeps and walks between: {z, klass, sample, verdict}. `klass` is
// null unless the model is conditional, and `verdict` is null without a D.
"use strict";

// Resolves once the browser has done what was waiting: long work is cut by it, so that the page stays
// responsive.
const nextTask = () => new Promise((resolve) => setTimeout(resolve, 0));

class Players {
  // `model` is the JSON that `page.py` wrote, `bytes` the constants of its programs.
  constructor(model, bytes) {
    this.view = model.view;
    this.classes = model.classes;
    this.generator = unpack(model.generator, bytes);
    const z = this.generator.inputs.find(({ name }) => name === "z");
    this.noise = noiseOf(z.noise, z.shape[1]);
    this.discriminator = model.discriminator && unpack(model.discriminator, bytes);
    this.cloud = { samples: [] };
    if (this.view.kind !== "image") {
      const random = randomSource(1);
      // Bars need the range of samples only.
      const count = this.view.kind === "points" ? 400 : 50;
      const z = Array.from({ length: count }, () => this.noise.draw(random));
      const classOf = (i) => (this.classes ? i % this.classes : null);
      this.cloud.samples = this.generate(z, z.map((_, i) => classOf(i)));
    }
  }

  // G(z) for a list of points z, as a list of arrays.
  generate(z, klasses) {
    const rows = this.inputs(this.generator, z, klasses);
    return splitRows(runProgram(this.generator, rows), z.length);
  }

  // D's probability that each sample is real.
  judge(samples, klasses) {
    if (!this.discriminator) return samples.map(() => null);
    const rows = this.inputs(this.discriminator, samples, klasses);
    return Array.from(runProgram(this.discriminator, rows).data);
  }

  points(z, klasses) {
    const samples = this.generate(z, klasses);
    const verdicts = this.judge(samples, klasses);
    return z.map((one, i) => ({
      z: one,
      klass: klasses[i],
      sample: samples[i],
      verdict: verdicts[i],
    }));
  }

  point(z, klass) {
    return this.points([z], [klass])[0];
  }

  // The derivatives of G with respect to each coordinate of z, by differences.
  async derivatives(z, klass) {
    const step = 0.05 * this.noise.reach;
    const [middle] = this.generate([z], [klass]);
    const rows = [];
    for (let i = 0; i < z.length; i++) {
      const moved = Float32Array.from(z);
      moved[i] += step;
      const [sample] = this.generate([moved], [klass]);
      rows.push(sample.map((value, k) => (value - middle[k]) / step));
      if (i % 8 === 7) await nextTask();
    }
    return rows;
  }

  // Numbers in G, which tell how long a sample takes.
  get size() {
    const constants = Object.values(this.generator.constants);
    return constants.reduce((sum, { data }) => sum + data.length, 0);
  }

  // The inputs of a program: `rows` (z, or samples), classes, and noise of layers within it. This
  // noise is the same for every sample, so that only z and the class change what the page shows.
  inputs(program, rows, klasses) {
    const given = {};
    const random = randomSource(2);
    for (const { name, shape, noise } of program.inputs) {
      if (name === "z" || name === "x") {
        given[name] = tensor([rows.length, shape[1]], joinRows(rows, shape[1]));
      } else if (name === "classes") {
        given[name] = tensor([rows.length, this.classes], oneHot(klasses, this.classes));
      } else given[name] = fixedNoise(noise, shape, rows.length, random);
    }
    return given;
  }
}

// Noise of `shape`, equal for each of the `count` examples.
function fixedNoise(noise, shape, count, random) {
  const one = drawNoise(noise, sizeOf(shape.slice(1)), random);
  const repeats = Number.isInteger(shape[0]) ? shape[0] : count * (parseInt(shape[0], 10) || 1);
  return tensor([repeats, ...shape.slice(1)], joinRows(new Array(repeats).fill(one), one.length));
}

function oneHot(klasses, count) {
  const rows = new Float32Array(klasses.length * count);
  klasses.forEach((klass, i) => (rows[i * count + klass] = 1));
  return rows;
}

function joinRows(rows, width) {
  const joined = new Float32Array(rows.length * width);
  rows.forEach((row, i) => joined.set(row, i * width));
  return joined;
}

function splitRows(matrix, count) {
  const width = matrix.data.length / count;
  return Array.from({ length: count }, (_, i) => matrix.data.slice(i * width, (i + 1) * width));
}
