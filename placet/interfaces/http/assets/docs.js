"use strict";

// Fetches the description with the token that a person enters, shows it, and keeps the token for their requests.
const entry = document.getElementById("entry");
const said = document.getElementById("said");

async function describe(token) {
  const answer = await fetch("openapi.json", { headers: { Authorization: `Bearer ${token}` } });
  const body = await answer.json();
  if (!answer.ok) {
    throw new Error(`${answer.status}: ${body.detail}`);
  }
  return body;
}

entry.addEventListener("submit", async (event) => {
  event.preventDefault();
  const token = document.getElementById("token").value.trim();
  said.textContent = "";
  try {
    const spec = await describe(token);
    entry.hidden = true;
    const shown = SwaggerUIBundle({
      spec,
      dom_id: "#api",
      validatorUrl: null,
      docExpansion: "list",
      defaultModelsExpandDepth: 0,
      persistAuthorization: false,
      onComplete: () => shown.preauthorizeApiKey("bearer", token),
    });
  } catch (error) {
    said.textContent = error instanceof Error ? error.message : "the description could not be read";
  }
});
