"use strict";

const MAX_BYTES = 25000000;
const [drop, said, seen, ways, next, address] = ["drop", "said", "seen", "ways", "next", "address"]
  .map((id) => document.getElementById(id));
let busy = false;

function now(sending) {
  busy = sending;
  ways.classList.toggle("busy", sending);
}

async function send(file) {
  if (!file || busy) return;
  if (file.size > MAX_BYTES) {
    said.textContent = "This photo has more than 25 MB. Send a smaller one.";
    return;
  }
  now(true);
  said.textContent = "Sending…";
  try {
    const answer = await fetch(location.href, { method: "PUT", body: file });
    const facts = await answer.json();
    if (answer.ok) {
      said.textContent = "Your photo has arrived.";
      address.textContent = facts.image;
      seen.src = URL.createObjectURL(file);
      seen.hidden = next.hidden = false;
      ways.hidden = true; // the address is used up
      return;
    }
    said.textContent = facts.error_description;
  } catch {
    said.textContent = "The photo did not arrive. Try again.";
  }
  now(false);
}

for (const id of ["file", "camera"]) {
  const input = document.getElementById(id);
  input.addEventListener("change", () => send(input.files[0]));
}
document.addEventListener("paste", (event) => send(event.clipboardData.files[0]));
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
document.addEventListener("dragleave", () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  send(event.dataTransfer.files[0]);
});
