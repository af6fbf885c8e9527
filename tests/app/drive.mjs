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
  for (const id of job.siblings ?? [job.job_id])
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

async function run({ name, theme, policy, canRead, canDownload, width, height }) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme });
  const tab = await context.newPage();
  const problems = [];
  tab.on("console", message => {
    if (["error", "warning"].includes(message.type())) problems.push(message.text());
  });
  tab.on("pageerror", error => problems.push(String(error)));
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
  await view.locator("#handle").waitFor({ timeout: 60_000 });
  await view.locator("#sheet button").nth(2).waitFor({ timeout: 60_000 });
  facts.before = await colors(view, "before");
  facts.after = await colors(view, "after");
  facts.thumbs = await view.locator("#sheet canvas").evaluateAll(all => all.map(({ width }) => width));
  facts.verdict = await view.locator("#verdict").textContent();
  facts.facts = await view.locator("#facts").textContent();
  await shot(tab, `${name}-1-opened`);

  facts.divider = await divide(tab, view);
  facts.previews = await light(tab, view, name);
  facts.full = await renderFully(view);
  await shot(tab, `${name}-3-rendered`);
  await view.locator("#download").click();
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

// One light dragged to the left, then turned to the right by keyboard: the picture must follow.
async function light(tab, view, name) {
  await view.locator("#look").selectOption("");
  await previewed(view);
  const box = await view.locator("#ball").boundingBox();
  const drag = async (x, y) => {
    await tab.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await tab.mouse.down();
    await tab.mouse.move(box.x + box.width * x, box.y + box.height * y, { steps: 6 });
    await tab.mouse.up();
    await previewed(view);
  };
  await drag(0.28, 0.45);
  const left = { ...(await state(view)), colors: await colors(view, "after") };
  await shot(tab, `${name}-2-preview`);
  await view.locator("#ball").focus();
  for (let turn = 0; turn < 8; turn++) await tab.keyboard.press("Shift+ArrowRight");
  await previewed(view);
  const right = { ...(await state(view)), colors: await colors(view, "after") };
  await view.locator("#kelvin").fill("0.15");
  await previewed(view);
  return { left, right, warm: { ...(await state(view)), colors: await colors(view, "after") } };
}

// The words change when a new preview has been drawn, and `busy` ends with the last one.
async function previewed(view) {
  await view.evaluate(() => { document.getElementById("afterTag").textContent = "…"; });
  await view.waitForFunction(() => document.getElementById("afterTag").textContent === "Preview"
    && !document.getElementById("stage").classList.contains("busy"), null, { timeout: 60_000 });
}

function state(view) {
  return view.evaluate(() => ({
    azimuth: +document.getElementById("azimuth").value,
    where: document.getElementById("where").textContent,
    status: document.getElementById("status").textContent,
  }));
}

async function renderFully(view) {
  await view.locator("#render").click();
  await view.locator("#sheet button").nth(3).waitFor({ timeout: 90_000 });
  await view.waitForFunction(() => document.getElementById("status").textContent.startsWith("Saved"),
    null, { timeout: 60_000 });
  return { labels: await view.locator("#sheet button").allTextContents(),
    ...(await colors(view, "after")), facts: await view.locator("#facts").textContent() };
}

async function shot(tab, name) {
  if (plan.shots) await tab.screenshot({ path: join(plan.shots, `${name}.png`) });
}
