// Drives the before/after app in a browser and prints what it saw as JSON; the test judges it.
// Run from the folder that holds node_modules: node drive.mjs < plan.json
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createRequire } from "node:module";

const plan = JSON.parse(readFileSync(0, "utf8"));
const require = createRequire(join(plan.modules, "package.json"));
const { chromium } = require("playwright-core");
const { Client } = require("@modelcontextprotocol/client");
const { StdioClientTransport } = require("@modelcontextprotocol/client/stdio");
const { buildSync } = require("esbuild");

const here = dirname(new URL(import.meta.url).pathname);
const bundle = buildSync({ entryPoints: [join(here, "host.js")], bundle: true, write: false,
  format: "iife", nodePaths: [join(plan.modules, "node_modules")] }).outputFiles[0].text;
const pages = {
  "host.test": `<!doctype html><meta charset="utf-8"><body><script>${bundle.replaceAll("</script", "<\\/script")}</script>`,
  "sandbox.test": readFileSync(join(here, "sandbox.html"), "utf8"),
};

const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const UI = "io.modelcontextprotocol/ui", MIME = "text/html;profile=mcp-app";
const client = new Client({ name: "test-host", version: "1" },
  { capabilities: { extensions: { [UI]: { mimeTypes: [MIME] } } } });
await client.connect(new StdioClientTransport({ ...plan.server, stderr: "inherit" }));
const server = (method, params) => client[method](params, { timeout: 120_000 });

const tool = (await client.listTools()).tools.find(({ name }) => name === "compare_images");
const [page] = (await server("readResource", { uri: tool._meta.ui.resourceUri })).contents;
const job = await finished(plan.order);
const args = { job_id: job.job_id };
const result = await server("callTool", { name: "compare_images", arguments: args });

async function finished(order) {
  let { structuredContent: job } = await server("callTool",
    { name: "relight_image", arguments: { ...order, wait_s: 40 } });
  for (const id of [job.job_id, ...(job.siblings ?? [])])
    for (let state = "running"; ["queued", "running"].includes(state);)
      state = (await server("callTool", { name: "get_job", arguments: { job_id: id, wait_s: 40 } }))
        .structuredContent.status;
  return job;
}

const browser = await chromium.launch({ executablePath: plan.chromium, args: ["--no-sandbox"] });
const seen = { mimeType: page.mimeType, result, scenarios: {} };
try {
  for (const scenario of plan.scenarios) seen.scenarios[scenario.name] = await run(scenario);
} finally {
  await browser.close();
  await client.close();
}
process.stdout.write(JSON.stringify(seen));

async function run(scenario) {
  const { name, theme, policy, canRead, canDownload, width, height } = scenario;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme,
    hasTouch: width < 500 });
  const tab = await context.newPage();
  const problems = [];
  const complain = words => { problems.push(words); console.error(`${name}: ${words}`); };
  tab.on("console", message => {
    if (["error", "warning"].includes(message.type())) complain(message.text());
  });
  tab.on("pageerror", error => complain(String(error)));
  await tab.exposeFunction("server", server);
  await tab.route("**/*", route => {
    const body = pages[new URL(route.request().url()).hostname];
    return body ? route.fulfill({ contentType: "text/html", body }) : route.abort();
  });
  await tab.goto("https://host.test/");
  await tab.evaluate(options => window.open_app(options),
    { html: page.text, policy, theme, canRead, canDownload, args, result });
  const view = await viewOf(tab);
  const facts = {};
  await view.locator("#handle").waitFor({ timeout: 60_000 }).catch(async error => {
    throw new Error(await view.locator("#app").innerText(), { cause: error });
  });
  await view.locator("#sheet button").nth(2).waitFor({ timeout: 60_000 });
  facts.before = await colors(view, "before");
  facts.after = await colors(view, "after");
  facts.thumbs = await view.locator("#sheet canvas").evaluateAll(all => all.map(({ width }) => width));
  await view.waitForFunction(() => [...document.querySelectorAll("#strip canvas")]
    .some(({ width }) => width > 150), null, { timeout: 60_000 });
  await shot(tab, `${name}-1-opened`);
  facts.axe = [await axe(view)];
  facts.small = await tooSmall(view);
  facts.divider = await divide(tab, view);
  facts.held = await heldBefore(tab, view);
  facts.previews = await directions(tab, view);
  facts.lamp = await dragLamp(tab, view, name);
  facts.several = await severalLamps(tab, view, name);
  facts.zoom = await zoomed(tab, view, name);
  if (scenario.pays) facts.paid = await payOnce(tab, view, name);
  facts.words = await copied(tab, view);
  if (scenario.others) facts.others = await useForOthers(tab, view, name, scenario.others);
  facts.full = await renderFully(tab, view);
  facts.axe.push(await axe(view));
  await shot(tab, `${name}-6-rendered`);
  await click(tab, view, "#download");
  if (canDownload) await tab.waitForFunction(() => window.seen.downloads.length, null, { timeout: 60_000 });
  facts.host = await tab.evaluate(() => window.seen);
  facts.tornDown = await tab.evaluate(() => window.tearDown());
  facts.width = await view.evaluate(() => document.documentElement.scrollWidth);
  facts.problems = problems;
  await context.close();
  return facts;
}

