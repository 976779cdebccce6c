/** The style of the element. Everything that an app may change is a custom property of the host. */
export const STYLES = `
:host {
  --paper: var(--verification-paper, #fbf8f2);
  --surface: var(--verification-surface, #fff);
  --ink: var(--verification-ink, #1b1a17);
  --ink-soft: var(--verification-ink-soft, #55514a);
  --line: var(--verification-line, #d5d0c5);
  --action: var(--verification-action, var(--ink));
  --on-action: var(--verification-on-action, #fff);
  --focus: var(--verification-focus, #1f5fe0);
  --calm: var(--verification-calm, #f2eadb);
  --waiting: var(--verification-waiting, #e9f0fe);
  --waiting-mark: var(--verification-waiting-mark, #3566e0);
  --again: var(--verification-again, #fcf0d6);
  --again-mark: var(--verification-again-mark, #bd7a04);
  --done: var(--verification-done, #dbf3e8);
  --done-mark: var(--verification-done-mark, #189a78);
  --quiet: var(--verification-quiet, #ece9e3);
  color-scheme: light;
  container-type: inline-size;
  display: flex;
  flex-direction: column;
  color: var(--ink);
  background: var(--paper);
  border-radius: var(--verification-radius, 18px);
  overflow: hidden;
  -webkit-font-smoothing: antialiased;
  font: 400 1.0625rem/1.5 var(--verification-font, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif);
}
:host([hidden]) { display: none; }
@media (prefers-color-scheme: dark) {
  :host(:not([theme="light"])) { DARK }
}
:host([theme="dark"]) { DARK }
.frame { display: flex; flex: 1; flex-direction: column; }
.offline { display: flex; gap: 12px; align-items: center; padding: 12px 20px; color: var(--paper); background: var(--ink); font-size: .9375rem; font-weight: 540; }
.offline .icon { width: 20px; height: 20px; }
.retry { font-variant-numeric: tabular-nums; }
.field { background: var(--tint); border-radius: 0 0 var(--verification-field-radius, 28px) var(--verification-field-radius, 28px); transition: background-color .4s; }
.picture { display: grid; grid-template-rows: minmax(0, 1fr); height: calc(var(--verification-field, 168px) + 24px); padding-bottom: 24px; box-sizing: border-box; }
.done .picture { height: calc(var(--verification-field, 168px) * 1.25 + 24px); }
.picture svg { display: block; width: 100%; height: 100%; }
.body { display: flex; flex: 1; padding: 24px 20px 20px; }
.body > div { display: flex; flex: 1; flex-direction: column; gap: 12px; min-width: 0; }
h2 { margin: 0; font-size: 1.75rem; font-weight: 640; line-height: 1.2; letter-spacing: -.015em; text-wrap: balance; }
p { margin: 0; text-wrap: pretty; white-space: pre-line; }
.lead, .tip span, .note { color: var(--ink-soft); }
ul, ol { display: grid; gap: 16px; margin: 12px 0; padding: 0; list-style: none; }
.tip { display: flex; gap: 14px; align-items: center; }
.tip b { display: block; font-weight: 600; line-height: 1.375rem; }
.tip span { font-size: .9375rem; line-height: 1.375rem; }
.tip .icon { flex: none; align-self: start; width: 20px; height: 20px; padding: 10px; border-radius: 12px; background: var(--tint); }
.step { position: relative; display: flex; gap: 14px; min-height: 24px; align-items: center; color: var(--ink-soft); }
.step i { box-sizing: border-box; flex: none; display: grid; place-items: center; width: 24px; height: 24px; border: 2px solid var(--line); border-radius: 50%; }
.step + .step::before { content: ""; position: absolute; left: 11px; bottom: 100%; width: 2px; height: 16px; background: var(--line); }
.step.past i { color: var(--surface); border-color: var(--done-mark); background: var(--done-mark); }
.step .icon { width: 16px; height: 16px; stroke-width: 2.2; }
.step[aria-current] { color: var(--ink); font-weight: 600; }
.step[aria-current] i { border-color: var(--waiting-mark); background: radial-gradient(circle, var(--waiting-mark) 35%, transparent 40%); }
.end { display: grid; gap: 12px; margin-top: auto; padding-top: 12px; text-align: center; }
.note { font-size: .875rem; text-wrap: balance; }
a {
  display: grid; place-items: center; min-height: 54px; padding: 8px 20px; box-sizing: border-box;
  color: var(--on-action); background: var(--action); border-radius: 16px; font-weight: 600; text-decoration: none; overflow-wrap: anywhere;
}
a:hover { opacity: .88; }
a:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
.calm { --tint: var(--calm); }
.waiting { --tint: var(--waiting); }
.again { --tint: var(--again); }
.done { --tint: var(--done); }
.quiet { --tint: var(--quiet); }
.icon { fill: none; stroke: currentColor; stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round; }
.stale { --done-mark: var(--ink-soft); --waiting-mark: var(--ink-soft); }
.ring { transform-origin: 100px 75px; animation: turn 2.4s linear infinite; }
@keyframes turn { to { transform: rotate(1turn); } }
@container (min-width: 560px) { .body { padding: 32px 40px 28px; } .end { justify-items: start; text-align: start; } a { min-width: 260px; } }
@media (prefers-reduced-motion: reduce) { .ring { animation: none; } .field { transition: none; } }
@media (forced-colors: active) { a { border: 2px solid LinkText; } .offline { border-bottom: 2px solid; } .step i { forced-color-adjust: none; } }
`.replaceAll(
  "DARK",
  `
    --paper: var(--verification-paper, #161511);
    --surface: var(--verification-surface, #211f1a);
    --ink: var(--verification-ink, #f1efe9);
    --ink-soft: var(--verification-ink-soft, #b5b0a5);
    --line: var(--verification-line, #47433a);
    --on-action: var(--verification-on-action, #161511);
    --focus: var(--verification-focus, #8ab0ff);
    --calm: var(--verification-calm, #262117);
    --waiting: var(--verification-waiting, #16233f);
    --waiting-mark: var(--verification-waiting-mark, #6f99ff);
    --again: var(--verification-again, #322412);
    --again-mark: var(--verification-again-mark, #e2a032);
    --done: var(--verification-done, #102c23);
    --done-mark: var(--verification-done-mark, #4cc9a2);
    --quiet: var(--verification-quiet, #26251f);
    color-scheme: dark;
  `,
);
