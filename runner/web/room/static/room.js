// Keeps open pages current, and typed text safe. One tab of a browser reads the stream and tells the others: HTTP/1.1 allows
// six connections only.
"use strict";
const live = document.getElementById("live");
const acts = document.getElementById("acts");
const connection = document.getElementById("connection");
const channel = new BroadcastChannel("tocsin-room");
const follows = live && live.hasAttribute("hx-get");
const SILENCE = 12000; // milliseconds: two signs of life of the server, and some more
const GONE = "NOT LIVE: what you see may be old. Reload the page.";
const state = () => document.getElementById("state");
const say = (text) => {
  if (!follows || connection.textContent === text) return;
  connection.textContent = text;
  connection.classList.toggle("gone", text === GONE);
};
const refresh = () => { if (follows) htmx.trigger(live, "refresh"); };
let heardAt = 0;
let leads = false; // this tab reads the stream
const heard = (signal) => {
  if (signal.ask) { if (leads && Date.now() - heardAt < SILENCE) channel.postMessage({alive: true}); return; }
  if (signal.gone) { heardAt = 0; say(GONE); return; }
  heardAt = Date.now();
  say("Live");
  if (signal.again) { refresh(); return; }
  const mine = state().dataset.live;
  if (signal.changed && (mine === "" || signal.changed.includes(mine))) refresh();
};
const tell = (signal) => { channel.postMessage(signal); heard(signal); };
channel.onmessage = (message) => heard(message.data);

const read = () => {
  const source = new EventSource("/live");
  source.onmessage = (message) => tell(JSON.parse(message.data));
  // After a break anything may have happened: every tab asks again.
  source.onopen = () => tell({again: true});
  const again = () => { source.close(); tell({gone: true}); setTimeout(read, 3000); };
  source.addEventListener("bye", again);
  source.onerror = () => { if (source.readyState === EventSource.CLOSED) again(); else tell({gone: true}); };
};
if (follows) {
  channel.postMessage({ask: true});
  navigator.locks.request("tocsin-room", () => new Promise(() => { leads = true; read(); }));
  setInterval(() => { if (Date.now() - heardAt > SILENCE) say(GONE); }, 2000);
  setInterval(refresh, 60000); // the times left change without an event
}

// A text that was typed is kept in this browser until the server says that it took the form; logging out removes it.
const fields = acts ? [...acts.querySelectorAll("input:not([type=hidden]), textarea, select")] : [];
const isPrivate = (field) => field.form.dataset.draft === "privileged"; // stays in this page alone
const place = (form) => `draft:${form.getAttribute("action")}:`; // the same on the page and on the answer of a refused form
const typed = () => fields.some((field) => field.files?.length || localStorage.getItem(place(field.form) + field.name) !== null
  || (isPrivate(field) && field.value !== field.defaultValue));
const taken = document.cookie.split("; ").find((one) => one.startsWith("tocsin-taken="));
if (taken) {
  const done = `draft:${decodeURIComponent(taken.split("=")[1])}:`;
  Object.keys(localStorage).filter((key) => key.startsWith(done)).forEach((key) => localStorage.removeItem(key));
  document.cookie = "tocsin-taken=; max-age=0; path=/";
}
for (const field of fields.filter((one) => one.type !== "file" && !isPrivate(one))) { // no script may choose a file
  const key = place(field.form) + field.name;
  const kept = localStorage.getItem(key);
  if (kept !== null && field.form.elements.sure) localStorage.setItem(key, field.value); // the preview settled what was typed
  else if (kept !== null) {
    field.value = kept;
    const around = field.closest("details");
    if (around) around.open = true;
  }
  field.addEventListener("input", () => {
    if (field.tagName !== "SELECT" && field.value === field.defaultValue) localStorage.removeItem(key);
    else localStorage.setItem(key, field.value);
  });
}
if (follows) {
  let sentAt = 0;
  addEventListener("submit", () => { sentAt = Date.now(); });
  new MutationObserver(() => {
    const now = state();
    if (!now || Date.now() - sentAt < 30000) return; // drawing anew would end the request of a form that was just sent
    document.getElementById("open").textContent = now.dataset.open;
    if (!acts || now.dataset.mark === acts.dataset.mark) return;
    // The page changed: without typed text the page is drawn anew, otherwise the person decides.
    if (typed()) document.getElementById("changed").textContent = "This page changed. Reload the page before you send. Your text is kept.";
    else location.replace(live.getAttribute("hx-get").replace(/[?&]part=live/, "")); // a reload would send a refused form again
  }).observe(live, {childList: true, subtree: true, attributes: true});
}

document.documentElement.classList.add("scripted");
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) navigator.clipboard.writeText(button.dataset.copy).then(() => { button.textContent = "Copied"; });
});

// What changed since this browser last showed the incident: the number of its entries then, and the time.
const since = document.getElementById("since");
if (since) {
  const key = `looked:${location.pathname}`;
  const [before, then] = (localStorage.getItem(key) || state().dataset.seen).split(" ");
  const more = state().dataset.seen.split(" ")[0] - before;
  const link = since.firstElementChild;
  link.textContent = `${more} new ${more === 1 ? "entry" : "entries"} since you last looked`;
  link.search = new URLSearchParams({since: then, all: "1"});
  since.hidden = more < 1;
  addEventListener("pagehide", () => localStorage.setItem(key, state().dataset.seen));
}
