// A host for one app: the reference AppBridge, with the server behind `window.server`.
import { AppBridge, PostMessageTransport } from "@modelcontextprotocol/ext-apps/app-bridge";

const POLICIES = {
  strict: "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'none'; connect-src 'none'",
  claude: "default-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'none'",
};

window.open_app = async ({ html, policy, theme, canRead, canDownload, args, result }) => {
  const seen = (window.seen = { context: [], downloads: [], calls: [], sizes: [] });
  const can = { serverTools: {}, updateModelContext: { text: {} } };
  if (canRead) can.serverResources = {};
  if (canDownload) can.downloadFile = {};
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts allow-same-origin allow-forms");
  frame.style.cssText = "width:100%;height:300px;border:0;display:block";
  frame.src = "https://sandbox.test/";
  document.body.style.cssText = `margin:0;background:${theme === "dark" ? "#191817" : "#fcfbf9"}`;
  document.body.append(frame);

  const hostContext = { theme, displayMode: "inline", availableDisplayModes: ["inline", "fullscreen"] };
  const bridge = new AppBridge(null, { name: "test-host", version: "1" }, can, { hostContext });
  const meta = `<meta http-equiv="Content-Security-Policy" content="${POLICIES[policy]}">`;
  const guarded = html.replace('<meta charset="utf-8">', found => found + meta);
  bridge.onsandboxready = () => bridge.sendSandboxResourceReady({ html: guarded });
  bridge.onsizechange = ({ height }) => { seen.sizes.push(height); frame.style.height = `${height}px`; };
  bridge.oncalltool = async params => {
    seen.calls.push(params);
    return window.server("callTool", params);
  };
  bridge.onreadresource = params => window.server("readResource", params);
  bridge.onupdatemodelcontext = async params => { seen.context.push(params); return {}; };
  bridge.onrequestdisplaymode = async ({ mode }) => ({ mode });
  bridge.ondownloadfile = async ({ contents: [item] }) => {
    seen.downloads.push({ uri: item.resource.uri, mimeType: item.resource.mimeType,
      bytes: atob(item.resource.blob).length });
    return {};
  };
  bridge.oninitialized = async () => {
    await bridge.sendToolInput({ arguments: args });
    await bridge.sendToolResult(result);
  };
  window.setTheme = next => bridge.setHostContext({ ...hostContext, theme: next });
  window.tearDown = () => bridge.teardownResource({});
  await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
};
