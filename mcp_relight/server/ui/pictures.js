/* ---- What is shown: one photo, its variants, perhaps a preview ---- */

const THUMB_EDGE_PX = 192;
const shown = { before: null, variants: [], current: null, isPreview: false, isSharp: false };

handlers["ui/notifications/tool-result"] = result => show(result).catch(fail);
handlers["ui/notifications/tool-cancelled"] = () => fail(new Error("The comparison was cancelled."));
handlers["ui/notifications/host-context-changed"] = context => follow(context);

async function show(result) {
  if (result.isError) throw new Error(failureWords(result));
  const facts = factsOf(result);
  if (!facts.before || !facts.after) throw new Error("This answer names no pictures.");
  shown.before = facts.before;
  fitStage();
  const after = { image: facts.after, label: "After", report: facts.report, summary: facts.summary };
  shown.variants = [after];
  const [bitmap] = await Promise.all([picture(facts.before.uri, PICTURE_EDGE_PX), choose(after)]);
  draw($("before"), bitmap);
  for (const id of ["handle", "beforeTag", "afterTag", "bar"]) $(id).hidden = false;
  $("wait").hidden = true;
  setDivider(divider);
  setUpRig();
  startFrom(result._meta?.["mcp-relight/lighting"]);
  if (facts.job_id && host.can.serverTools) await addVariants(facts.job_id, after);
}

async function addVariants(jobId, after) {
  const job = await jobFacts(jobId);
  Object.assign(after, variantOf(job), { image: after.image });
  const others = (job.siblings ?? []).filter(id => id !== jobId);
  const jobs = await Promise.all(others.map(id => jobFacts(id)));
  shown.variants.push(...jobs.filter(other => other.images?.length).map(variantOf));
  if (shown.current === after && !shown.isPreview) describe(after);
  await drawSheet();
}

const jobFacts = async (job_id, wait_s = 0) =>
  factsOf(await callTool("get_job", { job_id, wait_s }));

function variantOf(job) {
  return { image: job.images[0], label: nameOf(job.look) ?? "After", model: job.model,
    report: job.report, cost: job.cost, warnings: job.warnings };
}

async function choose(variant) {
  shown.current = variant;
  shown.isPreview = false;
  const bitmap = await picture(variant.image.uri, shown.isSharp ? FULL_EDGE_PX : PICTURE_EDGE_PX);
  // Somebody may have chosen another one, or turned the light, while this one was loading.
  if (shown.current !== variant || shown.isPreview) return;
  draw($("after"), bitmap);
  describe(variant);
  markChosen();
}

function describe({ image, label, model, report, cost, summary, warnings = [] }) {
  $("afterTag").textContent = label === "After" ? label : `After · ${label}`;
  $("after").setAttribute("aria-label", `The photo after: ${label}`);
  $("sentence").textContent = report?.sentence ?? summary ?? `${label}, rendered by ${model}.`;
  $("chip").hidden = !report?.verdict;
  $("chip").textContent = nameOf(report?.verdict ?? "");
  $("chip").classList.toggle("doubt", report?.verdict !== "as asked");
  const price = cost?.usd ? `about $${cost.usd.toFixed(3)}` : cost ? "free" : "";
  const size = `${image.width} × ${image.height} px`;
  $("facts").textContent = [model, price, size, image.path].filter(Boolean).join(" · ");
  $("noteList").replaceChildren(...warnings.map(words =>
    Object.assign(document.createElement("li"), { textContent: words })));
  $("noteCount").textContent = warnings.length === 1 ? "1 note" : `${warnings.length} notes`;
  $("notes").hidden = !warnings.length;
  $("download").disabled = false;
}

async function drawSheet() {
  $("sheet").replaceChildren(...shown.variants.map(sheetButton));
  $("sheet").hidden = shown.variants.length < 2;
  markChosen();
  if ($("sheet").hidden) return;
  await Promise.all(shown.variants.map(async variant => {
    variant.thumb ??= await picture(variant.image.uri, THUMB_EDGE_PX);
    draw(variant.canvas, variant.thumb);
  }));
}

function sheetButton(variant) {
  const button = document.createElement("button");
  variant.canvas = document.createElement("canvas");
  variant.canvas.setAttribute("aria-hidden", "true");
  button.setAttribute("role", "radio");
  button.append(variant.canvas, variant.label);
  button.onclick = () => choose(variant).catch(say);
  button.onkeydown = walkRadios;
  variant.button = button;
  return button;
}

/* Arrow keys choose within a row of pictures, as in every group of radio buttons. */
function walkRadios(event) {
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!by) return;
  event.preventDefault();
  const buttons = [...event.currentTarget.parentElement.children];
  const next = buttons[(buttons.indexOf(event.currentTarget) + by + buttons.length) % buttons.length];
  next.focus();
  next.click();
}

function markChosen() {
  for (const variant of shown.variants) {
    const chosen = variant === shown.current;
    variant.button?.setAttribute("aria-checked", chosen && !shown.isPreview);
    if (variant.button) variant.button.tabIndex = chosen ? 0 : -1;
  }
}
