/* ---- The ball: the direction of a lamp, in front of the subject or behind ---- */

/* The disc shows every direction: the ball is what faces the camera, the ring around it is behind.
   Distance from the middle is the angle to the camera, 180° at the rim. */
const DISC_PX = 196, RIM_PX = DISC_PX / 2 - 8, BALL_PX = RIM_PX / 2;

const degrees = Math.PI / 180;

/* Towards the lamp: right, up, to the camera. One on the photo is seen from the photo's middle. */
function directionOf({ azimuth_deg, elevation_deg, at }) {
  if (at) {
    const { width, height } = shown.before, long = Math.max(width, height);
    const way = [(at[0] - 0.5) * width / long, (0.5 - at[1]) * height / long, at[2]];
    const length = Math.hypot(...way) || 1;
    return way.map(part => part / length);
  }
  const azimuth = azimuth_deg * degrees, elevation = elevation_deg * degrees;
  return [Math.sin(azimuth) * Math.cos(elevation), Math.sin(elevation),
    Math.cos(azimuth) * Math.cos(elevation)];
}

function discPlaceOf(item) {
  const [x, y, z] = directionOf(item);
  const radius = Math.acos(clamp(z, -1, 1)) / Math.PI * RIM_PX, around = Math.atan2(y, x);
  return [DISC_PX / 2 + radius * Math.cos(around), DISC_PX / 2 - radius * Math.sin(around)];
}

function anglesAt(x, y) {
  const right = x - DISC_PX / 2, up = DISC_PX / 2 - y;
  const angle = clamp(Math.hypot(right, up) / RIM_PX, 0, 1) * Math.PI, around = Math.atan2(up, right);
  const direction = [Math.sin(angle) * Math.cos(around), Math.sin(angle) * Math.sin(around),
    Math.cos(angle)];
  return { azimuth_deg: Math.round(Math.atan2(direction[0], direction[2]) / degrees),
    elevation_deg: Math.round(Math.asin(clamp(direction[1], -1, 1)) / degrees) };
}

/* Close enough for a drawing; the picture's own colour comes from the engine. */
function colorOf(tone) {
  if (typeof tone === "string") return [1, 3, 5].map(at => parseInt(tone.slice(at, at + 2), 16));
  const t = tone / 100, byte = value => clamp(value, 0, 255);
  return [
    t <= 66 ? 255 : byte(329.7 * (t - 60) ** -0.1332),
    t <= 66 ? byte(99.47 * Math.log(t) - 161.1) : byte(288.1 * (t - 60) ** -0.0755),
    t >= 66 ? 255 : t <= 19 ? 0 : byte(138.5 * Math.log(t - 10) - 305),
  ];
}

const isDark = tone => {
  const [r, g, b] = colorOf(tone);
  return 0.3 * r + 0.59 * g + 0.11 * b < 140;
};
const cssOf = tone => `rgb(${colorOf(tone).map(Math.round).join(" ")})`;

function drawBall() {
  const canvas = $("ball"), scale = Math.min(2, devicePixelRatio || 1);
  canvas.width = canvas.height = DISC_PX * scale;
  const pen = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
  const middle = DISC_PX / 2;
  pen.scale(scale, scale);
  pen.fillStyle = style.getPropertyValue("--disc");
  circle(pen, middle, middle, RIM_PX + 7, "fill");
  pen.fillStyle = style.getPropertyValue("--soft");
  pen.font = "10px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.fillText("behind", middle, middle + RIM_PX * 0.82);
  const ball = new OffscreenCanvas(BALL_PX * 2 * scale, BALL_PX * 2 * scale);
  shadeBall(ball, shining(), style.getPropertyValue("--ball").split(" ").map(Number));
  pen.drawImage(ball, middle - BALL_PX, middle - BALL_PX, BALL_PX * 2, BALL_PX * 2);
  for (const item of light.lamps) drawLamp(pen, item, item === picked());
}

