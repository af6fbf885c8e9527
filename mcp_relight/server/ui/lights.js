/* ---- The light as the person has set it: lamps, the whole picture, steps back and forth ----

A lamp has a place on the photo, `at` [x, y, z] (fractions of width and height; long sides before
the picture), or else comes from afar, by its two angles. `tone` is kelvin or "#rrggbb". */

const LOOKS = JSON.parse($("looks").textContent);
const MAX_LAMPS = 8, LAMP_DEPTH = 0.35, DAYLIGHT_KELVIN = 6504;
const NEW_LAMP = { role: "key", azimuth_deg: -45, elevation_deg: 30, at: null, tone: 5500,
  intensity: 1, softness: 0.3, falloff: 0.35, muted: false };
const PICTURE = { strength: 1, ambient: null, exposure_ev: 0, region: "all" };

let light = { look: "", lamps: [{ ...NEW_LAMP }], picked: 0, ...PICTURE };
let begun = light;
const steps = { back: [], forth: [], last: "" };

const picked = () => light.lamps[light.picked];
const shining = () => light.lamps.filter(lamp => !lamp.muted);
const lampsOf = look => LOOKS[look].lights.map(lamp => ({ ...NEW_LAMP, ...lamp }));

/* Every change makes a new light, so that a step back is the light before. Changes of one `kind` in
   a row (a slider that is dragged) are one step. */
function setLight(changes, kind = "") {
  if (!kind || kind !== steps.last) steps.back.push(light);
  steps.last = kind;
  steps.forth = [];
  light = { ...light, ...changes };
  followLight();
}

function setLamp(changes, kind = "") {
  const lamps = light.lamps.map((lamp, at) => (at === light.picked ? { ...lamp, ...changes } : lamp));
  setLight({ lamps }, kind && `${kind} ${light.picked}`);
}

function step(from, to) {
  if (!from.length) return;
  to.push(light);
  light = from.pop();
  steps.last = "";
  followLight();
}

function startFrom(lighting) {
  if (!lighting?.lights?.length || steps.back.length) return;
  const lamps = lighting.lights.map(lampOf);
  light = begun = { ...light, look: lighting.look ?? "", lamps, picked: keyAt(lamps),
    strength: lighting.strength ?? 1, exposure_ev: lighting.exposure_ev ?? 0,
    ambient: lighting.look ? null : lighting.ambient ?? null, region: lighting.region ?? "all" };
  drawRig();
}

function lampOf({ role, azimuth_deg, elevation_deg, at, kelvin, color, intensity, softness, falloff }) {
  return { ...NEW_LAMP, role, azimuth_deg, elevation_deg, at: at ?? null,
    tone: color ?? kelvin ?? DAYLIGHT_KELVIN, intensity, softness, falloff };
}

function keyAt(lamps) {
  const keys = lamps.filter(lamp => lamp.role === "key");
  const key = (keys.length ? keys : lamps).reduce((a, b) => (b.intensity > a.intensity ? b : a));
  return lamps.indexOf(key);
}

function chooseLook(look) {
  const lamps = look ? lampsOf(look) : [{ ...NEW_LAMP }];
  setLight({ look, lamps, picked: keyAt(lamps), ambient: null });
}

function addLamp() {
  const taken = light.lamps.filter(lamp => lamp.at).length;
  const lamp = { ...NEW_LAMP, role: "fill", at: [0.25 + 0.1 * taken % 0.5, 0.25, LAMP_DEPTH], tone: 3200 };
  setLight({ lamps: [...light.lamps, lamp], picked: light.lamps.length });
}

function deleteLamp() {
  if (light.lamps.length < 2) return;
  const lamps = light.lamps.filter(lamp => lamp !== picked());
  setLight({ lamps, picked: Math.min(light.picked, lamps.length - 1) });
}

