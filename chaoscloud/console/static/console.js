// What a page can do better with a script: local times, copying, and following a run live.
// Every page reads well without it.

const two = (part) => String(part).padStart(2, "0");

function local(root) {
  const now = new Date();
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    const clock = `${two(moment.getHours())}:${two(moment.getMinutes())}`;
    const sameYear = moment.getFullYear() === now.getFullYear();
    const today = moment.toDateString() === now.toDateString();
    const day = moment.toLocaleDateString("en-GB", {
      day: "numeric", month: "short", year: sameYear ? undefined : "numeric",
    });
    time.title = `${moment.toLocaleString("en-GB", { dateStyle: "full", timeStyle: "long" })} · ${time.dateTime}`;
    if (time.dataset.ago === undefined) time.textContent = today ? `Today ${clock}` : `${day} ${clock}`;
  }
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
function follow(region) {
  const source = new EventSource(region.dataset.live);
  source.addEventListener("page", (event) => {
    const open = new Set([...region.querySelectorAll("details[open][id]")].map((it) => it.id));
    const active = document.activeElement;
    const typing = active?.closest("[data-keep]") ? active : null;
    const focused = !typing && active?.closest("details[id]")?.id;
    const { html, bar, title } = JSON.parse(event.data);
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    for (const kept of region.querySelectorAll("[data-keep][id]")) {
      fresh.content.getElementById(kept.id)?.replaceWith(kept); // what is being typed stays
    }
    region.replaceChildren(fresh.content);
    if (typing?.isConnected) typing.focus({ preventScroll: true });
    document.getElementById("safeguards-bar").innerHTML = bar;
    document.title = `${title} · ChaosIQ console`;
    for (const id of open) region.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
    if (focused) region.querySelector(`#${CSS.escape(focused)} > summary`)?.focus({ preventScroll: true });
    local(document);
    copying(region);
  });
  source.addEventListener("over", () => source.close());
}

local(document);
copying(document);
for (const zone of document.querySelectorAll("[data-zone]")) {
  zone.textContent = `your zone, ${Intl.DateTimeFormat().resolvedOptions().timeZone}`;
}
for (const region of document.querySelectorAll("[data-live]")) follow(region);

const tab = document.querySelector(".tabs [aria-current]");
if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.clientWidth / 3;
