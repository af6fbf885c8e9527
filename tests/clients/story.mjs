// The story, told through the SDK named on the command line; prints one JSON object.
//   node story.mjs {client|client-auto|sdk} {stdio|http} FACTS
// FACTS: {command, args, env, url, photo, large}

const [, , sdk, transport, given] = process.argv;
const facts = JSON.parse(given);

async function connect() {
  const info = { name: "story", version: "1.0.0" };
  if (sdk === "sdk") {
    const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
    const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js");
    const { StreamableHTTPClientTransport } = await import(
      "@modelcontextprotocol/sdk/client/streamableHttp.js"
    );
    const client = new Client(info);
    await client.connect(open(StdioClientTransport, StreamableHTTPClientTransport));
    return client;
  }
  const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  const { StdioClientTransport } = await import("@modelcontextprotocol/client/stdio");
  const negotiation = sdk === "client-auto" ? { versionNegotiation: { mode: "auto" } } : {};
  const client = new Client(info, negotiation);
  await client.connect(open(StdioClientTransport, StreamableHTTPClientTransport));
  return client;
}

function open(Stdio, Http) {
  if (transport === "http") return new Http(new URL(facts.url));
  const { command, args, env } = facts;
  return new Stdio({ command, args, env, stderr: "ignore" });
}

const client = await connect();

async function call(name, args, options) {
  const params = { name, arguments: args };
  return sdk === "sdk"
    ? client.callTool(params, undefined, options)
    : client.callTool(params, options);
}

const told = { progress: [] };
told.tools = (await client.listTools()).tools.map((tool) => tool.name);
told.looks = (await call("list_models", {})).structuredContent.looks.length;
const light = { image: facts.photo, look: "golden_hour" };
told.plan = (await call("plan_relight", light)).structuredContent.candidates[0].model;
const started = (await call("relight_image", { ...light, wait_s: 0 })).structuredContent;
const wait = { job_id: started.job_id, wait_s: 45 };
const onprogress = (step) => told.progress.push([step.progress / step.total, step.message]);
const finished = await call("get_job", wait, { onprogress, timeout: 60000 });
told.job = finished.structuredContent;
told.blocks = finished.content.map((block) => block.type);
const read = await client.readResource({ uri: told.job.images[0].uri });
told.bytes = Buffer.from(read.contents[0].blob, "base64").length;
const seen = await call("view_image", { image: told.job.job_id });
told.seen = seen.content.map((block) => block.type);
const large = { image: facts.large, look: "low_key", wait_s: 0 };
const unwanted = (await call("relight_image", large)).structuredContent;
await call("cancel_job", { job_id: unwanted.job_id });
const after = await call("get_job", { job_id: unwanted.job_id, wait_s: 45 }, { timeout: 60000 });
told.cancelled = after.structuredContent.status;
const refused = await call("relight_image", { image: facts.photo, look: "gold" });
told.refused = [refused.isError, refused._meta["mcp-relight/error"].code];
await client.close();
console.log(JSON.stringify(told));
process.exit(0);
