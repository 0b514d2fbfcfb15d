// Starts the page: reads the model, says what it is, and makes the sections.
"use strict";

class Page {
  constructor(model, players) {
    this.players = players;
    this.title = model.title;
    this.random = randomSource(model.seed);
    this.klass = players.classes ? 0 : null;
    describeModel(model, players);
    document.body.classList.toggle("pixels", players.view.kind === "image");
    this.shelf = new Shelf(this);
    this.walk = new Walk(this);
    this.explore = new Explore(this);
    this.gallery = new Gallery(this);
    if (players.classes) this.offerClasses();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  offerClasses() {
    byId("class-choice").hidden = false;
    const names = Array.from({ length: this.players.classes }, (_, i) => [String(i), String(i)]);
    fillSelect(byId("class"), names, "0");
    byId("class").addEventListener("change", (event) => {
      this.klass = Number(event.target.value);
      this.explore.startAt(this.explore.z);
      this.gallery.redraw();
      this.walk.newEnds();
    });
  }

  moveOnFrom(point) {
    if (this.players.classes) {
      this.klass = point.klass;
      byId("class").value = String(point.klass);
    }
    this.explore.startAt(point.z);
    byId("explore").scrollIntoView({ block: "nearest" });
  }

  // Plots have the colours of the page.
  redraw() {
    this.explore.show();
    this.gallery.fill();
    this.walk.changed();
    this.shelf.fill();
  }
}

function describeModel(model, players) {
  const name = (letter) => make("b", { className: letter.toLowerCase(), textContent: letter });
  const made = model.view.kind === "image" ? "picture" : "sample";
  const about = byId("about");
  about.append(
    name("G"), ", the generator, is a neural network that turns ", name("z"),
    `, a list of ${players.noise.dimension} random numbers, into a ${made} like those that it `,
    "was trained on. "
  );
  if (model.discriminator) {
    about.append(
      name("D"), ", the discriminator, is the opponent of G in training: it gives the ",
      `probability that a ${made} is real, and not made by G.`
    );
  } else about.append(`The model has no discriminator D, which would judge each ${made}.`);
  byId("facts").textContent = `${noiseText(players.noise)} ${viewText(players.view)}`;
}

function noiseText({ kind, dimension }) {
  const bound = BOUND.toFixed(2);
  return `z: ${dimension} numbers, ${{
    uniform: `each uniform between −${bound} and ${bound}`,
    normal: "each normal with mean 0 and standard deviation 1",
    spherical: "a random point of a sphere of radius 1",
  }[kind]}.`;
}

function viewText({ kind, shape }) {
  if (kind !== "image") return "";
  const [rows, columns, channels] = shape;
  return `Pictures: ${columns} × ${rows} pixels, ${channels === 3 ? "in colour" : "grey"}.`;
}

function start() {
  const model = JSON.parse(byId("model").textContent);
  const players = new Players(model, bytesOf(byId("weights").textContent));
  byId("main").hidden = false;
  return new Page(model, players);
}

let page;
try {
  page = start();
} catch (error) {
  byId("fault").hidden = false;
  byId("fault").textContent = `The model does not run in this browser: ${error.message}`;
  throw error;
}
