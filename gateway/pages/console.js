import { credentials as obtained } from "./credentials.js";
import { execute, subscribe } from "./graphql.js";

const MAX_MESSAGES = 50;
const MAX_ROWS = 8;
const SETTLED = ["completed", "refused", "stopped"];

const $ = (id) => document.getElementById(id);
const credentials = await obtained();
const operations = parsed(await (await fetch("operations.graphql")).text());
let chosen = ""; // The id of the chosen verification, for which the buttons run their operations.

/** The example operations by name. */
function parsed(text) {
  const blocks = text.matchAll(/^# (\w+), (\w+): (.+)\n# ({.*})\n((?:[^#\n].*\n)+)/gm);
  return Object.fromEntries([...blocks].map(([, name, caller, title, variables, query]) => [name, { caller, title, variables, query }]));
}

// Elements. Text from a server becomes text nodes, never HTML.

function element(name, properties = {}, ...children) {
  const created = Object.assign(document.createElement(name), properties);
  created.append(...children);
  return created;
}

function chip(status) {
  const shown = element("span", { className: "chip" }, status.toLowerCase());
  shown.dataset.status = status;
  return shown;
}

function json(value) {
  const parts = JSON.stringify(value, null, 2).split(/("(?:[^"\\]|\\.)*"(?:: )?)/);
  const coloured = parts.map((part, i) => (i % 2 ? element("span", { className: part.endsWith(": ") ? "key" : "string" }, part) : part));
  return element("pre", { tabIndex: 0 }, ...coloured);
}

function clock(instant = new Date()) {
  return element("time", { dateTime: instant.toISOString() }, instant.toLocaleTimeString());
}

/** Announce a change to screen readers. */
function announce(sentence) {
  $("said").textContent = sentence;
}

// The editor, and the response to its operation.

function load(name) {
  const operation = operations[name];
  const variables = operation.variables.replaceAll("$id", chosen).replaceAll("$origin", location.origin);
  $("ready").value = name;
  $("query").value = operation.query.trim();
  $("variables").value = JSON.stringify(JSON.parse(variables), null, 2);
  $("who").value = operation.caller;
  $("pasting").hidden = true;
}

/** Run the editor's operation. Resolves to whether it succeeded. */
async function run() {
  const query = $("query").value;
  const caller = $("who").value;
  const token = caller === "pasted token" ? $("pasted").value.trim() : credentials.tokens[caller];
  let variables;
  try {
    variables = JSON.parse($("variables").value || "{}");
  } catch (error) {
    return showResponse({ problem: `The variables are not JSON: ${error.message}` });
  }
  if (/^\s*subscription\b/m.test(query)) return follow(caller, token, query, variables);
  const startedAt = performance.now();
  try {
    const response = await execute(token, query, variables);
    return showResponse({ response, caller, milliseconds: Math.round(performance.now() - startedAt) });
  } catch (error) {
    return showResponse({ problem: `The gateway didn’t respond: ${error.message}` });
  }
}

function showResponse({ response, caller, milliseconds, problem }) {
  const results = Object.values(response?.data ?? {});
  const failure = problem ?? response.errors?.[0].message ?? results.find((result) => result?.code && result.message)?.message;
  const summary = problem ?? `${milliseconds} ms, as ${caller}${failure ? `: ${failure}` : ""}`;
  $("answer").replaceChildren(element("p", { className: failure ? "summary wrong" : "summary" }, summary), ...(response ? [json(response)] : []));
  reveal($("response"));
  announce(failure ? `Failed: ${failure}` : "The response has arrived.");
  const verification = results.find((result) => result?.verificationUrl);
  if (verification) choose(verification);
  const issued = results.find((result) => result?.token);
  if (issued) $("pasted").value = issued.token;
  return !failure;
}

/** Scroll no further than needed to show the whole part of the page, or as much of it as fits. */
function reveal(part) {
  part.scrollIntoView({ block: part.offsetHeight > innerHeight ? "start" : "nearest" });
}

/** Make this the chosen verification. */
function choose({ id, verificationUrl }) {
  chosen = id;
  document.querySelectorAll("[data-needs]").forEach((button) => (button.disabled = false));
  if (verificationUrl) $("link").href = verificationUrl;
  else $("link").removeAttribute("href");
  $("link").ariaDisabled = String(!verificationUrl);
}

/** Mark a step of the first run as done, and highlight the next step. */
function advance(step) {
  step.classList.add("done");
  step.querySelectorAll(".primary").forEach((button) => button.classList.remove("primary"));
  step.nextElementSibling?.querySelector("button, .button").classList.add("primary");
}

// Subscriptions, with their messages.

function follow(caller, token, query, variables) {
  const name = /subscription\s+(\w+)/.exec(query)?.[1] ?? "Subscription";
  const state = element("span", { className: "state" });
  const stop = element("button", { type: "button" }, "Stop");
  const messages = element("ol", { reversed: true });
  const title = element("h3", {}, `${name} `, element("small", {}, `${variables.id ?? ""} as ${caller}`));
  const feed = element("article", {}, element("header", {}, title, state, stop), messages);
  $("feeds").prepend(feed);
  reveal(feed);

  let settled = false;
  const end = subscribe(token, query, variables, {
    next: (response) => {
      messages.firstElementChild?.querySelector("details").removeAttribute("open");
      messages.prepend(message(response));
      if (messages.children.length === 1) reveal(feed);
      if (messages.children.length > MAX_MESSAGES) messages.lastElementChild.remove();
    },
    state: (name, details) => {
      show(state, name, details);
      settled = SETTLED.includes(name);
      if (settled) stop.textContent = "Remove";
    },
  });
  stop.onclick = () => (settled ? feed.remove() : end());
  return true;
}

function show(place, name, details) {
  place.dataset.state = name;
  place.textContent = details ? `${name}: ${details}` : name;
}

function message(response) {
  const { verificationUpdated, verificationsUpdated } = response.data ?? {};
  const verification = verificationUpdated?.verification ?? verificationsUpdated?.verification;
  const events = verificationUpdated?.events?.map((event) => event.type).join(", ");
  const codes = verification?.reasons?.map((reason) => reason.code).join(" ");
  const text = response.errors?.[0].message ?? [verification?.phase, events, codes].filter(Boolean).join(" · ");
  announce(`Live: ${verification?.status ?? ""} ${text}`);
  if (verification?.phase === "DONE" && verification.id === chosen) {
    choose({ id: chosen });
    advance($("watch"));
  }
  const status = verification?.status ? [chip(verification.status)] : [];
  const summary = element("summary", { className: response.errors ? "wrong" : "" }, clock(), ...status, element("span", {}, text));
  return element("li", {}, element("details", { open: true }, summary, json(response)));
}

// The latest verifications. A row's button is created once and then refilled, so that it keeps the focus.

function watchLatest() {
  const rows = new Map();
  const token = credentials.tokens.operator;
  let newest = "";

  function update(verification) {
    const row = rows.get(verification.id);
    if (row ? verification.version <= row.version : verification.createdAt < newest) return;
    const button = row?.button ?? element("button", { type: "button" });
    rows.set(verification.id, { button, version: verification.version });
    fill(button, verification);
    if (row) return;
    newest = verification.createdAt;
    $("rows").prepend(element("li", {}, button));
    if (rows.size > MAX_ROWS) {
      $("rows").lastElementChild.remove();
      rows.delete(rows.keys().next().value);
    }
  }

  function fill(button, verification) {
    const { id, status, phase, reference, attempt, reasons, updatedAt } = verification;
    const why = reasons.map((reason) => reason.code).join(" ") || (status === "PENDING" ? phase.replaceAll("_", " ").toLowerCase() : "");
    const name = `${reference ?? id}${attempt > 1 ? `, attempt ${attempt}` : ""}`;
    button.replaceChildren(chip(status), element("span", {}, name), element("small", {}, why), clock(new Date(updatedAt)));
    button.onclick = () => {
      choose(verification);
      load("follow");
      run();
    };
  }

  async function list() {
    const { data } = await execute(token, operations.latest.query);
    data.verifications.edges.reverse().forEach(({ node }) => update(node));
  }

  // From the subscription's first message on, no change is missed. A list that is read after it, together with later changes, is complete.
  let listed;
  subscribe(token, operations.changes.query, {}, {
    next: async ({ data }) => {
      listed ??= list().catch(() => (listed = undefined)); // Read it again at the next message.
      await listed;
      if (data?.verificationsUpdated.verification) update(data.verificationsUpdated.verification);
    },
    state: (name, details) => show($("latest-state"), name, details),
  });
}

// Addresses and tokens.

function copyButton(text) {
  const button = element("button", { type: "button" }, "Copy");
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
      announce("Copied.");
      setTimeout(() => (button.textContent = "Copy"), 2000);
    } catch {
      // Without HTTPS, only pages of this machine may use the clipboard. Otherwise show the whole token, selected.
      const shown = button.parentElement.querySelector("code");
      shown.textContent = text;
      getSelection().selectAllChildren(shown);
    }
  };
  return button;
}

