/* ---- The rig: looks, lamps, sliders ---- */

const KELVIN_LOW = 1500, KELVIN_HIGH = 20000;
const kelvinAt = share => Math.round(KELVIN_LOW * (KELVIN_HIGH / KELVIN_LOW) ** share / 50) * 50;
const shareOf = kelvin => Math.log(kelvin / KELVIN_LOW) / Math.log(KELVIN_HIGH / KELVIN_LOW);
const digits = places => value => value.toFixed(places);

const LAMP_SLIDERS = [
  { name: "kelvin", label: "Warmth", low: 0, high: 1, by: 0.005, usual: 0.5,
    of: lamp => (typeof lamp.tone === "number" ? shareOf(lamp.tone) : 0.5),
    change: value => ({ tone: kelvinAt(value) }),
    say: (_, lamp) => (typeof lamp.tone === "number" ? `${lamp.tone} K` : lamp.tone) },
  { name: "intensity", label: "Intensity", low: 0, high: 4, by: 0.05, say: digits(2) },
  { name: "softness", label: "Softness", low: 0, high: 1, by: 0.01, say: digits(2) },
  { name: "depth", label: "Depth", low: -1, high: 1.5, by: 0.05, of: lamp => lamp.at?.[2] ?? 0,
    change: value => ({ at: [...picked().at.slice(0, 2), value] }),
    say: value => (value < 0 ? `${(-value).toFixed(2)} behind` : `${value.toFixed(2)} in front`) },
];
const PICTURE_SLIDERS = [
  { name: "ambient", label: "Ambient", low: 0, high: 2, by: 0.05, say: digits(2),
    of: ({ ambient, look }) => ambient ?? LOOKS[look || "none"]?.ambient ?? 0.35 },
  { name: "exposure_ev", label: "Exposure", low: -3, high: 3, by: 0.1,
    say: value => `${value > 0 ? "+" : ""}${value.toFixed(1)} EV` },
  { name: "strength", label: "Strength", low: 0, high: 1.5, by: 0.05, say: percent },
];

function makeSlider(home, slider, set) {
  const label = document.createElement("label"), input = document.createElement("input");
  const head = document.createElement("span"), output = document.createElement("output");
  label.className = "slider";
  Object.assign(input, { type: "range", min: slider.low, max: slider.high, step: slider.by,
    id: slider.name });
  input.setAttribute("aria-label", slider.label);
  input.oninput = () => set(slider.change?.(+input.value) ?? { [slider.name]: +input.value }, slider.name);
  input.onchange = () => { steps.last = ""; };
  output.id = `${slider.name}Out`;
  output.setAttribute("aria-hidden", "true");
  head.append(slider.label, output);
  label.append(head, input);
  home.append(label);
}

function drawSlider(slider, from) {
  const value = slider.of?.(from) ?? from[slider.name], input = $(slider.name);
  input.value = value;
  $(`${slider.name}Out`).value = slider.say(value, from);
  input.setAttribute("aria-valuetext", $(`${slider.name}Out`).value);
}

function setUpRig() {
  if (!host.can.serverTools || !$("rig").hidden) return;
  for (const slider of LAMP_SLIDERS) makeSlider($("lampSliders"), slider, setLamp);
  for (const slider of PICTURE_SLIDERS) makeSlider($("pictureSliders"), slider, setLight);
  $("strip").append(...["", ...Object.keys(LOOKS)].map(lookButton));
  $("rig").hidden = $("showLamps").hidden = false;
  $("app").classList.add("rigged");
  drawRig();
  offerModels().catch(say);
  watchStrip();
}

function lookButton(look) {
  const button = document.createElement("button"), canvas = document.createElement("canvas");
  canvas.width = 96;
  canvas.height = 72;
  canvas.setAttribute("aria-hidden", "true");
  const shade = new OffscreenCanvas(72, 72);
  shadeBall(shade, look ? lampsOf(look) : [NEW_LAMP], [200, 196, 190]);
  canvas.getContext("2d").drawImage(shade, 12, 0);
  button.setAttribute("role", "radio");
  button.dataset.look = look;
  button.append(canvas, nameOf(look) || "My own");
  button.onclick = () => chooseLook(look);
  button.onkeydown = walkRadios;
  return button;
}

function drawRig() {
  const lamp = picked();
  for (const button of $("strip").children) {
    const isChosen = button.dataset.look === light.look;
    button.setAttribute("aria-checked", isChosen);
    button.tabIndex = isChosen ? 0 : -1;
  }
  drawLampBar();
  for (const slider of LAMP_SLIDERS) drawSlider(slider, lamp);
  for (const slider of PICTURE_SLIDERS) drawSlider(slider, light);
  $("depth").parentElement.hidden = $("aim").hidden = !lamp.at;
  $("color").value = typeof lamp.tone === "string" ? lamp.tone : hexOf(lamp.tone);
  $("mute").setAttribute("aria-pressed", lamp.muted);
  $("delete").disabled = light.lamps.length < 2;
  $("region").value = light.region;
  $("where").textContent = whereFrom(lamp);
  $("ball").setAttribute("aria-valuenow", anglesOf(lamp).azimuth_deg);
  $("ball").setAttribute("aria-valuetext", $("where").textContent);
  $("undo").disabled = !steps.back.length;
  $("redo").disabled = !steps.forth.length;
  drawBall();
  drawLamps();
}

const hexOf = tone =>
  `#${colorOf(tone).map(value => Math.round(value).toString(16).padStart(2, "0")).join("")}`;

/* One button a lamp, kept while there are as many, so that the focus stays where it was. */
function drawLampBar() {
  const bar = $("lampBar");
  if (bar.children.length !== light.lamps.length + 1) {
    const add = Object.assign(document.createElement("button"), { id: "addLamp", textContent: "+ Add" });
    add.setAttribute("aria-label", "Add a lamp");
    add.onclick = addLamp;
    bar.replaceChildren(...light.lamps.map(barButton), add);
  }
  light.lamps.forEach((lamp, at) => {
    const button = bar.children[at];
    button.firstChild.style.setProperty("--tone", cssOf(lamp.tone));
    button.lastChild.textContent = `${at + 1} ${nameOf(lamp.role)}`;
    button.lastChild.className = lamp.muted ? "muted" : "";
    button.setAttribute("aria-pressed", at === light.picked);
  });
  $("addLamp").disabled = light.lamps.length >= MAX_LAMPS;
}

function barButton(_, at) {
  const button = document.createElement("button");
  button.append(document.createElement("i"), document.createElement("span"));
  button.onclick = () => pick(at);
  return button;
}

$("mute").onclick = () => setLamp({ muted: !picked().muted });
$("delete").onclick = deleteLamp;
$("aim").onclick = () => setLamp({ at: null, ...anglesOf(picked()) });
$("color").oninput = event => setLamp({ tone: event.target.value }, "color");
$("region").onchange = event => setLight({ region: event.target.value });
$("undo").onclick = () => step(steps.back, steps.forth);
$("redo").onclick = () => step(steps.forth, steps.back);
$("reset").onclick = () => { setLight(begun); backToPicture(); };

addEventListener("keydown", event => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
  event.preventDefault();
  if (event.shiftKey) step(steps.forth, steps.back); else step(steps.back, steps.forth);
});
