// Keeps open pages current. One tab of a browser reads the stream and tells the others: HTTP/1.1 allows six connections only.
"use strict";
const main = document.getElementById("main");
const connection = document.getElementById("connection");
const channel = new BroadcastChannel("tocsin-room");
const refresh = () => { if (main && main.dataset.live !== undefined) htmx.trigger(main, "refresh"); };
const say = (text) => { if (connection && connection.textContent !== text) connection.textContent = text; };
let standing = ""; // what the tab that reads the stream last said of it
const heard = (signal) => {
  if (signal.ask) { if (standing) channel.postMessage({state: standing}); return; }
  if (signal.state) { say(signal.state); if (signal.again) refresh(); return; }
  const mine = main ? main.dataset.live : undefined;
  if (mine === "" || signal.changed.includes(mine)) refresh();
};
const tell = (signal) => { standing = signal.state || standing; channel.postMessage(signal); heard(signal); };
channel.onmessage = (message) => heard(message.data);
if (main && main.dataset.live !== undefined) {
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
document.addEventListener("keydown", (key) => {
  if (key.key === "." && !key.ctrlKey && !key.metaKey && document.activeElement === document.body) refresh();
});
