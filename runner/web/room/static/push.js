// Turns on push in this browser: subscribes for the key of the form, and sends the subscription with the form.
"use strict";
for (const form of document.querySelectorAll("form[data-push]")) {
  if (!("serviceWorker" in navigator && "PushManager" in window)) continue;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    const field = form.querySelector("[data-answer]");
    if (field.value) return;
    event.preventDefault();
    try {
      if (await Notification.requestPermission() !== "granted") throw new Error("not allowed");
      await navigator.serviceWorker.register("/worker.js");
      const {pushManager} = await navigator.serviceWorker.ready;
      await (await pushManager.getSubscription())?.unsubscribe();
      const made = await pushManager.subscribe({userVisibleOnly: true, applicationServerKey: form.dataset.push});
      const {endpoint, keys} = made.toJSON();
      field.value = `${endpoint}#${keys.p256dh}.${keys.auth}`;
      form.submit();
    } catch (error) {
      form.querySelector("[role=status]").textContent = "Push is not on. Allow notifications of this page in the browser, then try again.";
    }
  });
}
