// The individual's pages go on by themselves: from the ready page to the provider, and from a page that has to wait to its next state.
// Without this script, a button and a refresh do the same.

const MAX_ATTEMPTS = 5;
const MAX_SECONDS = 15;
const PAUSE_SECONDS = 4;

const seconds = Number(document.body.dataset.reload);
const note = document.querySelector("[data-going]");

if (note) whenVisible(goOn);
if (seconds) setInterval(() => document.hidden || location.replace(location.href), seconds * 1000);

// A page that was loaded in advance, or in a tab that nobody looks at yet, has not been opened.
function whenVisible(act) {
  const events = [["prerenderingchange", () => !document.prerendering], ["visibilitychange", () => !document.hidden]];
  if (!document.prerendering && !document.hidden) return act();
  for (const [name] of events) document.addEventListener(name, check);
  function check() {
    if (!events.every(([, passes]) => passes())) return;
    for (const [name] of events) document.removeEventListener(name, check);
    act();
  }
}

async function goOn(attempt = 1) {
  note.textContent = note.dataset.going;
  const response = await posted();
  if (response?.ok) return location.replace((await response.json()).location);
  // The link has ended meanwhile: load the page that says so.
  if (response?.status === 410) return location.replace(location.href);
  note.textContent = "";
  // The button remains, too.
  if (attempt < MAX_ATTEMPTS) setTimeout(goOn, PAUSE_SECONDS * 1000, attempt + 1);
}

// The response; undefined if the network failed or took too long.
async function posted() {
  const aborting = new AbortController();
  const timer = setTimeout(() => aborting.abort(), MAX_SECONDS * 1000);
  try {
    return await fetch(location.href, { method: "POST", headers: { accept: "application/json" }, signal: aborting.signal });
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
