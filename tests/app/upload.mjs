// Opens the page on which a person sends a photo, sends one, and prints what it saw as JSON.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createRequire } from "node:module";

const plan = JSON.parse(readFileSync(0, "utf8"));
const require = createRequire(join(plan.modules, "package.json"));
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const browser = await chromium.launch({ executablePath: plan.chromium,
  args: ["--no-sandbox", `--host-resolver-rules=MAP ${plan.host} 127.0.0.1:${plan.port}`] });
const seen = [];
try {
  for (const visit of plan.visits) seen.push(await open(visit));
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(seen));

async function open({ url, theme, width, touch }) {
  const context = await browser.newContext({ viewport: { width, height: 700 }, colorScheme: theme,
    hasTouch: touch, isMobile: touch, bypassCSP: false });
  const tab = await context.newPage();
  const problems = [];
  tab.on("console", (message) => problems.push(message.text()));
  tab.on("pageerror", (error) => problems.push(String(error)));
  const shoot = (state) => plan.shots
    && tab.screenshot({ path: `${plan.shots}/upload-${theme}-${width}-${state}.png` });
  await tab.goto(url);
  await shoot("open");
  const words = await tab.innerText("main");
  const targets = await tab.$$eval("label", (labels) => labels.filter((one) => one.offsetParent)
    .map((one) => [one.innerText, one.offsetWidth, one.offsetHeight]));
  const overflow = await tab.evaluate(() => document.documentElement.scrollWidth);
  await tab.keyboard.press("Tab");
  const focused = await tab.evaluate(() => document.activeElement.id);
  await tab.setInputFiles("#file", { name: "a.txt", mimeType: "image/png",
    buffer: Buffer.from("no picture") });
  await tab.waitForFunction(() => !/^(Sending…)?$/.test(document.getElementById("said").textContent));
  const refused = await tab.innerText("#said");
  const before = problems.splice(0); // the browser itself logs an answer of 422
  await tab.setInputFiles("#file", plan.photo);
  await tab.waitForSelector("#seen:not([hidden])");
  await shoot("sent");
  const sent = await tab.innerText("main");
  const shown = await tab.$eval("#seen", async (image) => { await image.decode();
    return image.naturalWidth; });
  await context.close();
  return { words, targets, overflow, focused, refused, before, sent, shown, problems,
    axe: await violations({ url: plan.spare, theme, width, touch }) };
}

// In a page of its own without a policy, which would keep the checker out.
async function violations({ url, theme, width, touch }) {
  const context = await browser.newContext({ viewport: { width, height: 700 }, colorScheme: theme,
    hasTouch: touch, isMobile: touch, bypassCSP: true });
  const tab = await context.newPage();
  await tab.goto(url);
  await tab.addScriptTag({ content: axeSource });
  const found = await tab.evaluate(() => globalThis.axe.run());
  await context.close();
  return found.violations.map(({ id }) => id);
}
