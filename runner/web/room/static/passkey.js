// Asks the browser for a passkey, and sends it with the form. Without a script or passkeys, the forms with a password are left.
"use strict";
for (const form of document.querySelectorAll("form[data-passkey]")) {
  const creates = form.dataset.passkey === "create";
  const Kind = window.PublicKeyCredential;
  const parse = Kind && (creates ? Kind.parseCreationOptionsFromJSON : Kind.parseRequestOptionsFromJSON);
  if (!parse) continue;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    const field = form.querySelector("[data-answer]");
    if (field.value) return;
    event.preventDefault();
    const publicKey = parse.call(Kind, JSON.parse(form.dataset.options));
    try {
      const found = await (creates ? navigator.credentials.create({publicKey}) : navigator.credentials.get({publicKey}));
      field.value = JSON.stringify(found.toJSON());
      form.submit();
    } catch (error) {
      form.querySelector("[role=status]").textContent = "No passkey was used. Try again, or use your password and a code.";
    }
  });
}