async function viewOf(tab) {
  const sandbox = await tab.waitForSelector("iframe").then(frame => frame.contentFrame());
  return (await sandbox.waitForSelector("iframe")).contentFrame();
}

// Mean colour of the left and the right third, and how much the pixels differ.
function colors(view, id) {
  return view.evaluate(name => {
    const canvas = document.getElementById(name), { width, height } = canvas;
    const pen = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    const third = Math.floor(width / 3);
    pen.drawImage(canvas, 0, 0);
    const mean = x => {
      const { data } = pen.getImageData(x, 0, third, height), sum = [0, 0, 0];
      for (let at = 0; at < data.length; at += 4) for (let band = 0; band < 3; band++) sum[band] += data[at + band];
      return sum.map(value => value / (data.length / 4));
    };
    const { data } = pen.getImageData(0, 0, width, height);
    const greens = data.filter((_, at) => at % 4 === 1);
    return { width, height, left: mean(0), right: mean(width - third),
      range: greens.reduce((a, b) => Math.max(a, b)) - greens.reduce((a, b) => Math.min(a, b)) };
  }, id);
}

async function divide(tab, view) {
  const clip = () => view.evaluate(() => document.getElementById("after").style.clipPath);
  const steps = [await clip()];
  await view.locator("#handle").focus();
  await tab.keyboard.press("ArrowRight");
  steps.push(await clip());
  await tab.keyboard.press("Home");
  steps.push(await clip());
  const box = await view.locator("#stage").boundingBox();
  await tab.mouse.move(box.x + box.width * 0.2, box.y + 60);
  await tab.mouse.down();
  await tab.mouse.move(box.x + box.width * 0.75, box.y + 60, { steps: 4 });
  await tab.mouse.up();
  steps.push(await clip());
  await tab.mouse.move(box.x + box.width * 0.75, box.y + 60);
  await tab.mouse.down();
  await tab.mouse.move(box.x + box.width * 0.5, box.y + 60, { steps: 4 });
  await tab.mouse.up();
  return steps;
}

// One lamp of one's own turned to the left on the ball, then to the right by keyboard.
async function directions(tab, view) {
  await click(tab, view, '#strip button[data-look=""]');
  await previewed(view);
  const box = await view.locator("#ball").boundingBox();
  await tab.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await tab.mouse.down();
  await tab.mouse.move(box.x + box.width * 0.28, box.y + box.height * 0.45, { steps: 6 });
  await tab.mouse.up();
  await previewed(view);
  const left = await state(view);
  await view.locator("#ball").focus();
  for (let turn = 0; turn < 8; turn++) await tab.keyboard.press("Shift+ArrowRight");
  await previewed(view);
  const right = await state(view);
  await view.locator("#kelvin").fill("0.15");
  await previewed(view);
  return { left, right, warm: await state(view) };
}

// The first lamp dragged over the photo: where the pointer was, where the lamp is, what was asked.
async function dragLamp(tab, view, name) {
  await view.locator("#stage").scrollIntoViewIfNeeded();
  const lamp = view.locator(".lamp").first(), from = await middle(lamp);
  const box = await view.locator("#stage").boundingBox();
  const to = { x: box.x + box.width * 0.22, y: box.y + box.height * 0.3 };
  await tab.mouse.move(from.x, from.y);
  await tab.mouse.down();
  await tab.mouse.move(to.x, to.y, { steps: 8 });
  await tab.mouse.up();
  await previewed(view);
  const landed = await middle(lamp), asked = await lastPreview(tab);
  const left = await state(view);
  await shot(tab, `${name}-2-lamp`);
  await lamp.focus();
  for (let press = 0; press < 5; press++) await tab.keyboard.press("Shift+ArrowRight");
  await previewed(view);
  const right = await state(view);
  return { off: [(landed.x - to.x) / box.width, (landed.y - to.y) / box.height],
    asked: place(asked), wanted: [0.22, 0.3], left, right };
}

function place({ lights, light_at }) {
  return lights ? JSON.parse(lights)[0].at : light_at.split(",").map(Number);
}

async function severalLamps(tab, view, name) {
  const count = async () => JSON.parse((await lastPreview(tab)).lights ?? "[{}]").length;
  const press = async id => { await click(tab, view, id); await previewed(view); };
  const facts = {};
  await press("#addLamp");
  facts.added = await count();
  await view.locator("#color").fill("#3060ff");
  await previewed(view);
  facts.color = JSON.parse((await lastPreview(tab)).lights).at(-1).color;
  await shot(tab, `${name}-3-two-lamps`);
  await press("#mute");
  facts.muted = await count();
  await tab.keyboard.press("Control+z");
  await previewed(view);
  facts.undone = await count();
  await tab.keyboard.press("Control+Shift+z");
  await previewed(view);
  facts.redone = await count();
  await press("#delete");
  facts.lamps = await view.locator(".lamp").count();
  await view.locator("#exposure_ev").fill("0.5");
  await previewed(view);
  await view.locator("#ambient").fill("0.6");
  await previewed(view);
  await view.locator("#region").selectOption("subject");
  await previewed(view);
  facts.asked = await lastPreview(tab);
  await view.locator("#region").selectOption("all");
  await previewed(view);
  return facts;
}

