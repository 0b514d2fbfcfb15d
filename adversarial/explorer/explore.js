// The section "Move through z": the sample, the pad, and the sliders of single coordinates.
"use strict";

const MAP = 7; // samples along a side of the pad's map
const SLIDERS = 8;
const FEW = 6; // so many numbers of a sample that is no image are also written
const GREATEST = 200; // more coordinates take too long for the directions of greatest change
const LIGHT = 5e6; // of larger networks, these are not the page's first choice

class Explore {
  // `page` has players, random, klass and shelf.
  constructor(page) {
    this.page = page;
    this.noise = page.players.noise;
    this.firstSlider = 0;
    this.draw = everyFrame(() => this.show());
    const { dimension } = this.noise;
    const kinds = [["random", "random"], ["coordinates", "two coordinates"]];
    if (dimension <= GREATEST) kinds.unshift(["change", "greatest change"]);
    const isQuick = dimension <= GREATEST && page.players.size <= LIGHT;
    this.kind = dimension <= 2 ? "coordinates" : isQuick ? "change" : "random";
    fillSelect(byId("directions"), kinds, this.kind);
    const names = Array.from({ length: dimension }, (_, i) => [i, `z${i + 1}`]);
    fillSelect(byId("across"), names, 0);
    fillSelect(byId("up"), names, Math.min(1, dimension - 1));
    this.listen();
    this.fillSliders();
    this.startAt(this.noise.draw(page.random));
  }

  listen() {
    byId("new").addEventListener("click", () => this.startAt(this.noise.draw(this.page.random)));
    byId("keep").addEventListener("click", () => this.page.shelf.toggle(this.point));
    byId("turn").addEventListener("click", () => this.startAt(this.z));
    byId("middle").addEventListener("click", () => this.moveTo(0, 0));
    byId("directions").addEventListener("change", (event) => {
      this.kind = event.target.value;
      this.startAt(this.z);
    });
    for (const id of ["across", "up"]) byId(id).addEventListener("change", () => this.startAt(this.z));
    for (const [id, step] of [["before", -SLIDERS], ["after", SLIDERS]]) {
      byId(id).addEventListener("click", () => {
        this.firstSlider += step;
        this.fillSliders();
        this.show();
      });
    }
    this.listenToPad();
  }

  listenToPad() {
    const pad = byId("pad");
    const follow = (event) => {
      const box = pad.getBoundingClientRect();
      const part = (at, start, size) => Math.max(-1, Math.min(1, (2 * (at - start)) / size - 1));
      this.moveTo(
        this.reach * part(event.clientX, box.left, box.width),
        -this.reach * part(event.clientY, box.top, box.height)
      );
    };
    pad.addEventListener("pointerdown", (event) => {
      pad.setPointerCapture(event.pointerId);
      follow(event);
    });
    pad.addEventListener("pointermove", (event) => {
      if (pad.hasPointerCapture(event.pointerId)) follow(event);
    });
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    pad.addEventListener("keydown", (event) => {
      if (event.key === "Home") this.moveTo(0, 0);
      else if (moves[event.key]) {
        const step = this.reach * (event.shiftKey ? 0.2 : 0.05);
        const bound = (value) => Math.max(-this.reach, Math.min(this.reach, value));
        const [right, up] = moves[event.key];
        this.moveTo(bound(this.x + step * right), bound(this.y + step * up));
      } else return;
      event.preventDefault();
    });
  }

  // Spreads a new plane through z on the pad.
  async startAt(z) {
    byId("coordinates").hidden = this.kind !== "coordinates";
    byId("turn").hidden = this.kind !== "random" || this.noise.dimension < 2;
    this.reach = padReach(this.noise, this.kind);
    byId("pad-hint").textContent = this.hint();
    const { dimension } = this.noise;
    const none = new Float32Array(dimension);
    this.directions = [none, none];
    if (this.kind === "random") this.directions = randomDirections(dimension, this.page.random);
    if (this.kind === "coordinates") {
      const [i, j] = this.coordinates();
      this.directions = [unitVector(dimension, i), i === j ? none : unitVector(dimension, j)];
    }
    this.center(z);
    const start = (this.start = {});
    if (this.kind === "change") {
      const rows = await this.page.players.derivatives(z, this.page.klass);
      if (this.start !== start) return; // another plane has been asked for
      this.directions = greatestChange(rows, randomSource(0));
      this.moveTo(this.x, this.y); // the knob may have moved meanwhile
    }
    this.drawMap();
  }

  coordinates() {
    return [Number(byId("across").value), Number(byId("up").value)];
  }

