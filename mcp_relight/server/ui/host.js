const $ = id => document.getElementById(id);
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/* ---- The host: JSON-RPC 2.0 over postMessage (MCP Apps, 2026-01-26) ---- */

const host = { can: {}, context: {} };
const waiting = new Map(), handlers = {};
let lastId = 0;

const post = message => parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
const notify = (method, params) => post({ method, params });

function ask(method, params) {
  return new Promise((resolve, reject) => {
    waiting.set(++lastId, { resolve, reject });
    post({ id: lastId, method, params });
  });
}

addEventListener("message", event => {
  const message = event.data;
  if (event.source !== parent || message?.jsonrpc !== "2.0") return;
  if (message.method && message.id !== undefined) return answerHost(message);
  if (message.method) return handlers[message.method]?.(message.params ?? {});
  const asked = waiting.get(message.id);
  waiting.delete(message.id);
  if (message.error) asked?.reject(new Error(message.error.message));
  else asked?.resolve(message.result);
});

function answerHost({ id, method }) {
  const known = method === "ping" || method === "ui/resource-teardown";
  post(known ? { id, result: {} } : { id, error: { code: -32601, message: "Method not found" } });
}

async function callTool(name, args) {
  const result = await ask("tools/call", { name, arguments: args });
  if (result.isError) throw new Error(failureWords(result));
  return result;
}

/* Some hosts strip structuredContent; the first text block carries the same facts. */
function factsOf(result) {
  if (result.structuredContent) return result.structuredContent;
  try { return JSON.parse(result.content[0].text); } catch { return {}; }
}

function failureWords(result) {
  const error = factsOf(result).error;
  return error ? `${error.message} ${error.hint ?? ""}`.trim()
    : result.content?.find(block => block.type === "text")?.text ?? "The server refused.";
}

/* ---- Pictures: bytes → createImageBitmap → canvas fetches nothing, so no CSP blocks it ---- */

const bytesOf = base64 => Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
const bitmapOf = block =>
  createImageBitmap(new Blob([bytesOf(block.data)], { type: block.mimeType }));

async function picture(uri, max_edge) {
  if (host.can.serverTools) {
    const result = await callTool("app_picture", { image: uri, max_edge });
    return bitmapOf(result.content.find(block => block.type === "image"));
  }
  return bitmapOf(await original(uri));
}

async function original(uri) {
  const { contents: [item] } = await ask("resources/read", { uri });
  return { data: item.blob, mimeType: item.mimeType };
}

function draw(canvas, bitmap) {
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
}