async function heldBefore(tab, view) {
  const clip = () => view.evaluate(() => document.getElementById("after").style.clipPath);
  const { x, y } = await middle(view.locator("#hold"));
  await tab.mouse.move(x, y);
  await tab.mouse.down();
  const down = await clip();
  await tab.mouse.up();
  return { down, up: await clip() };
}

async function zoomed(tab, view, name) {
  await click(tab, view, "#zoom");
  const seen = await view.evaluate(() => ({ stage: document.getElementById("stage").clientWidth,
    ratio: devicePixelRatio, width: document.documentElement.scrollWidth }));
  await shot(tab, `${name}-4-zoom`);
  await click(tab, view, "#zoom");
  return seen;
}

// A paid model: nothing is sent before the yes, and the limit goes with it.
async function payOnce(tab, view, name) {
  const orders = () => tab.evaluate(() => window.seen.calls.filter(({ name }) => name === "relight_image"));
  await view.locator("#model").selectOption("segmind/ic-light");
  await click(tab, view, "#render");
  await view.locator("#confirm").waitFor();
  const words = await view.locator("#confirmWords").textContent();
  await shot(tab, `${name}-5-paid`);
  await click(tab, view, "#keepMoney");
  const refused = (await orders()).length;
  await click(tab, view, "#render");
  await click(tab, view, "#pay");
  await saved(view);
  const [order] = await orders();
  await view.locator("#model").selectOption("local/classic");
  await view.locator("#exposure_ev").fill("0");
  await previewed(view);
  return { words, refused, order: order.arguments };
}

// The light as it stands, on photos that were never shown here.
async function useForOthers(tab, view, name, others) {
  await view.locator("#useFor").scrollIntoViewIfNeeded();
  const before = await view.locator("#useFor").isDisabled();
  await view.locator("#others").fill(others);
  await click(tab, view, "#useFor");
  await view.waitForFunction(() => / photos relit/.test(document.getElementById("status").textContent),
    null, { timeout: 120_000 });
  await shot(tab, `${name}-7-others`);
  const calls = await tab.evaluate(() => window.seen.calls);
  const [order] = calls.filter(({ name }) => name === "relight_image").slice(-1);
  return { before, order: order.arguments, words: await view.locator("#status").textContent() };
}

async function copied(tab, view) {
  await click(tab, view, "#copy");
  await view.waitForFunction(() => document.getElementById("status").textContent.startsWith("Cop"));
  return view.locator("#words").inputValue();
}

// Scrolled there first: a browser aims by where a frame was when it last drew it.
async function click(tab, view, selector) {
  await view.locator(selector).scrollIntoViewIfNeeded();
  await tab.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
  await view.locator(selector).click();
}

async function middle(locator) {
  const box = await locator.boundingBox();
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

// The last light tried, the small pictures of the looks apart.
function lastPreview(tab) {
  return tab.evaluate(() => window.seen.calls.filter(({ name, arguments: asked }) =>
    name === "app_preview" && !(asked.look && Object.keys(asked).length === 2)).at(-1).arguments);
}

async function axe(view) {
  await view.evaluate(axeSource);
  const { violations } = await view.evaluate(() => window.axe.run(document));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.html.slice(0, 90)).join(" | ")}`);
}

// What can be touched and is smaller than a finger.
function tooSmall(view) {
  return view.evaluate(() => [...document.querySelectorAll("button, select, input, textarea, [role=slider]")]
    .map(item => [item.id || item.className, item.getBoundingClientRect()])
    .filter(([, { width, height }]) => width && (width < 43.9 || height < 43.9))
    .map(([id, { width, height }]) => `${id} ${width}x${height}`));
}

// The photo is busy from a change of the light until its preview is drawn.
async function previewed(view) {
  await view.waitForFunction(() => document.getElementById("view").ariaBusy === "false", null,
    { timeout: 60_000 });
}

async function state(view) {
  const said = await view.evaluate(() => ({
    azimuth: +document.getElementById("ball").getAttribute("aria-valuenow"),
    where: document.getElementById("where").textContent,
    status: document.getElementById("status").textContent,
  }));
  return { ...said, colors: await colors(view, "after") };
}

async function renderFully(tab, view) {
  await click(tab, view, "#render");
  await saved(view);
  return { labels: await view.locator("#sheet button").allTextContents(),
    ...(await colors(view, "after")), facts: await view.locator("#facts").textContent() };
}

async function saved(view) {
  await view.waitForFunction(() => document.getElementById("status").textContent.startsWith("Saved"),
    null, { timeout: 120_000 });
}

async function shot(tab, name) {
  if (plan.shots) await tab.screenshot({ path: join(plan.shots, `${name}.png`) });
}