function shadeBall(canvas, lights, base) {
  const size = canvas.width, pen = canvas.getContext("2d"), image = pen.createImageData(size, size);
  const lamps = lights.map(item => ({ way: directionOf(item), wrap: item.softness * 0.6,
    color: colorOf(item.tone).map(value => value / 255 * item.intensity) }));
  for (let row = 0; row < size; row++) for (let column = 0; column < size; column++) {
    const x = (column + 0.5) * 2 / size - 1, y = 1 - (row + 0.5) * 2 / size, flat = x * x + y * y;
    if (flat > 1) continue;
    const z = Math.sqrt(1 - flat), at = (row * size + column) * 4;
    const lit = [0.14, 0.14, 0.15];
    for (const { way, wrap, color } of lamps) {
      const facing = Math.max(0, (x * way[0] + y * way[1] + z * way[2] + wrap) / (1 + wrap));
      for (let band = 0; band < 3; band++) lit[band] += facing * color[band] * 0.95;
    }
    for (let band = 0; band < 3; band++) image.data[at + band] = base[band] * lit[band] ** 0.8;
    image.data[at + 3] = 255 * clamp((1 - Math.sqrt(flat)) * size / 2, 0, 1);
  }
  pen.putImageData(image, 0, 0);
}

function drawLamp(pen, item, isPicked) {
  const [x, y] = discPlaceOf(item), [r, g, b] = colorOf(item.tone).map(Math.round);
  const size = isPicked ? 8 : 4.5;
  if (isPicked) {
    const reach = 14 + 16 * item.softness, glow = pen.createRadialGradient(x, y, 2, x, y, reach);
    glow.addColorStop(0, `rgb(${r} ${g} ${b} / .75)`);
    glow.addColorStop(1, `rgb(${r} ${g} ${b} / 0)`);
    pen.fillStyle = glow;
    circle(pen, x, y, reach, "fill");
  }
  // Two outlines: one of them shows on any ground.
  pen.fillStyle = "#000a";
  circle(pen, x, y, size + 1.5, "fill");
  pen.fillStyle = "#fff";
  circle(pen, x, y, size, "fill");
  pen.fillStyle = `rgb(${r} ${g} ${b})`;
  circle(pen, x, y, size - 2, "fill");
}

function circle(pen, x, y, radius, how) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen[how]();
}

let ballDrag = "";

function turnTo(event) {
  const box = $("ball").getBoundingClientRect();
  const angles = anglesAt((event.clientX - box.left) * DISC_PX / box.width,
    (event.clientY - box.top) * DISC_PX / box.height);
  setLamp({ at: null, ...angles }, ballDrag);
}

/* The angles a lamp on the photo has from the middle, so that aiming it from afar starts there. */
function anglesOf(lamp) {
  const [x, y, z] = directionOf(lamp);
  return { azimuth_deg: Math.round(Math.atan2(x, z) / degrees),
    elevation_deg: Math.round(Math.asin(clamp(y, -1, 1)) / degrees) };
}

$("ball").addEventListener("pointerdown", event => {
  $("ball").setPointerCapture(event.pointerId);
  ballDrag = `ball ${Date.now()}`;
  turnTo(event);
});
$("ball").addEventListener("pointermove", event => { if (event.buttons) turnTo(event); });
$("ball").addEventListener("keydown", event => {
  const by = event.shiftKey ? 15 : 5;
  const turn = { ArrowLeft: -by, ArrowRight: by }[event.key] ?? 0;
  const rise = { ArrowUp: by, ArrowDown: -by }[event.key] ?? 0;
  if (!turn && !rise) return;
  event.preventDefault();
  const { azimuth_deg, elevation_deg } = anglesOf(picked());
  setLamp({ at: null, azimuth_deg: (azimuth_deg + turn + 540) % 360 - 180,
    elevation_deg: clamp(elevation_deg + rise, -90, 90) }, "ball keys");
});
