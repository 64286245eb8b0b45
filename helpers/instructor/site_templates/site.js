// Explorables shown from saved frames, the theme, the search on the start page.
"use strict";

// Explorables ------------------------------------------------------------------------------

/** The frame nearest to the wanted values that has the moved control where it was put. */
function nearest(states, wanted, start, moved) {
  let best = null, most = -1;
  for (const state of states) {
    if (state[moved] !== wanted[moved]) continue;
    // a value that stays as it is counts most; one that goes back to its start a little
    const score = state.reduce(
      (sum, v, i) => sum + (v === wanted[i] ? 100 : v === start[i] ? 1 : 0), 0);
    if (score > most) [best, most] = [state, score];
  }
  return best;
}

function read(control) {
  const input = control.querySelector("input[type=range], select, input[type=checkbox]");
  if (!input) return Number(control.querySelector("input:checked").value);
  if (input.type === "checkbox") return Number(input.checked);
  return input.tagName === "SELECT" ? input.selectedIndex : Number(input.value);
}

function write(control, index, values) {
  const input = control.querySelector("input[type=range], select, input[type=checkbox]");
  if (!input) {
    control.querySelectorAll("input")[index].checked = true;
  } else if (input.type === "checkbox") {
    input.checked = Boolean(index);
  } else if (input.tagName === "SELECT") {
    input.selectedIndex = index;
  } else {
    input.value = index;
    input.setAttribute("aria-valuetext", values[index]);
    control.querySelector("output").textContent = values[index];
  }
}

function animate(figure) {
  const data = JSON.parse(figure.querySelector("script").textContent);
  const states = Object.keys(data.frames).map(key => key.split(",").map(Number));
  const start = data.start.split(",").map(Number);
  const controls = [...figure.querySelectorAll(".control")];
  const image = figure.querySelector("img"), words = figure.querySelector("[role=status]");
  const address = file => `${data.folder}/${file}`;
  const kept = new Map();
  let shown = start, latest = "";

  function show(state) {
    const [file, text] = data.frames[state.join(",")];
    latest = file;
    load(file).then(() => {
      if (latest !== file) return; // a newer one is on its way
      image.src = address(file);
      image.alt = text;
      words.textContent = text;
    });
  }

  function load(file) {
    if (!kept.has(file)) {
      const ahead = new Image();
      ahead.src = address(file);
      kept.set(file, ahead);
    }
    return kept.get(file).decode().catch(() => {});
  }

  /** All frames, as soon as somebody is about to use the controls. */
  function loadAll() {
    Object.values(data.frames).forEach(([file]) => load(file));
  }

  controls.forEach((control, moved) => {
    control.addEventListener("input", () => {
      const wanted = shown.with(moved, read(control));
      const state = nearest(states, wanted, start, moved);
      controls.forEach((other, i) => {
        const back = i !== moved && state[i] !== shown[i];
        other.classList.toggle("went-back", back);
        write(other, state[i], data.values[i]);
      });
      shown = state;
      show(state);
    });
  });
  for (const event of ["pointerenter", "focusin"]) {
    figure.addEventListener(event, loadAll, { once: true });
  }
  // a browser may restore controls when a page is opened again: the picture is at the start
  controls.forEach((control, i) => write(control, start[i], data.values[i]));
}

// Theme ------------------------------------------------------------------------------------

const THEMES = ["auto", "light", "dark"];

function offerThemes(button) {
  const root = document.documentElement;
  const tell = () => { button.textContent = `Theme: ${root.dataset.theme}`; };
  if (!THEMES.includes(root.dataset.theme)) root.dataset.theme = "auto";
  button.addEventListener("click", () => {
    root.dataset.theme = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* private windows */ }
    tell();
  });
  tell();
  button.hidden = false;
}

// Search -----------------------------------------------------------------------------------

const MOST_RESULTS = 40;

/** Text in small letters, without accents. */
function fold(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

function offerSearch(input) {
  const places = JSON.parse(document.getElementById("index").textContent).map(
    place => ({ ...place, all: fold(`${place.lesson} ${place.text} ${place.about}`) }));
  const results = document.getElementById("results"), found = document.getElementById("found");
  input.addEventListener("input", () => {
    const words = fold(input.value).split(/\s+/).filter(Boolean);
    const hits = words.length === 0 ? [] : places.filter(
      place => words.every(word => place.all.includes(word)));
    results.replaceChildren(...hits.slice(0, MOST_RESULTS).map(item));
    const more = hits.length > MOST_RESULTS ? `, the first ${MOST_RESULTS} are shown` : "";
    found.textContent = words.length === 0 ? ""
      : `${hits.length} ${hits.length === 1 ? "place" : "places"}${more}`;
  });
}

function item(place) {
  const entry = document.createElement("li"), link = document.createElement("a");
  link.href = place.address;
  link.textContent = place.text;
  entry.append(link, place.text === place.lesson ? "" : ` in ${place.lesson}`);
  return entry;
}

// Layout -----------------------------------------------------------------------------------

/** What is wider than the page scrolls by itself; the keyboard has to reach it. */
function reachScrollers() {
  for (const box of document.querySelectorAll("pre, .table, .formula, .rendered, .picture")) {
    if (box.scrollWidth > box.clientWidth + 1) {
      box.tabIndex = 0;
    } else {
      box.removeAttribute("tabindex");
    }
  }
}

/** The list of sections stands open beside the text, and closed above it. */
function placeContents(details) {
  const wide = matchMedia("(min-width: 75rem)");
  const place = () => { details.open = wide.matches; };
  wide.addEventListener("change", place);
  place();
}

document.querySelectorAll(".explorer").forEach(animate);
document.querySelectorAll(".contents details").forEach(placeContents);
document.querySelectorAll("#theme").forEach(offerThemes);
document.querySelectorAll("#query").forEach(offerSearch);
document.addEventListener("toggle", reachScrollers, true);
addEventListener("resize", reachScrollers);
reachScrollers();
