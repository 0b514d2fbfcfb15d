// The section "Walk between two samples": Figure 3 of the paper, with a slider.
"use strict";

const STILLS = 11;
const SECONDS = 4; // from one end to the other

class Walk {
  constructor(page) {
    this.page = page;
    this.ends = { from: null, to: null };
    this.choices = { from: "random", to: "random" };
    this.t = 0.5;
    this.draw = everyFrame(() => this.show());
    byId("t").addEventListener("input", (event) => this.goTo(Number(event.target.value)));
    byId("play").addEventListener("click", () => (this.playing ? this.stop() : this.play()));
    byId("keep-walked").addEventListener("click", () => page.shelf.toggle(this.point));
    byId("ends").addEventListener("click", () => this.newEnds());
    for (const end of ["from", "to"]) {
      byId(`${end}-choice`).addEventListener("change", (event) => this.choose(end, event.target.value));
    }
    const straight = "In z, the walk is a straight line from a to b: z = (1 − t) · a + t · b.";
    byId("walk-hint").textContent = `${straight} ${{
      uniform: "Both ends lie within the range of the noise, and so does each point between them.",
      normal: "In the middle, z is shorter than noise usually is.",
      spherical: "Each z is then put back on the sphere on which the noise lies.",
    }[page.players.noise.kind]}`;
    this.newEnds();
    this.offerKept();
  }

  newEnds() {
    for (const end of ["from", "to"]) {
      this.choices[end] = "random";
      this.ends[end] = this.randomPoint();
    }
    this.offerKept();
    this.changed();
  }

  randomPoint() {
    const { players, random, klass } = this.page;
    return players.point(players.noise.draw(random), klass);
  }

  choose(end, choice) {
    const { explore, shelf } = this.page;
    if (choice === "random") this.ends[end] = this.randomPoint();
    else if (choice === "current") this.ends[end] = explore.point;
    else this.ends[end] = shelf.kept[Number(choice)];
    this.choices[end] = choice;
    this.changed();
  }

  // Lists the kept samples among the possible ends.
  offerKept() {
    const { kept } = this.page.shelf;
    for (const end of ["from", "to"]) {
      const at = kept.indexOf(this.ends[end]);
      if (at >= 0) this.choices[end] = String(at);
      else if (!["random", "current"].includes(this.choices[end])) this.choices[end] = "random";
      const options = [["random", "random"], ["current", "sample above"]];
      options.push(...kept.map((_, i) => [String(i), `kept ${i + 1}`]));
      fillSelect(byId(`${end}-choice`), options, this.choices[end]);
    }
  }

  changed() {
    for (const end of ["from", "to"]) {
      showPicture(byId(end), this.ends[end], this.page.players);
      showVerdict(byId(`${end}-verdict`), this.ends[end]);
    }
    this.draw();
    this.drawStills();
  }

  at(t) {
    const { from, to } = this.ends;
    const z = walkPoint(this.page.players.noise, from.z, to.z, t);
    return { z, klass: t < 0.5 ? from.klass : to.klass };
  }

  show() {
    const { t } = this;
    byId("t").value = t; // rounded to the slider's steps, which are larger than a frame's
    const { z, klass } = this.at(t);
    this.point = this.page.players.point(z, klass);
    byId("t").setAttribute("aria-valuetext", `t = ${t.toFixed(2)}. ${describePoint(this.point)}`);
    showPicture(byId("walked"), this.point, this.page.players);
    showVerdict(byId("walked-verdict"), this.point);
    this.page.shelf.refresh();
  }

  async drawStills() {
    const drawing = (this.drawing = {});
    const stills = [];
    for (let i = 0; i < STILLS; i++) {
      await nextTask();
      if (this.drawing !== drawing) return;
      const t = i / (STILLS - 1);
      const { z, klass } = this.at(t);
      const point = this.page.players.point(z, klass);
      const go = () => this.goTo(t);
      stills.push(thumbnail(point, this.page.players, `Go to t = ${t}`, go));
    }
    byId("film").replaceChildren(...stills);
  }

  play() {
    byId("play").textContent = "Pause";
    let before = performance.now();
    let forward = this.t < 1;
    const playing = (this.playing = {});
    const step = (now) => {
      if (this.playing !== playing) return;
      const moved = (now - before) / 1000 / SECONDS;
      before = now;
      const t = this.t + (forward ? moved : -moved);
      if (t >= 1 || t <= 0) forward = t <= 0;
      this.t = Math.max(0, Math.min(1, t));
      this.show();
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  goTo(t) {
    this.stop();
    this.t = t;
    this.draw();
  }

  stop() {
    this.playing = null;
    byId("play").textContent = "Play";
  }
}
