/* ---- The photo: divider, hold for before, zoom, and the lamps on it ---- */

const PICTURE_EDGE_PX = 1280, FULL_EDGE_PX = 2048, STAGE_HEIGHT_PX = 560;
let divider = 50, isHeld = false, isZoomed = false;

function setDivider(share) {
  divider = clamp(share, 0, 100);
  $("after").style.clipPath = `inset(0 0 0 ${isHeld ? 100 : divider}%)`;
  $("handle").style.left = `${divider}%`;
  $("handle").setAttribute("aria-valuenow", Math.round(divider));
  $("handle").setAttribute("aria-valuetext", `${Math.round(100 - divider)} percent after`);
}

/* Where the pointer is on the photo, in fractions of it. */
function placeOn(event) {
  const box = $("stage").getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

$("stage").addEventListener("pointerdown", event => {
  if ($("handle").hidden || event.target.closest(".lamp")) return;
  $("stage").setPointerCapture(event.pointerId);
  if (isZoomed && event.target !== $("handle")) return;
  $("handle").focus({ preventScroll: true });
  setDivider(placeOn(event)[0] * 100);
});
$("stage").addEventListener("pointermove", event => {
  if (!event.buttons || !$("stage").hasPointerCapture(event.pointerId)) return;
  if (!isZoomed || document.activeElement === $("handle")) return setDivider(placeOn(event)[0] * 100);
  $("view").scrollBy(-event.movementX, -event.movementY);
});
$("stage").addEventListener("pointerup", () => { if (isZoomed) $("handle").blur(); });

$("handle").addEventListener("keydown", event => {
  const by = event.shiftKey ? 10 : 2;
  const moved = { ArrowLeft: divider - by, ArrowDown: divider - by, ArrowRight: divider + by,
    ArrowUp: divider + by, PageDown: divider - 10, PageUp: divider + 10, Home: 0, End: 100 };
  if (!(event.key in moved)) return;
  event.preventDefault();
  setDivider(moved[event.key]);
});

function hold(isDown) {
  isHeld = isDown;
  $("hold").setAttribute("aria-pressed", isDown);
  setDivider(divider);
}

$("hold").addEventListener("pointerdown", event => {
  $("hold").setPointerCapture(event.pointerId);
  hold(true);
});
for (const end of ["pointerup", "pointercancel", "blur", "keyup"])
  $("hold").addEventListener(end, () => hold(false));
$("hold").addEventListener("keydown", event => {
  if (event.key === " " || event.key === "Enter") hold(true);
});

/* Portraits must not push the controls out of sight. */
function fitStage() {
  const { width, height } = shown.before, scale = devicePixelRatio || 1;
  const fit = `${Math.round(STAGE_HEIGHT_PX * width / height)}px`;
  $("view").classList.toggle("zoomed", isZoomed);
  $("frame").style.maxWidth = isZoomed ? "" : fit;
  $("stage").style.aspectRatio = `${width}/${height}`;
  $("stage").style.width = isZoomed ? `${width / scale}px` : "";
  $("zoom").setAttribute("aria-pressed", isZoomed);
  // Only a part of the photo is seen: it can be scrolled with the keyboard, too.
  if (isZoomed) $("view").tabIndex = 0; else $("view").removeAttribute("tabindex");
}

/* One pixel of the photo is one pixel of the screen; the pictures are then asked for whole. */
$("zoom").onclick = async () => {
  const view = $("view"), middle = [0.5, 0.5];
  isZoomed = !isZoomed;
  fitStage();
  view.scrollTo((view.scrollWidth - view.clientWidth) * middle[0],
    (view.scrollHeight - view.clientHeight) * middle[1]);
  if (isZoomed) await sharpen().catch(say);
};

async function sharpen() {
  const longest = Math.max(shown.before.width, shown.before.height);
  if (longest <= PICTURE_EDGE_PX || shown.isSharp) return;
  shown.isSharp = true;
  const whole = uri => (host.can.serverResources ? original(uri).then(bitmapOf)
    : picture(uri, FULL_EDGE_PX));
  draw($("before"), await whole(shown.before.uri));
  const variant = shown.current, bitmap = await whole(variant.image.uri);
  if (shown.current === variant && !shown.isPreview) draw($("after"), bitmap);
}

/* ---- Lamps on the photo ---- */

let dragged = null;

/* A lamp from afar stands on the side its light comes from. */
function seenAt(lamp) {
  if (lamp.at) return lamp.at;
  const [x, y] = directionOf(lamp);
  return [0.5 + 0.44 * x, 0.5 - 0.44 * y];
}

function drawLamps() {
  const buttons = [...$("lamps").children];
  while (buttons.length > light.lamps.length) buttons.pop().remove();
  while (buttons.length < light.lamps.length) buttons.push(lampButton(buttons.length));
  light.lamps.forEach((lamp, at) => {
    const button = buttons[at], [x, y] = seenAt(lamp);
    button.style.left = `${clamp(x, 0, 1) * 100}%`;
    button.style.top = `${clamp(y, 0, 1) * 100}%`;
    button.style.setProperty("--tone", cssOf(lamp.tone));
    button.style.setProperty("--number", isDark(lamp.tone) ? "#fff" : "#111");
    button.style.zIndex = at === light.picked ? 2 : 1;
    button.className = `lamp${lamp.at ? "" : " far"}${lamp.muted ? " muted" : ""}`;
    button.setAttribute("aria-pressed", at === light.picked);
    button.setAttribute("aria-label", `Lamp ${at + 1}, ${lampWords(lamp)}${lamp.muted ? ", muted" : ""}`);
  });
  $("lamps").hidden = $("rig").hidden || $("showLamps").getAttribute("aria-pressed") === "false";
}

function lampButton(at) {
  const button = document.createElement("button");
  button.dataset.number = at + 1;
  button.setAttribute("aria-describedby", "rigHint");
  button.onpointerdown = event => {
    button.setPointerCapture(event.pointerId);
    pick(at);
    // The lamp keeps its distance from the finger that took it by the edge.
    const [x, y] = placeOn(event), [lampX, lampY] = seenAt(picked());
    dragged = { at, kind: `drag ${Date.now()}`, off: [lampX - x, lampY - y], from: [x, y] };
  };
  button.onpointermove = event => {
    if (dragged?.at !== at) return;
    const [x, y] = placeOn(event);
    if (!dragged.moved && Math.hypot(x - dragged.from[0], y - dragged.from[1]) < 0.008) return;
    dragged.moved = true;
    placeLamp(x + dragged.off[0], y + dragged.off[1], dragged.kind);
  };
  button.onpointerup = button.onpointercancel = () => { dragged = null; };
  button.onkeydown = lampKeys;
  button.onfocus = () => pick(at);
  $("lamps").append(button);
  return button;
}

function placeLamp(x, y, kind) {
  const place = [x, y].map(value => Math.round(clamp(value, 0, 1) * 1000) / 1000);
  setLamp({ at: [...place, picked().at?.[2] ?? LAMP_DEPTH] }, kind);
}

function lampKeys(event) {
  const by = event.shiftKey ? 0.1 : 0.02, [x, y] = seenAt(picked());
  const moved = { ArrowLeft: [x - by, y], ArrowRight: [x + by, y], ArrowUp: [x, y - by],
    ArrowDown: [x, y + by] }[event.key];
  if (moved) placeLamp(...moved, "keys");
  else if (event.key === "Delete") deleteLamp();
  else if (event.key.toLowerCase() === "m" && !event.ctrlKey) setLamp({ muted: !picked().muted });
  else return;
  event.preventDefault();
}

function pick(at) {
  if (light.picked === at) return;
  light = { ...light, picked: at };
  drawRig();
}

$("showLamps").onclick = () => {
  const isShown = $("showLamps").getAttribute("aria-pressed") === "true";
  $("showLamps").setAttribute("aria-pressed", !isShown);
  drawLamps();
};
