import { ask, subscribe } from "./graphql.js";

const MOST_MESSAGES = 50;
const MOST_ROWS = 8;
const SETTLED = ["completed", "refused", "stopped"];

const $ = (id) => document.getElementById(id);
const credentials = JSON.parse(document.body.dataset.credentials);
const operations = parsed(await (await fetch("operations.graphql")).text());
let chosen = ""; // The id of the verification that the page is about.

/** The ready-made operations by name. */
function parsed(text) {
  const blocks = text.matchAll(/^# (\w+), (\w+): (.+)\n# ({.*})\n((?:[^#\n].*\n)+)/gm);
  return Object.fromEntries([...blocks].map(([, name, who, title, variables, query]) => [name, { who, title, variables, query }]));
}

// Showing. Whatever a server said becomes text on its way through here, never HTML.

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function chip(status) {
  const made = element("span", { className: "chip" }, status.toLowerCase());
  made.dataset.status = status;
  return made;
}

function json(value) {
  const parts = JSON.stringify(value, null, 2).split(/("(?:[^"\\]|\\.)*"(?:: )?)/);
  const painted = parts.map((part, i) => (i % 2 ? element("span", { className: part.endsWith(": ") ? "key" : "string" }, part) : part));
  return element("pre", { tabIndex: 0 }, ...painted);
}

function clock(instant = new Date()) {
  return element("time", { dateTime: instant.toISOString() }, instant.toLocaleTimeString());
}

/** A sentence for those who can't see what changed. */
function say(sentence) {
  $("said").textContent = sentence;
}

// The editor, and the answer to what it asks.

function load(name) {
  const operation = operations[name];
  const variables = operation.variables.replaceAll("$id", chosen).replaceAll("$origin", location.origin);
  $("ready").value = name;
  $("query").value = operation.query.trim();
  $("variables").value = JSON.stringify(JSON.parse(variables), null, 2);
  $("who").value = operation.who;
  $("pasting").hidden = true;
}

/** Ask what the editor holds. Resolves to whether that went well. */
async function run() {
  const query = $("query").value;
  const who = $("who").value;
  const token = who === "pasted token" ? $("pasted").value.trim() : credentials.tokens[who];
  let variables;
  try {
    variables = JSON.parse($("variables").value || "{}");
  } catch (error) {
    return answer({ problem: `The variables are not JSON: ${error.message}` });
  }
  if (/^\s*subscription\b/m.test(query)) return follow(who, token, query, variables);
  const began = performance.now();
  try {
    const response = await ask(token, query, variables);
    return answer({ response, who, milliseconds: Math.round(performance.now() - began) });
  } catch (error) {
    return answer({ problem: `The gateway didn’t answer: ${error.message}` });
  }
}

function answer({ response, who, milliseconds, problem }) {
  const results = Object.values(response?.data ?? {});
  const wrong = problem ?? response.errors?.[0].message ?? results.find((result) => result?.code && result.message)?.message;
  const summary = problem ?? `${milliseconds} ms, asked by ${who}${wrong ? `: ${wrong}` : ""}`;
  $("answer").replaceChildren(element("p", { className: wrong ? "summary wrong" : "summary" }, summary), ...(response ? [json(response)] : []));
  $("answered").scrollIntoView({ block: "nearest" });
  say(wrong ? `Not done: ${wrong}` : "Answered.");
  const made = results.find((result) => result?.verificationUrl);
  if (made) choose(made);
  const issued = results.find((result) => result?.token);
  if (issued) $("pasted").value = issued.token;
  return !wrong;
}

/** From now on the page is about this verification. */
function choose({ id, verificationUrl }) {
  chosen = id;
  document.querySelectorAll("[data-needs]").forEach((button) => (button.disabled = false));
  if (verificationUrl) $("link").href = verificationUrl;
  else $("link").removeAttribute("href");
  $("link").ariaDisabled = String(!verificationUrl);
}

/** A step of the first run is done; the next one stands out. */
function advance(step) {
  step.classList.add("done");
  step.querySelectorAll(".primary").forEach((button) => button.classList.remove("primary"));
  step.nextElementSibling?.querySelector("button, .button").classList.add("primary");
}

// What is followed live.

function follow(who, token, query, variables) {
  const name = /subscription\s+(\w+)/.exec(query)?.[1] ?? "Subscription";
  const state = element("span", { className: "state" });
  const stop = element("button", { type: "button" }, "Stop");
  const messages = element("ol", { reversed: true });
  const title = element("h3", {}, `${name} `, element("small", {}, `${variables.id ?? ""} as ${who}`));
  const feed = element("article", {}, element("header", {}, title, state, stop), messages);
  $("feeds").prepend(feed);
  $("live").scrollIntoView({ block: "nearest" });

  let settled = false;
  const end = subscribe(token, query, variables, {
    next: (response) => {
      messages.firstElementChild?.querySelector("details").removeAttribute("open");
      messages.prepend(message(response));
      if (messages.children.length > MOST_MESSAGES) messages.lastElementChild.remove();
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
  const { verificationUpdated: one, verificationsUpdated: row } = response.data ?? {};
  const verification = one?.verification ?? row?.verification;
  const happened = one?.events?.map((event) => event.type).join(", ");
  const codes = verification?.reasons?.map((reason) => reason.code).join(" ");
  const told = response.errors?.[0].message ?? [verification?.phase, happened, codes].filter(Boolean).join(" · ");
  say(`Live: ${verification?.status ?? ""} ${told}`);
  if (verification?.phase === "DONE" && verification.id === chosen) {
    choose({ id: chosen });
    advance($("watch"));
  }
  const status = verification?.status ? [chip(verification.status)] : [];
  const summary = element("summary", { className: response.errors ? "wrong" : "" }, clock(), ...status, element("span", {}, told));
  return element("li", {}, element("details", { open: true }, summary, json(response)));
}

// The latest verifications. A row is made once and then refilled, so that it keeps the focus.

function watchLatest() {
  const rows = new Map();
  const token = credentials.tokens.operator;
  let newest = "";

  function take(verification) {
    const known = rows.get(verification.id);
    if (known ? verification.version <= known.version : verification.createdAt < newest) return;
    const button = known?.button ?? element("button", { type: "button" });
    rows.set(verification.id, { button, version: verification.version });
    fill(button, verification);
    if (known) return;
    newest = verification.createdAt;
    $("rows").prepend(element("li", {}, button));
    if (rows.size > MOST_ROWS) {
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
    const { data } = await ask(token, operations.latest.query);
    data.verifications.edges.reverse().forEach(({ node }) => take(node));
  }

  // The feed's first item says that nothing is missed from here on: a list that is read now and the changes are complete together.
  let listed;
  subscribe(token, operations.changes.query, {}, {
    next: async ({ data }) => {
      listed ??= list().catch(() => (listed = undefined)); // Asked again at the next message.
      await listed;
      if (data?.verificationsUpdated.verification) take(data.verificationsUpdated.verification);
    },
    state: (name, details) => show($("latest-state"), name, details),
  });
}

// Addresses and tokens.

function copying(text) {
  const button = element("button", { type: "button" }, "Copy");
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
      say("Copied.");
      setTimeout(() => (button.textContent = "Copy"), 2000);
    } catch {
      // Without HTTPS, a page that isn't on this machine has no clipboard: show it whole, selected.
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
  for (const [who, token] of Object.entries(credentials.tokens)) {
    const button = copying(token);
    button.ariaLabel = `Copy the token of ${who}`;
    $("tokens").append(element("li", {}, element("strong", {}, who), element("code", {}, `${token.slice(0, 8)}…${token.slice(-8)}`), button));
  }
}

// Putting it to work.

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
