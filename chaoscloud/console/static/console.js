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

function copying(root) {
  if (!navigator.clipboard) return;
  for (const button of root.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const said = button.textContent;
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = said; }, 1500);
    });
  }
}

// The server renders, this only puts in place; what the reader opened stays open.
function replace(region, { html, bar, title }) {
  const open = new Set([...region.querySelectorAll("details[open][id]")].map((details) => details.id));
  const active = document.activeElement;
  const typing = active?.closest("[data-keep]") ? active : null;
  const focused = !typing && active?.closest("details[id]")?.id;
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  for (const typed of region.querySelectorAll("[data-keep][id]")) {
    fresh.content.getElementById(typed.id)?.replaceWith(typed); // what is being typed stays
  }
  region.replaceChildren(fresh.content);
  if (typing?.isConnected) typing.focus({ preventScroll: true });
  document.getElementById("safeguards-bar").innerHTML = bar;
  document.title = `${title} · ChaosIQ console`;
  for (const id of open) region.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  if (focused) region.querySelector(`#${CSS.escape(focused)} > summary`)?.focus({ preventScroll: true });
  local(document);
  copying(region);
}

// A line above the page's content on why it stands still; nothing takes it away.
function say(region, words, link) {
  const before = region.previousElementSibling;
  const line = before?.matches(".live-note") ? before : document.createElement("div");
  if (!words) return line.remove();
  if (line.dataset.words === words) return undefined; // said already: not read out again
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
  region.before(line);
  return undefined;
}

const SILENCE = 3500; // milliseconds without an event, of which there is one every second
const RETRY = 3000; // milliseconds between two new connections

function follow(region) {
  let source, lastEvent = Date.now(), lastTry, silentSince;
  const timer = setInterval(watch, 500);

  function connect() {
    lastTry = Date.now();
    source = new EventSource(region.dataset.live);
    source.addEventListener("alive", hear);
    source.addEventListener("page", (event) => { hear(); replace(region, JSON.parse(event.data)); });
    source.addEventListener("over", finish);
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
    clearInterval(timer);
    source.close();
    say(region, "");
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

  connect();
}

local(document);
copying(document);
for (const element of document.querySelectorAll("[data-zone]")) {
  element.textContent = `your zone, ${zone}`;
}
for (const region of document.querySelectorAll("[data-live]")) follow(region);

document.title = translate(document.title);

const tab = document.querySelector(".tabs [aria-current]");
if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.clientWidth / 3;
