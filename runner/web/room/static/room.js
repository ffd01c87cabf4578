// Keeps open pages current, and typed text safe. One tab of a browser reads the stream and tells the others: HTTP/1.1 allows
// six connections only.
"use strict";
const live = document.getElementById("live");
const acts = document.getElementById("acts");
const connection = document.getElementById("connection");
const channel = new BroadcastChannel("tocsin-room");
const follows = live && live.dataset.live !== undefined;
const refresh = () => { if (follows) htmx.trigger(live, "refresh"); };
const say = (text) => { if (connection && connection.textContent !== text) connection.textContent = text; };
let standing = ""; // what the tab that reads the stream last said of it
const heard = (signal) => {
  if (signal.ask) { if (standing) channel.postMessage({state: standing}); return; }
  if (signal.state) { say(signal.state); if (signal.again) refresh(); return; }
  const mine = live ? live.dataset.live : undefined;
  if (mine === "" || signal.changed.includes(mine)) refresh();
};
const tell = (signal) => { standing = signal.state || standing; channel.postMessage(signal); heard(signal); };
channel.onmessage = (message) => heard(message.data);
if (follows) {
  channel.postMessage({ask: true});
  navigator.locks.request("tocsin-room", () => new Promise((done) => {
    const source = new EventSource("/live");
    source.onmessage = (message) => tell(JSON.parse(message.data));
    // After a break anything may have happened: every tab asks again.
    source.onopen = () => tell({state: "Live", again: true});
    source.onerror = () => tell({state: "NOT LIVE: the server does not answer. Reload the page."});
    source.addEventListener("bye", () => { tell({state: "NOT LIVE: logged out, or the server stopped. Reload the page."}); source.close(); done(); });
  }));
  setInterval(refresh, 60000); // the times left change without an event
}

// A text that was typed is kept in this browser until the server has taken it; logging out removes it.
const fields = acts ? [...acts.querySelectorAll("input:not([type=hidden]), textarea, select")] : [];
const place = (form) => `draft:${location.pathname}:${form.dataset.draft}:`;
const typed = () => fields.some((field) => localStorage.getItem(place(field.form) + field.name));
const sent = sessionStorage.getItem("sent");
sessionStorage.removeItem("sent");
if (sent && !document.querySelector("[data-error]")) {
  Object.keys(localStorage).filter((key) => key.startsWith(sent)).forEach((key) => localStorage.removeItem(key));
}
for (const field of fields) {
  const key = place(field.form) + field.name;
  const kept = localStorage.getItem(key);
  if (kept && (!field.value || field.tagName === "SELECT")) {
    field.value = kept;
    const around = field.closest("details");
    if (around) around.open = true;
  }
  field.addEventListener("input", () => { if (field.value) localStorage.setItem(key, field.value); else localStorage.removeItem(key); });
}
if (acts) {
  acts.addEventListener("submit", (event) => sessionStorage.setItem("sent", place(event.target)));
  // The task changed while the page was open: without typed text the page is drawn anew, otherwise the person decides.
  new MutationObserver(() => {
    const now = live.querySelector("[data-mark]");
    if (!now || now.dataset.mark === acts.dataset.mark) return;
    if (typed()) document.getElementById("changed").textContent = "This task changed. Reload the page before you send. Your text is kept.";
    else location.reload();
  }).observe(live, {childList: true, subtree: true, attributes: true});
}
