/* ---- The same light on other photos: a set, by the local engine alone ---- */

const readyForOthers = () => {
  $("useFor").disabled = !$("others").value.trim() || !shining().length || $("others").disabled;
};

$("others").oninput = readyForOthers;
$("others").onkeydown = event => { if (event.key === "Enter") $("useFor").click(); };

$("useFor").onclick = async () => {
  $("others").disabled = true;
  readyForOthers();
  $("progress").removeAttribute("value");
  $("progress").hidden = false;
  say("Relighting these photos…");
  try {
    say(await useFor($("others").value.trim(), lightArguments()));
  } catch (error) {
    say(error);
  }
  $("progress").hidden = true;
  $("others").disabled = false;
  readyForOthers();
};

/* What came of it, in words. A single photo is a job, several are a set. */
async function useFor(image, asked) {
  const order = { image, model: FREE, wait_s: 4, ...asked };
  let found = factsOf(await callTool("relight_image", order));
  while (["queued", "running"].includes(found.status)) {
    if (found.progress) $("progress").value = found.progress;
    if (found.pictures) say(`${found.done} of ${found.pictures} photos…`);
    found = await jobFacts(found.set_id ?? found.job_id, 4);
  }
  const id = found.set_id ?? found.job_id;
  const [pictures, failed] = found.set_id ? [found.pictures, found.failed]
    : [1, found.status === "succeeded" ? 0 : 1];
  const path = (found.items ?? found.images ?? []).find(one => one.path)?.path;
  const where = path ? `, in ${path.replace(/[\\/][^\\/]*$/, "")}` : "";
  const words = `${pictures - failed} of ${pictures} photos relit${where}.` +
    (failed ? ` Ask for ${id} in the chat to hear why not all.` : "");
  if (host.can.updateModelContext) await ask("ui/update-model-context", { content: [{ type: "text",
    text: `In the before/after view the person put the light ${JSON.stringify(asked)} on ${image}: ` +
      `${id}. ${words}` }] });
  return words;
}
