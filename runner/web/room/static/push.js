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
      const asked = {userVisibleOnly: true, applicationServerKey: form.dataset.push};
      // A subscription for this key is returned as it is: it works, also if its owner does not confirm this form.
      const made = await pushManager.subscribe(asked).catch(async (error) => {
        if (error.name !== "InvalidStateError") throw error; // there is one for another key
        await (await pushManager.getSubscription())?.unsubscribe();
        return pushManager.subscribe(asked);
      });
      const {endpoint, keys} = made.toJSON();
      field.value = `${endpoint}#${keys.p256dh}.${keys.auth}`;
      form.submit();
    } catch (error) {
      form.querySelector("[role=status]").textContent = "Push is not on. Allow notifications of this page in the browser, then try again.";
    }
  });
}
