// What a page can do better with a script: local times, copying, and following a run live.
// Every page reads well without it.

const two = (part) => String(part).padStart(2, "0");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

function dayOf(moment) {
  return moment.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

function clockOf(moment) {
  return `${two(moment.getHours())}:${two(moment.getMinutes())}`;
}

// The server writes times in text (tooltips, options, titles) as "22 Nov 2026 12:48 UTC".
const WRITTEN = /\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2} UTC/g;

function translate(text) {
  return text.replace(WRITTEN, (utc) => {
    const moment = new Date(utc);
    return Number.isNaN(moment.valueOf()) ? utc : `${dayOf(moment)} ${clockOf(moment)}`;
  });
}

function local(root) {
  const now = new Date();
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    const today = moment.toDateString() === now.toDateString();
    time.title = `${moment.toLocaleString("en-GB", { dateStyle: "full", timeStyle: "long" })} (${zone})`;
    if (time.dataset.ago === undefined) {
      time.textContent = today ? `Today ${clockOf(moment)}` : `${dayOf(moment)} ${clockOf(moment)}`;
    }
  }
  for (const element of root.querySelectorAll("option, svg title, [data-times]")) {
    const text = translate(element.textContent);
    if (text !== element.textContent) element.textContent = text;
  }
  for (const element of root.querySelectorAll("[title]:not(time), [aria-label]")) {
    for (const name of ["title", "aria-label"]) {
      if (element.hasAttribute(name)) element.setAttribute(name, translate(element.getAttribute(name)));
    }
  }
  // Days that a form asks for are those of the viewer.
  for (const field of root.querySelectorAll("input[data-zone-name]")) field.value ||= zone;
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("button[data-copy]");
  if (!button) return;
  const label = button.textContent;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1500);
});

// What a script does to HTML of the server before it is shown, whether it came with the page or later.
function prepare(root) {
  local(root);
  for (const button of root.querySelectorAll("button[data-copy]")) button.hidden = !navigator.clipboard;
}

const UNITS = [[86400, "day", "days"], [3600, "h", "h"], [60, "min", "min"], [1, "s", "s"]];

// A duration in its two largest units, as the server writes it.
function spoken(seconds) {
  let rest = Math.floor(seconds);
  const counts = UNITS.map(([size]) => {
    const count = Math.floor(rest / size);
    rest %= size;
    return count;
  });
  const first = counts.findIndex((count) => count > 0);
  if (first < 0) return "0 s";
  const shown = [first, first + 1].filter((index) => counts[index] > 0);
  return shown.map((index) => `${counts[index]} ${UNITS[index][counts[index] === 1 ? 1 : 2]}`).join(" ");
}

// Clocks of what goes on: by how long it took when the server wrote them, whatever the time here.
const clockStarts = new WeakMap();

function tick() {
  for (const clock of document.querySelectorAll("[data-took]")) {
    const { took } = clock.dataset;
    if (clockStarts.get(clock)?.took !== took) {
      clockStarts.set(clock, { took, at: performance.now() - 1000 * took });
    }
    const text = spoken((performance.now() - clockStarts.get(clock).at) / 1000);
    if (text !== clock.textContent && !isSelected(clock)) clock.textContent = text;
  }
}

function isSelected(node) {
  const selection = getSelection();
  return selection.rangeCount > 0 && !selection.isCollapsed && selection.getRangeAt(0).intersectsNode(node);
}

// Whether somebody is typing in a field, or has changed it.
function isTyped(field) {
  if (!field.matches?.("input, textarea, select")) return false;
  if (field === document.activeElement) return true;
  if (field.matches("select")) return [...field.options].some((option) => option.selected !== option.defaultSelected);
  return field.value !== field.defaultValue || field.checked !== field.defaultChecked;
}

let postponed; // the last content that could not be shown whole, because the reader had selected some

// What the reader opened, selected or typed stays as it is.
const KEEPING = {
  beforeNodeMorphed(node, fresh) {
    if (node.nodeType === Node.TEXT_NODE) {
      if (node.nodeValue === fresh.nodeValue || !isSelected(node)) return true;
      postponed = {};
      return false;
    }
    return !(node.matches?.("[data-keep]") || isTyped(node));
  },
  beforeNodeRemoved(node) {
    if (node.contains?.(document.activeElement) && isTyped(document.activeElement)) return false;
    if (!node.textContent.trim() || !isSelected(node)) return true;
    postponed = {};
    return false;
  },
  beforeAttributeUpdated(name, element) {
    return !(name === "open" && element.matches("details"));
  },
};

