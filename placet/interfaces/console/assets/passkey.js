// Asks for a passkey (Web Authentication) and sends back what it answered. What is asked was made by the server.
"use strict";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const named = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

function optionsFrom(given) {
  const options = { ...given, challenge: bytes(given.challenge) };
  if (given.allowCredentials) options.allowCredentials = named(given.allowCredentials);
  if (given.excludeCredentials) options.excludeCredentials = named(given.excludeCredentials);
  if (given.user) options.user = { ...given.user, id: bytes(given.user.id) };
  return options;
}

function written(credential) {
  const { response } = credential;
  const parts = { clientDataJSON: text(response.clientDataJSON) };
  if (response.attestationObject) {
    parts.attestationObject = text(response.attestationObject);
    parts.transports = response.getTransports ? response.getTransports() : [];
  } else {
    parts.authenticatorData = text(response.authenticatorData);
    parts.signature = text(response.signature);
    parts.userHandle = response.userHandle ? text(response.userHandle) : null;
  }
  return JSON.stringify({ id: credential.id, rawId: credential.id, type: credential.type, clientExtensionResults: {}, response: parts });
}

class Refused extends Error {}

// What the server asks: with the page, or when the person presses, where the page was made for nobody yet.
async function asked(form) {
  if (!form.dataset.ask) return JSON.parse(form.dataset.options);
  const answer = await fetch(form.dataset.ask, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  const said = await answer.json().catch(() => ({ error: "The server did not answer as expected. Load the page again." }));
  if (said.error) throw new Refused(said.error);
  form.elements.prompt.value = said.prompt;
  return said.options;
}

function inWords(error, form) {
  const making = form.dataset.passkey === "create";
  const whose = form.dataset.who ? ` of ${form.dataset.who}` : "";
  if (error instanceof Refused) return error.message;
  if (error.name === "InvalidStateError" && making) return "This device holds a passkey of yours for this console already.";
  if (error.name === "SecurityError") return "Browsers have no passkeys at this address. They need https, or http on localhost; a proxy's address belongs into PLACET_CONSOLE_URL.";
  if (error.name === "NotAllowedError" && making) return "No passkey was made: the prompt was closed, or it ran out. You can try again.";
  if (error.name === "NotAllowedError") return `Nothing was signed: the prompt was closed or ran out, or this device holds no passkey${whose} for this console. You can try again.`;
  if (error.name === "NotSupportedError" || error.name === "ConstraintError") return "This device cannot make a passkey that asks for a fingerprint, a face or a PIN. Use another device.";
  if (error instanceof TypeError) return "The server cannot be reached. Nothing was done; try again.";
  return `The browser could not ask for the passkey (${error.name}). Nothing was done.`;
}

async function press(form) {
  const ceremony = form.dataset.passkey;
  if (!window.isSecureContext || !navigator.credentials || !window.PublicKeyCredential) {
    throw new Refused("Browsers have no passkeys at this address. They need https, or http on localhost; a proxy's address belongs into PLACET_CONSOLE_URL.");
  }
  const publicKey = optionsFrom(await asked(form));
  const credential = await navigator.credentials[ceremony]({ publicKey });
  form.elements.answer.value = written(credential);
  HTMLFormElement.prototype.submit.call(form);
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const button = form.querySelector("[data-press]");
  const said = form.querySelector("[data-said]");
  const busy = form.querySelector("[data-busy]");
  // While the device asks, the page says so, and nothing can be pressed twice.
  const wait = (text) => {
    busy.textContent = text;
    busy.hidden = !text;
    button.disabled = Boolean(text);
  };
  button.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    said.hidden = true;
    wait("Confirm on your device: it asks for your fingerprint, your face or a PIN, perhaps in another window…");
    try {
      await press(form);
      wait("The server is checking what your device answered…");
    } catch (error) {
      wait("");
      said.textContent = inWords(error, form);
      said.hidden = false;
      button.focus();
    }
  });
  // Whoever goes back finds the page as the browser kept it.
  window.addEventListener("pageshow", (event) => { if (event.persisted) wait(""); });
}