  // Goes to z, which becomes the middle of the pad. A pad of two coordinates shows their whole
  // range instead, so that its middle is where both are 0.
  center(z) {
    if (this.kind === "coordinates") {
      const [i, j] = this.coordinates();
      this.base = z.map((value, k) => (k === i || k === j ? 0 : value));
      this.moveTo(z[i], i === j ? 0 : z[j]);
    } else {
      this.base = z;
      this.moveTo(0, 0);
    }
  }

  hint() {
    const what = {
      random: "The pad is a plane through the start point, along two random directions.",
      change: "The pad is a plane along the two directions that change the sample most here.",
      coordinates: "The pad sets two coordinates of z; the others stay.",
    }[this.kind];
    const bound = BOUND.toFixed(2);
    const kept = {
      uniform: `Noise is uniform between −${bound} and ${bound}: a coordinate of z stops at these bounds.`,
      normal: "Noise is normal, with mean 0 and standard deviation 1: far from 0, G has seen few z.",
      spherical: "Noise lies on a sphere of radius 1: each z is put back on it.",
    }[this.noise.kind];
    return `${what} ${kept} Drag, or use the arrow keys; with Shift, in larger steps.`;
  }

  moveTo(x, y) {
    [this.x, this.y] = [x, y];
    this.z = padPoint(this.noise, this.base, this.directions, x, y);
    this.draw();
  }

  show() {
    this.point = this.page.players.point(this.z, this.page.klass);
    showPicture(byId("sample"), this.point, this.page.players);
    showVerdict(byId("verdict"), this.point);
    const { sample } = this.point;
    byId("numbers").hidden = this.page.players.view.kind === "image" || sample.length > FEW;
    byId("numbers").textContent = Array.from(sample, shortNumber).slice(0, FEW).join(",  ");
    const knob = byId("knob");
    knob.style.left = `${50 + (50 * this.x) / this.reach}%`;
    knob.style.top = `${50 - (50 * this.y) / this.reach}%`;
    const pad = byId("pad");
    const [x, y] = [this.x.toFixed(2), this.y.toFixed(2)];
    pad.setAttribute("aria-valuenow", x);
    pad.setAttribute("aria-valuemin", (-this.reach).toFixed(2));
    pad.setAttribute("aria-valuemax", this.reach.toFixed(2));
    pad.setAttribute("aria-valuetext", `right ${x}, up ${y}. ${describePoint(this.point)}`);
    for (const label of byId("sliders").children) {
      const [slider, output] = label.querySelectorAll("input, output");
      const value = this.z[Number(slider.dataset.index)];
      slider.value = value;
      output.textContent = shortNumber(value);
    }
    this.page.shelf.refresh();
  }

  fillSliders() {
    const { dimension, reach } = this.noise;
    const last = Math.min(dimension, this.firstSlider + SLIDERS);
    const labels = [];
    for (let i = this.firstSlider; i < last; i++) {
      const slider = make("input", { type: "range", min: -reach, max: reach, step: "any" });
      slider.dataset.index = i;
      slider.addEventListener("input", () => this.slide(i, Number(slider.value)));
      slider.addEventListener("change", () => this.drawMap());
      labels.push(make("label", {}, `z${i + 1}`, slider, make("output")));
    }
    byId("sliders").replaceChildren(...labels);
    byId("pager").hidden = dimension <= SLIDERS;
    byId("shown").textContent = `${this.firstSlider + 1} to ${last} of ${dimension}`;
    byId("before").disabled = this.firstSlider === 0;
    byId("after").disabled = last === dimension;
  }

  slide(index, value) {
    const z = Float32Array.from(this.z);
    z[index] = value;
    this.center(this.noise.within(z));
  }

  // Fills the pad with samples at its points, a row at a time, so that the page stays responsive.
  async drawMap() {
    const { players, klass } = this.page;
    const canvas = byId("map");
    const [width, height] = pictureSize(players.view);
    const drawing = (this.drawing = {});
    canvas.width = MAP * width;
    canvas.height = MAP * height;
    const context = canvas.getContext("2d");
    const at = (i) => this.reach * ((2 * (i + 0.5)) / MAP - 1);
    for (let row = 0; row < MAP; row++) {
      await nextTask();
      if (this.drawing !== drawing) return; // a newer map is being drawn
      const z = Array.from({ length: MAP }, (_, column) =>
        padPoint(this.noise, this.base, this.directions, at(column), -at(row))
      );
      players.generate(z, z.map(() => klass)).forEach((sample, column) => {
        paintAt(context, column * width, row * height, sample, players.view, players.cloud);
      });
    }
  }
}