/* What the tools are asked. A look of which only the key lamp was changed stays that look. */
function lightArguments() {
  const asked = {};
  const own = light.look ? lampsOf(light.look) : null, key = own && keyAt(own);
  const same = own?.length === light.lamps.length &&
    own.every((lamp, at) => at === key || isSame(lamp, light.lamps[at]));
  if (same && !light.lamps[key].muted)
    Object.assign(asked, { look: light.look }, changesOf(own[key], light.lamps[key]));
  else asked.lights = JSON.stringify(shining().map(lampArguments));
  if (light.strength !== 1) asked.strength = light.strength;
  if (light.exposure_ev) asked.exposure_ev = light.exposure_ev;
  if (light.region !== "all") asked.region = light.region;
  const ambient = light.ambient ?? (same || !own ? null : LOOKS[light.look].ambient);
  if (ambient !== null) asked.ambient = ambient;
  return asked;
}

const isSame = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const toneArgument = tone => ({ [typeof tone === "string" ? "color" : "kelvin"]: tone });

function changesOf(before, lamp) {
  const asked = {};
  if (lamp.at) asked.light_at = lamp.at.join(",");
  else for (const name of ["azimuth_deg", "elevation_deg"])
    if (lamp[name] !== before[name]) asked[name] = lamp[name];
  for (const name of ["intensity", "softness"])
    if (lamp[name] !== before[name]) asked[name] = lamp[name];
  return lamp.tone === before.tone ? asked : { ...asked, ...toneArgument(lamp.tone) };
}

function lampArguments({ role, azimuth_deg, elevation_deg, at, tone, intensity, softness, falloff }) {
  // A lamp on the photo fades as the server's own do; one from afar as its look has it.
  const where = at ? { at } : { azimuth_deg, elevation_deg, falloff };
  return { role, ...where, ...toneArgument(tone), intensity, softness };
}

/* ---- The same in words ---- */

const nameOf = look => look && look[0].toUpperCase() + look.slice(1).replaceAll("_", " ");
const percent = share => `${Math.round(share * 100)} %`;

function whereFrom({ azimuth_deg: azimuth, elevation_deg: elevation, at }) {
  if (at) {
    const depth = at[2] < 0 ? "behind the subject" : at[2] > 0.8 ? "far in front" : "in front";
    return `On the photo at ${percent(at[0])}, ${percent(at[1])}, ${depth}`;
  }
  const turn = Math.abs(azimuth), side = azimuth < 0 ? "left" : "right";
  const around = turn <= 20 ? "front" : turn < 70 ? `front ${side}` : turn <= 110 ? side
    : turn < 160 ? `behind, ${side}` : "behind";
  const height = elevation > 65 ? "overhead" : elevation > 25 ? "high" : elevation < -25 ? "below"
    : "eye level";
  return height === "overhead" ? "From overhead"
    : `From ${around.startsWith("behind") ? "" : "the "}${around}, ${height}`;
}

function lampWords(lamp) {
  const tone = typeof lamp.tone === "number" ? `${lamp.tone} K` : `colour ${lamp.tone}`;
  return `${nameOf(lamp.role)}: ${whereFrom(lamp).toLowerCase()}, ${tone}, ` +
    `intensity ${lamp.intensity}, softness ${lamp.softness}`;
}

function settingsInWords() {
  const { ambient, exposure_ev, strength, region } = light;
  const lines = shining().map(lamp => `- ${lampWords(lamp)}`);
  const whole = [ambient !== null && `ambient ${ambient}`, exposure_ev && `exposure ${exposure_ev} EV`,
    strength !== 1 && `strength ${percent(strength)}`, region !== "all" && `only the ${region}`];
  const look = light.look ? ` in the look "${nameOf(light.look)}"` : "";
  return [`Relight the photo${look} with:`, ...lines, ...whole.filter(Boolean).map(words => `- ${words}`),
    `As arguments of relight_image: ${JSON.stringify(lightArguments())}`].join("\n");
}
