// The operations of `program.js` on images: convolution, its transpose, and pooling.
//
// Tensors of images have the axes (batch, channel, row, column). Two axes of lengths are given
// together: a `size` is [rows, columns], and pads are [top, left, bottom, right].
"use strict";

// The number of positions of a kernel along each axis of an image.
function positions(size, kernel, { strides, pads, dilations = [1, 1] }) {
  return size.map((length, axis) => {
    const span = dilations[axis] * (kernel[axis] - 1) + 1;
    const room = length + pads[axis] + pads[axis + 2] - span;
    return Math.floor(room / strides[axis]) + 1;
  });
}

// Calls visit(place, pixel) for each pixel that the value (row, column) of a kernel meets: `place`
// counts the kernel's positions, `pixel` the image's pixels.
function eachPixel({ strides, pads, dilations = [1, 1] }, row, column, places, size, visit) {
  const top = row * dilations[0] - pads[0];
  const left = column * dilations[1] - pads[1];
  for (let i = 0; i < places[0]; i++) {
    const y = top + i * strides[0];
    if (y < 0 || y >= size[0]) continue;
    for (let j = 0; j < places[1]; j++) {
      const x = left + j * strides[1];
      if (x >= 0 && x < size[1]) visit(i * places[1] + j, y * size[1] + x);
    }
  }
}

OPERATIONS.Conv = ([x, kernels], how) => {
  const [n, channels, ...size] = x.shape;
  const [filters, share, ...kernel] = kernels.shape;
  const places = positions(size, kernel, how);
  const [pixels, spots, taps] = [size, places, kernel].map(sizeOf);
  const each = filters / how.group;
  const result = new Float32Array(n * filters * spots);
  // One row for each value of a kernel, one column for each of its positions.
  const columns = new Float32Array(share * taps * spots);
  for (let image = 0; image < n; image++) {
    for (let group = 0; group < how.group; group++) {
      columns.fill(0);
      for (let c = 0; c < share; c++) {
        const from = (image * channels + group * share + c) * pixels;
        for (let tap = 0; tap < taps; tap++) {
          const to = (c * taps + tap) * spots;
          const [row, column] = [Math.floor(tap / kernel[1]), tap % kernel[1]];
          eachPixel(how, row, column, places, size, (place, pixel) => {
            columns[to + place] = x.data[from + pixel];
          });
        }
      }
      const start = [group * each * share * taps, 0, (image * filters + group * each) * spots];
      addProduct(result, kernels.data, columns, each, share * taps, spots, start);
    }
  }
  return tensor([n, filters, ...places], result);
};

OPERATIONS.ConvTranspose = ([x, kernels], how) => {
  const [n, channels, ...places] = x.shape;
  const [, maps, ...kernel] = kernels.shape;
  const { strides, pads, output_padding: extra } = how;
  const size = places.map((count, axis) => {
    const cut = pads[axis] + pads[axis + 2] - extra[axis];
    return strides[axis] * (count - 1) + kernel[axis] - cut;
  });
  const [pixels, spots, taps] = [size, places, kernel].map(sizeOf);
  const flat = transpose(tensor([channels, maps * taps], kernels.data), [1, 0]).data;
  const result = new Float32Array(n * maps * pixels);
  const columns = new Float32Array(maps * taps * spots);
  for (let image = 0; image < n; image++) {
    columns.fill(0);
    const start = [0, image * channels * spots, 0];
    addProduct(columns, flat, x.data, maps * taps, channels, spots, start);
    for (let map = 0; map < maps; map++) {
      const to = (image * maps + map) * pixels;
      for (let tap = 0; tap < taps; tap++) {
        const from = (map * taps + tap) * spots;
        const [row, column] = [Math.floor(tap / kernel[1]), tap % kernel[1]];
        eachPixel(how, row, column, places, size, (place, pixel) => {
          result[to + pixel] += columns[from + place];
        });
      }
    }
  }
  return tensor([n, maps, ...size], result);
};

function pool(start, add, finish) {
  return ([x], how) => {
    const size = x.shape.slice(2);
    const kernel = how.kernel_shape;
    const places = positions(size, kernel, how);
    const [pixels, spots] = [size, places].map(sizeOf);
    const images = x.shape[0] * x.shape[1];
    const result = new Float32Array(images * spots).fill(start);
    const counts = new Int32Array(spots);
    for (let row = 0; row < kernel[0]; row++) {
      for (let column = 0; column < kernel[1]; column++) {
        eachPixel(how, row, column, places, size, (place, pixel) => {
          counts[place] += 1;
          for (let image = 0; image < images; image++) {
            const at = image * spots + place;
            result[at] = add(result[at], x.data[image * pixels + pixel]);
          }
        });
      }
    }
    const all = how.count_include_pad ? sizeOf(kernel) : 0;
    result.forEach((value, i) => (result[i] = finish(value, all || counts[i % spots])));
    return tensor([...x.shape.slice(0, 2), ...places], result);
  };
}

OPERATIONS.MaxPool = pool(-Infinity, Math.max, (value) => value);
OPERATIONS.AveragePool = pool(0, plus, (sum, count) => sum / count);
