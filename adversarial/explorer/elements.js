// What the sections of the page share: finding and making elements, D's verdict, thumbnails.
"use strict";

const byId = (id) => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in element && name !== "role") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// A function that calls `draw` before the next frame, once however often it was called.
function everyFrame(draw) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  };
}

function percent(probability) {
  const value = 100 * probability;
  if (value > 0 && value < 1) return "< 1 %";
  if (value < 100 && value > 99) return "> 99 %";
  return `${Math.round(value)} %`;
}

const verdictText = (point) => (point.verdict === null ? "" : `D: ${percent(point.verdict)} real`);

function showVerdict(element, point) {
  element.hidden = point.verdict === null;
  if (element.hidden) return;
  if (!element.firstChild) {
    element.append(
      make("span", { className: "bar", ariaHidden: "true" }, make("i")),
      make("span", { className: "said" })
    );
  }
  element.querySelector("i").style.width = `${100 * point.verdict}%`;
  const isSmall = element.classList.contains("small");
  element.lastChild.textContent = isSmall ? percent(point.verdict) : verdictText(point);
}

function describePoint(point) {
  const parts = [point.klass === null ? "" : `class ${point.klass}`, verdictText(point)];
  return parts.filter((part) => part).join(", ");
}

function showPicture(canvas, point, players) {
  paint(canvas, point.sample, players.view, players.cloud);
  if (canvas.getAttribute("role") === "img") {
    canvas.setAttribute("aria-label", `Sample of G. ${describePoint(point)}`);
  }
}

// A button with the picture of a point and D's verdict under it.
function thumbnail(point, players, label, onClick) {
  const canvas = make("canvas");
  showPicture(canvas, point, players);
  const button = make("button", { type: "button", className: "thumb" }, canvas);
  button.setAttribute("aria-label", `${label}. ${describePoint(point)}`);
  if (point.verdict !== null) {
    const verdict = make("span", { className: "verdict small", ariaHidden: "true" });
    showVerdict(verdict, point);
    button.append(verdict);
  }
  button.addEventListener("click", () => onClick(button));
  return button;
}

// With a true minus sign, and without one before 0.00.
const shortNumber = (value) => value.toFixed(2).replace(/^-(?=.*[1-9])/, "−").replace("-", "");

function fillSelect(select, options, chosen) {
  select.replaceChildren(
    ...options.map(([value, text]) => make("option", { value, textContent: text }))
  );
  select.value = chosen;
}
