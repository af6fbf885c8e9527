/* ---- Live preview: one at a time, always the newest light; looks as small pictures meanwhile ---- */

const PAUSE_MS = 60;
let timer = 0, previewing = false, again = false, wanted = 0;

const imageOf = result => bitmapOf(result.content.find(block => block.type === "image"));

function followLight() {
  drawRig();
  $("reset").disabled = light === begun;
  $("confirm").hidden = true;
  clearTimeout(timer);
  if (!shining().length) {
    $("render").disabled = $("useFor").disabled = true;
    return say("Every lamp is muted.");
  }
  wanted++;
  $("view").ariaBusy = true;
  $("render").disabled = false;
  readyForOthers();
  timer = setTimeout(preview, PAUSE_MS);
}

async function preview() {
  if (previewing) { again = true; return; }
  previewing = shown.isPreview = true;
  const mine = wanted;
  markChosen();
  $("app").classList.add("busy");
  try {
    const from = performance.now();
    const result = await callTool("app_preview", { image: shown.before.uri, ...lightArguments() });
    const bitmap = await imageOf(result);
    if (shown.isPreview) showPreview(bitmap, performance.now() - from);
  } catch (error) {
    say(error);
  } finally {
    previewing = false;
    $("app").classList.remove("busy");
    if (mine === wanted) $("view").ariaBusy = false;
    if (again) { again = false; preview(); } else drawLooks();
  }
}

function showPreview(bitmap, took_ms) {
  draw($("after"), bitmap);
  $("afterTag").textContent = "Preview";
  $("after").setAttribute("aria-label", `Preview: ${$("where").textContent}`);
  $("chip").hidden = true;
  $("sentence").textContent = "A small preview by the local engine, free and on this machine. " +
    "Render it full size to keep it.";
  $("facts").textContent = "";
  $("notes").hidden = $("download").disabled = true;
  say(`Preview in ${(took_ms / 1000).toFixed(1)} s`);
}

function backToPicture() {
  clearTimeout(timer);
  again = false;
  $("view").ariaBusy = false;
  $("render").disabled = $("reset").disabled = true;
  say("");
  choose(shown.current).catch(say);
}

/* The looks on the photo itself, one after the other, those in sight first, while nobody waits. */
const inSight = new Set(), drawn = new Set();
let drawingLooks = false;

function watchStrip() {
  const sight = new IntersectionObserver(entries => {
    for (const { target, isIntersecting } of entries)
      if (isIntersecting) inSight.add(target); else inSight.delete(target);
    drawLooks();
  }, { root: $("strip") });
  for (const button of $("strip").children) if (button.dataset.look) sight.observe(button);
}

async function drawLooks() {
  if (drawingLooks) return;
  drawingLooks = true;
  try {
    for (let next; !previewing && (next = [...inSight].find(button => !drawn.has(button)));) {
      drawn.add(next);
      const result = await callTool("app_preview", { image: shown.before.uri, look: next.dataset.look });
      draw(next.querySelector("canvas"), await small(await imageOf(result)));
    }
  } catch { /* The ball stays in its place: the strip is no reason for an error. */ }
  drawingLooks = false;
}

const small = bitmap => createImageBitmap(bitmap, { resizeWidth: THUMB_EDGE_PX, resizeQuality: "high" });

/* ---- Rendering: free here, or by a paid model after a yes ---- */

const FREE = "local/classic";
const prices = new Map();

async function offerModels() {
  const { models = [] } = factsOf(await callTool("list_models", {}));
  const ready = models.filter(model => model.ready && model.model !== FREE);
  for (const { model, price } of ready) prices.set(model, price?.usd_at_most ?? null);
  $("model").replaceChildren(new Option(`${FREE} (free, on this machine)`, FREE),
    ...ready.map(({ model }) => new Option(`${model} (${priceOf(model)})`, model)));
}

const priceOf = model => (prices.get(model) === null ? "price not known"
  : `at most $${prices.get(model).toFixed(3)}`);

$("model").onchange = () => {
  $("confirm").hidden = true;
  $("render").disabled = !shining().length;
};

$("render").onclick = () => {
  const model = $("model").value;
  if (!prices.has(model)) return render(model);
  const whom = nameOf(model.split("/")[0]);
  $("confirmWords").textContent = `This sends the photo to ${whom} and costs ${priceOf(model)}.`;
  $("pay").textContent = "Send and pay";
  $("confirm").hidden = false;
  $("pay").focus();
};
$("pay").onclick = () => { $("confirm").hidden = true; render($("model").value); };
$("keepMoney").onclick = () => { $("confirm").hidden = true; $("render").focus(); };
$("confirm").addEventListener("keydown", event => {
  if (event.key === "Escape") $("keepMoney").click();
});

async function render(model) {
  $("render").disabled = true;
  say("Rendering full size…");
  $("progress").removeAttribute("value");
  $("progress").hidden = false;
  try {
    await keep(model, lightArguments());
  } catch (error) {
    $("render").disabled = false;
    say(error);
  }
  $("progress").hidden = true;
}

async function keep(model, asked) {
  const limit = prices.get(model) ? { max_cost_usd: prices.get(model) } : {};
  const order = { image: shown.before.uri, model, wait_s: 4, ...limit, ...asked };
  let job = factsOf(await callTool("relight_image", order));
  while (["queued", "running"].includes(job.status)) {
    if (job.progress) $("progress").value = job.progress;
    say(`${nameOf(job.stage ?? job.status)}…`);
    job = await jobFacts(job.job_id, 4);
  }
  if (job.status !== "succeeded") throw new Error(job.error?.message ?? "It did not succeed.");
  const variant = variantOf(job);
  if (model !== FREE) variant.label = `${variant.label === "After" ? "Own light" : variant.label}, ${model}`;
  else if (variant.label === "After") variant.label = "Own light";
  shown.variants.push(variant);
  await drawSheet();
  await choose(variant);
  say(`Saved as ${variant.image.path}`);
  if (host.can.updateModelContext) await ask("ui/update-model-context", { content: [{ type: "text",
    text: `In the before/after view the person rendered job ${job.job_id} by ${model} ` +
      `with ${JSON.stringify(asked)}; result: ${variant.image.path}` }] });
}

/* ---- The settings in words, to be pasted into the chat ---- */

/* Asking for a clipboard that the frame may not use would be complained about in the console. */
const mayCopy = () => (document.permissionsPolicy ?? document.featurePolicy)
  ?.allowsFeature?.("clipboard-write") ?? true;

$("copy").onclick = async () => {
  const words = settingsInWords();
  $("wordsBox").hidden = true;
  try {
    if (!mayCopy()) throw new Error("The frame has no clipboard.");
    await navigator.clipboard.writeText(words);
    say("Copied: paste it into the chat.");
  } catch {
    $("wordsBox").hidden = false;
    $("words").value = words;
    $("words").select();
    say(document.execCommand("copy") ? "Copied: paste it into the chat." : "Copy it from here.");
  }
};
