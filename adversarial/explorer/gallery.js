// The section "Samples at random", and the shelf of kept samples.
"use strict";

const SHOWN = 24;

class Gallery {
  constructor(page) {
    this.page = page;
    this.points = []; // until the first are drawn
    byId("redraw").addEventListener("click", () => this.redraw());
    byId("sort").addEventListener("change", () => this.fill());
    byId("sort-choice").hidden = !page.players.discriminator;
    const verdict = "The bar is the probability, in D's judgement, that it is real.";
    byId("random-hint").textContent = `Each is G of another z. Click a sample to keep it. ${
      page.players.discriminator ? verdict : ""
    }`;
    this.redraw();
  }

  // New samples, a few at a time, so that the page stays responsive.
  async redraw() {
    const { players, random, klass } = this.page;
    const drawing = (this.drawing = {});
    const z = Array.from({ length: SHOWN }, () => players.noise.draw(random));
    const points = [];
    for (let i = 0; i < SHOWN; i += 4) {
      await nextTask();
      if (this.drawing !== drawing) return; // newer samples are being drawn
      points.push(...players.points(z.slice(i, i + 4), new Array(4).fill(klass)));
    }
    this.points = points;
    this.fill();
  }

  fill() {
    const points = [...this.points];
    if (byId("sort").checked) points.sort((a, b) => b.verdict - a.verdict);
    byId("grid").replaceChildren(
      ...points.map((point, i) => {
        const keep = () => this.page.shelf.toggle(point);
        const button = thumbnail(point, this.page.players, `Keep sample ${i + 1}`, keep);
        button.point = point;
        return button;
      })
    );
    this.page.shelf.refresh();
  }
}

class Shelf {
  constructor(page) {
    this.page = page;
    this.kept = [];
    byId("save-png").addEventListener("click", () => this.savePng());
    byId("save-npy").addEventListener("click", () => this.saveNpy());
    byId("save-json").addEventListener("click", () => this.saveJson());
  }

  toggle(point) {
    const at = this.kept.indexOf(point);
    if (at < 0) this.kept.push(point);
    else this.kept.splice(at, 1);
    this.fill();
    this.page.walk.offerKept();
  }

  fill() {
    byId("shelf").hidden = !this.kept.length;
    byId("kept-count").textContent = `${this.kept.length} kept`;
    byId("kept").replaceChildren(
      ...this.kept.map((point, i) => {
        const label = `Kept sample ${i + 1}: move on from it`;
        const thumb = thumbnail(point, this.page.players, label, () => this.page.moveOnFrom(point));
        const remove = make("button", { type: "button", className: "remove", textContent: "×" });
        remove.setAttribute("aria-label", `Remove kept sample ${i + 1}`);
        remove.addEventListener("click", () => {
          this.toggle(point);
          // The focus, which was on this button, goes to the next.
          const others = byId("kept").querySelectorAll(".remove");
          if (others.length) others[Math.min(i, others.length - 1)].focus();
          else byId("keep").focus();
        });
        return make("div", { className: "kept" }, thumb, remove);
      })
    );
    this.refresh();
  }

  // Marks what is kept, in all sections.
  refresh() {
    const mark = (button, point) =>
      button.setAttribute("aria-pressed", String(this.kept.includes(point)));
    for (const button of byId("grid").children) mark(button, button.point);
    const { explore, walk } = this.page;
    for (const [id, section] of [["keep", explore], ["keep-walked", walk]]) {
      mark(byId(id), section && section.point);
      byId(id).textContent = section && this.kept.includes(section.point) ? "Kept" : "Keep";
    }
  }

  savePng() {
    const { view, cloud } = this.page.players;
    sheet(this.kept.map((point) => point.sample), view, cloud).toBlob((blob) => {
      save(blob, `${this.page.title}_kept.png`);
    });
  }

  // The array that `show_samples.py --z` takes.
  saveNpy() {
    const { dimension } = this.page.players.noise;
    const rows = joinRows(this.kept.map((point) => point.z), dimension);
    save(new Blob([npyHeader([this.kept.length, dimension]), rows]), `${this.page.title}_z.npy`);
  }

  saveJson() {
    const kept = this.kept.map(({ z, klass, verdict }) => ({
      z: Array.from(z),
      class: klass,
      probability_real: verdict,
    }));
    const text = `${JSON.stringify(kept, null, 1)}\n`;
    save(new Blob([text], { type: "application/json" }), `${this.page.title}_kept.json`);
  }
}

// The beginning of NumPy's file of a float32 matrix (format 1.0); its length is a multiple of 64.
function npyHeader(shape) {
  const what = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`;
  const before = 10; // bytes
  const text = `${what.padEnd(Math.ceil((before + what.length + 1) / 64) * 64 - before - 1)}\n`;
  const lengths = [text.length & 255, text.length >> 8];
  return Uint8Array.of(
    0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, ...lengths, ...new TextEncoder().encode(text)
  );
}

function save(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
