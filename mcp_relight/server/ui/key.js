"use strict";

const [form, token, key, said] = ["form", "token", "key", "said"]
  .map((id) => document.getElementById(id));

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  said.textContent = "Sending…";
  try {
    const answer = await fetch(location.href, {
      method: "PUT",
      headers: { authorization: `Bearer ${token.value.trim()}` },
      body: key.value,
    });
    if (answer.ok) {
      token.value = key.value = "";
      form.hidden = true; // the address is used up
      said.textContent = "Your key is kept. Tell your assistant to go on.";
      return;
    }
    said.textContent = (await answer.json()).error_description;
  } catch {
    said.textContent = "It did not arrive. Try again.";
  }
  button.disabled = false;
});
