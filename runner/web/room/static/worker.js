// Shows a notification and reports that it was shown; a click opens its message. It keeps nothing.
"use strict";
addEventListener("push", (event) => event.waitUntil(show(event.data.json())));
addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(clients.openWindow(event.notification.data));
});

async function show({title, text, key, mark, open}) {
  const recalled = !mark; // acknowledged elsewhere, or cancelled
  await registration.showNotification(title, {body: text, tag: key, data: open, requireInteraction: !recalled, silent: recalled});
  if (!recalled) await fetch("/push/shown", {method: "POST", credentials: "omit", body: JSON.stringify({key, mark})});
}