function morph(element, html) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  prepare(fresh.content);
  Idiomorph.morph(element, [...fresh.content.childNodes], { morphStyle: "innerHTML", callbacks: KEEPING });
}

// The server renders, this only puts in place; `region` is null where only the bar is followed.
function show(region, content) {
  postponed = undefined;
  if (region && content.html !== undefined) morph(region, content.html);
  const bar = document.getElementById("safeguards-bar");
  if (bar && content.bar !== undefined) morph(bar, content.bar);
  if (content.title) document.title = translate(`${content.title} · ChaosIQ console`);
  if (postponed) postponed = { region, content };
  tick();
}

document.addEventListener("selectionchange", () => {
  if (postponed?.content && getSelection().isCollapsed) show(postponed.region, postponed.content);
});

// A line above the page's content on why it stands still; nothing takes it away.
function say(region, words, link) {
  const place = region ?? document.getElementById("main").firstElementChild;
  const line = document.querySelector(".live-note") ?? document.createElement("div");
  if (!words) return line.remove();
  if (line.dataset.words === words) return undefined; // not read out again
  line.className = "say wrong live-note";
  line.setAttribute("role", "alert");
  line.dataset.words = words;
  const paragraph = document.createElement("p");
  paragraph.append(words);
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = `/signin?next=${encodeURIComponent(location.pathname + location.search)}`;
    anchor.textContent = link;
    paragraph.append(" ", anchor);
  }
  line.replaceChildren(paragraph);
  if (!line.isConnected) place.before(line);
  return undefined;
}

const SILENCE = 3500; // milliseconds without an event, of which there is one every second
const RETRY = 3000; // milliseconds between two new connections

// Follow a stream of the console: of a region of the page and the bar, or (null) of the bar alone.
function follow(address, region) {
  let source, timer, lastEvent, lastTry, silentSince;

  function connect() {
    lastTry = Date.now();
    source = new EventSource(address);
    source.addEventListener("alive", hear);
    source.addEventListener("page", (event) => { hear(); show(region, JSON.parse(event.data)); });
    source.addEventListener("over", () => {
      finish();
      if (region) followBar(); // the run is over, safeguards are not
    });
    source.addEventListener("ended", (event) => {
      finish();
      if (JSON.parse(event.data).reason === "signed-out") {
        say(region, "You are signed out: this page does not change any more.", "Sign in");
      } else {
        say(region, "This page does not change any more: it is gone, or not yours to see.");
      }
    });
  }

  function hear() {
    lastEvent = Date.now();
    silentSince = undefined;
    say(region, "");
  }

  function finish() {
    pause();
    document.removeEventListener("visibilitychange", look);
    say(region, "");
  }

  function pause() {
    clearInterval(timer);
    source?.close();
  }

  // A page that nobody sees holds no connection: browsers open only six to one server.
  function look() {
    pause();
    if (document.hidden) return;
    lastEvent = Date.now();
    silentSince = undefined;
    timer = setInterval(watch, 500);
    connect();
  }

  // A connection that breaks without a word raises no error, so only silence shows it.
  function watch() {
    if (Date.now() - lastEvent < SILENCE) return;
    silentSince ??= new Date(lastEvent);
    const clock = [silentSince.getHours(), silentSince.getMinutes(), silentSince.getSeconds()];
    say(region, `No contact with the console since ${clock.map(two).join(":")}: what stands here may be out of date. Trying again.`);
    if (Date.now() - lastTry < RETRY) return;
    source.close();
    connect();
  }

  document.addEventListener("visibilitychange", look);
  look();
}

function followBar() {
  const bar = document.querySelector("#safeguards-bar[data-stream]");
  if (bar) follow(bar.dataset.stream, null);
}

prepare(document);
tick();
setInterval(tick, 1000);
for (const element of document.querySelectorAll("[data-zone]")) {
  element.textContent = `your zone, ${zone}`;
}
const live = document.querySelector("[data-live]");
if (live) follow(live.dataset.live, live);
else followBar();

document.title = translate(document.title);

const tab = document.querySelector(".tabs [aria-current]");
if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.clientWidth / 3;
