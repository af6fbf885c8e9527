/* ---- Download, full screen, words ---- */

$("download").onclick = () => download(shown.current).catch(say);

async function download({ image }) {
  const file = host.can.serverResources ? await original(image.uri) : (await callTool("app_picture",
    { image: image.uri, max_edge: 2048 })).content.find(block => block.type === "image");
  const name = image.path?.split(/[\\/]/).pop() ?? `relit.${file.mimeType.split("/")[1]}`;
  if (host.can.downloadFile) {
    const resource = { uri: `file:///${encodeURIComponent(name)}`, mimeType: file.mimeType,
      blob: file.data };
    const done = await ask("ui/download-file", { contents: [{ type: "resource", resource }] });
    return say(done.isError ? "The download was declined." : "Handed to the download folder.");
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytesOf(file.data)], { type: file.mimeType }));
  link.download = name;
  link.click();
  say(image.path ? `If no download starts, the file is ${image.path}` : "");
}

$("wide").onclick = async () => {
  const mode = host.context.displayMode === "fullscreen" ? "inline" : "fullscreen";
  follow({ displayMode: (await ask("ui/request-display-mode", { mode })).mode });
};

function say(words) {
  const isError = words instanceof Error;
  const place = $("rig").hidden ? $("facts") : $("status");
  place.textContent = isError ? words.message : words;
  place.classList.toggle("error", isError);
}

function fail(error) {
  if (shown.before && $("wait").hidden) return say(error);
  $("wait").textContent = error.message;
  $("wait").classList.add("error");
}

function follow(context) {
  Object.assign(host.context, context);
  const dark = host.context.theme ? host.context.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  for (const [name, value] of Object.entries(context.styles?.variables ?? {}))
    if (value) document.documentElement.style.setProperty(name, value);
  $("wide").hidden = !host.context.availableDisplayModes?.includes("fullscreen");
  $("wide").textContent = host.context.displayMode === "fullscreen" ? "Back to the chat" : "Full screen";
  if (!$("rig").hidden) drawRig();
}

follow({});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => follow({}));
const silence = setTimeout(() => fail(new Error("This view opens inside an MCP client that shows " +
  "MCP Apps. The tool's answer in the chat says the same in words.")), 8000);
const hello = await ask("ui/initialize", { appInfo: { name: "mcp-relight-compare", version: "1" },
  appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] }, protocolVersion: "2026-01-26" });
clearTimeout(silence);
host.can = hello.hostCapabilities ?? {};
follow(hello.hostContext ?? {});
notify("ui/notifications/initialized", {});
new ResizeObserver(() => notify("ui/notifications/size-changed",
  { height: Math.ceil(document.body.getBoundingClientRect().height) })).observe(document.body);
