// Draws samples on canvases: as images, as points among other samples, or as bars.
//
// `view` is what `page.py` says about samples: {kind: "image", shape: [rows, columns, channels],
// signed, peak}, {kind: "points"} (one or two numbers), or {kind: "bars"}.
"use strict";

// A sample's values in [0, 1], as `viewer.samples.to_unit` has them.
function toUnit(sample, view) {
  if (!view.signed) return sample.map((value) => Math.max(0, Math.min(1, value / view.peak)));
  const peak = sample.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  return sample.map((value) => value / peak / 2 + 0.5);
}

// RGBA bytes of an image. A sample holds one channel after the other, each row by row.
function pixelsOf(sample, view) {
  const [rows, columns, channels] = view.shape;
  const unit = toUnit(sample, view);
  const count = rows * columns;
  const bytes = new Uint8ClampedArray(4 * count);
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) {
      bytes[4 * i + c] = roundEven(255 * unit[i + (channels === 3 ? c * count : 0)]);
    }
    bytes[4 * i + 3] = 255;
  }
  return bytes;
}

const PLOT = 320; // pixels of a plot's side; the page shows it in smaller sizes

// The size of a sample's picture: [width, height].
function pictureSize(view) {
  return view.kind === "image" ? [view.shape[1], view.shape[0]] : [PLOT, PLOT];
}

function paint(canvas, sample, view, cloud) {
  const [width, height] = pictureSize(view);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d");
  paintAt(context, 0, 0, sample, view, cloud);
}

function paintAt(context, left, top, sample, view, cloud) {
  const [width, height] = pictureSize(view);
  if (view.kind === "image") {
    context.putImageData(new ImageData(pixelsOf(sample, view), width, height), left, top);
    return;
  }
  const colors = themeColors();
  context.save();
  context.translate(left, top);
  context.fillStyle = colors.plot;
  context.fillRect(0, 0, width, height);
  (view.kind === "points" ? paintPoint : paintBars)(context, sample, cloud, colors);
  context.restore();
}

function themeColors() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return { plot: read("--plot"), faint: read("--faint"), sample: read("--g") };
}

// The range of the coordinates `from` to `to` of the samples in `cloud`, a little widened.
function rangeOf(cloud, from, to) {
  cloud.ranges ||= {};
  return (cloud.ranges[`${from} ${to}`] ||= findRange(cloud.samples, from, to));
}

function findRange(samples, from, to) {
  let [low, high] = [Infinity, -Infinity];
  for (const one of samples) {
    for (let i = from; i < to; i++) {
      low = Math.min(low, one[i]);
      high = Math.max(high, one[i]);
    }
  }
  const margin = (high - low) * 0.08 || 1;
  return [low - margin, high + margin];
}

function paintPoint(context, sample, cloud, colors) {
  const [low, high] = rangeOf(cloud, 0, 1);
  const across = (value) => ((value - low) / (high - low)) * PLOT;
  const flat = sample.length === 1;
  const [bottom, topmost] = flat ? [0, 1] : rangeOf(cloud, 1, 2);
  // Samples of one number lie at heights that only keep them apart.
  const up = (one, i) => (flat ? 0.3 + 0.4 * ((i * 0.618034) % 1) : one[1]);
  const down = (value) => PLOT - ((value - bottom) / (topmost - bottom)) * PLOT;
  context.fillStyle = colors.faint;
  cloud.samples.forEach((one, i) => {
    context.fillRect(across(one[0]) - 2, down(up(one, i)) - 2, 4, 4);
  });
  const [x, y] = [across(sample[0]), down(flat ? 0.5 : sample[1])];
  context.fillStyle = colors.sample;
  if (flat) context.fillRect(x - 3, 0.2 * PLOT, 6, 0.6 * PLOT);
  else {
    context.beginPath();
    context.arc(x, y, 14, 0, 7);
    context.fill();
  }
}

function paintBars(context, sample, cloud, colors) {
  const [low, high] = rangeOf(cloud, 0, sample.length);
  const down = (value) => PLOT - ((value - low) / (high - low)) * PLOT;
  const zero = down(Math.max(low, Math.min(high, 0)));
  const left = 0.08 * PLOT;
  const step = (PLOT - 2 * left) / sample.length;
  context.fillStyle = colors.faint;
  context.fillRect(left, zero - 1, PLOT - 2 * left, 2);
  context.fillStyle = context.strokeStyle = colors.sample;
  if (sample.length <= 40) {
    sample.forEach((value, i) => {
      const top = Math.min(zero, down(value));
      context.fillRect(left + (i + 0.1) * step, top, step * 0.8, Math.max(1, Math.abs(zero - down(value))));
    });
    return;
  }
  context.lineWidth = 4;
  context.beginPath();
  sample.forEach((value, i) => context.lineTo(left + (i + 0.5) * step, down(value)));
  context.stroke();
}

// One canvas with the pictures of `samples`, `scale` screen pixels for each of theirs.
function sheet(samples, view, cloud) {
  const [width, height] = pictureSize(view);
  const scale = view.kind === "image" ? Math.max(1, Math.round(112 / width)) : 1;
  const columns = Math.min(samples.length, 8);
  const rows = Math.ceil(samples.length / columns);
  const small = document.createElement("canvas");
  small.width = columns * (width + 1) + 1;
  small.height = rows * (height + 1) + 1;
  const context = small.getContext("2d");
  context.fillStyle = "#808080";
  context.fillRect(0, 0, small.width, small.height);
  samples.forEach((sample, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    paintAt(context, 1 + column * (width + 1), 1 + row * (height + 1), sample, view, cloud);
  });
  const large = document.createElement("canvas");
  large.width = small.width * scale;
  large.height = small.height * scale;
  const enlarged = large.getContext("2d");
  enlarged.imageSmoothingEnabled = false;
  enlarged.drawImage(small, 0, 0, large.width, large.height);
  return large;
}