function listAccess() {
  for (const name of ["url", "graphql", "websocket", "workspace"]) {
    $("addresses").append(element("dt", {}, name), element("dd", {}, element("code", {}, credentials[name])));
  }
  for (const [role, token] of Object.entries(credentials.tokens)) {
    const button = copyButton(token);
    button.ariaLabel = `Copy the token of ${role}`;
    $("tokens").append(element("li", {}, element("strong", {}, role), element("code", {}, `${token.slice(0, 8)}…${token.slice(-8)}`), button));
  }
}

// Start the page.

$("ready").append(...Object.entries(operations).map(([value, { title }]) => element("option", { value }, title)));
$("ready").onchange = () => load($("ready").value);
$("who").onchange = () => ($("pasting").hidden = $("who").value !== "pasted token");
$("editor").onsubmit = (event) => {
  event.preventDefault();
  run();
};
$("editor").onkeydown = (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("editor").requestSubmit();
};
document.querySelectorAll("[data-needs]").forEach((button) => (button.disabled = true));
document.querySelectorAll("[data-operation]").forEach((button) => {
  button.onclick = async () => {
    load(button.dataset.operation);
    if (await run()) advance(button.closest("li"));
  };
});
$("link").onclick = () => advance($("link").closest("li"));

load("create");
listAccess();
watchLatest();
