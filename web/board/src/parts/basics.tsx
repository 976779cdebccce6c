/** The small parts that every page uses: a status, an instant, a menu, a dialog, a notice. */

import { type ReactNode, type RefObject, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { useNow } from "../data/clock";
import type { Phase, Status } from "../data/model";
import { useWords } from "../texts/words";
import { Chevron, Copy, StatusSymbol, Tick } from "./symbols";

export const classOf = (status: Status) => status.toLowerCase();

export function StatusWord({ status, phase }: { status: Status; phase?: Phase }) {
  const { texts } = useWords();
  return <span className={`status ${classOf(status)}`}><StatusSymbol status={status} phase={phase} />{texts.status[status]}</span>;
}

/** How long ago an instant was, with the exact time as its tooltip. `exact`: only the exact time, since "2 min ago" is wrong without a connection. */
export function Ago({ instant, exact = false }: { instant: string; exact?: boolean }) {
  const words = useWords();
  const now = useNow();
  return <time dateTime={instant} title={words.exact(instant)}>{exact ? words.clock(instant) : words.ago(instant, now)}</time>;
}

/** A time of day, with the exact instant as its tooltip. */
export function Clock({ instant, withDay = false }: { instant: string; withDay?: boolean }) {
  const words = useWords();
  return <time dateTime={instant} title={words.exact(instant)}>{withDay ? words.dayAndTime(instant) : words.clock(instant)}</time>;
}

/** The time that is left until an instant. */
export function Left({ until }: { until: string }) {
  const words = useWords();
  const now = useNow();
  const left = Date.parse(until) - now;
  return <time dateTime={until} title={words.exact(until)}>{left <= 0 ? words.texts.detail.over : words.duration(left)}</time>;
}

export function CopyButton({ text, label, small = false }: { text: string; label: string; small?: boolean }) {
  const { texts } = useWords();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  if (small)
    return <button type="button" className="button bare icon small" onClick={copy} aria-label={copied ? texts.detail.copied : label} title={label}>{copied ? <Tick /> : <Copy />}</button>;
  return <button type="button" className="button" onClick={copy}>{copied ? <Tick /> : <Copy />}{copied ? texts.detail.copied : label}</button>;
}

function useOutside(ref: RefObject<HTMLElement | null>, open: boolean, close: () => void) {
  useEffect(() => {
    if (!open) return;
    const press = (event: PointerEvent) => { if (!ref.current?.contains(event.target as Node)) close(); };
    addEventListener("pointerdown", press);
    return () => removeEventListener("pointerdown", press);
  }, [ref, open, close]);
}

/**
 * A button that opens a panel below it. `icon`: shown instead of the label. Escape closes the panel and returns the focus to the button. A click
 * elsewhere, and a focus that leaves the panel, close it too.
 */
export function Menu({ label, value, icon, children, align = "start", name, set = false }: {
  label: string; value?: ReactNode; icon?: ReactNode; children: (close: () => void) => ReactNode; align?: "start" | "end"; name?: string; set?: boolean;
}) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const panel = useId();
  const close = () => { setOpen(false); button.current?.focus(); };
  useOutside(root, open, () => setOpen(false));
  useEffect(() => {
    const panels = root.current;
    if (open) (panels?.querySelector<HTMLElement>(".panel input:checked") ?? panels?.querySelector<HTMLElement>(".panel input, .panel button"))?.focus();
  }, [open]);
  return (
    <div className="menu" ref={root} onBlur={({ relatedTarget }) => { if (relatedTarget && !root.current?.contains(relatedTarget)) setOpen(false); }} onKeyDown={(event) => { if (event.key === "Escape" && open) { event.stopPropagation(); close(); } }}>
      <button ref={button} type="button" className={`button ${icon ? "icon" : "chip"}${set ? " set" : ""}`} data-menu={name} aria-haspopup="dialog" aria-expanded={open} aria-controls={open ? panel : undefined}
        aria-label={icon ? label : undefined} title={icon ? label : undefined} onClick={() => setOpen(!open)}>
        {icon ?? <><span>{label}</span>{value !== undefined && <b className="cut">{value}</b>}<Chevron /></>}
      </button>
      {open && <div id={panel} className={`panel ${align}`} role="dialog" aria-label={label}>{children(close)}</div>}
    </div>
  );
}

/**
 * The choices of a menu, of which the reader can choose several, or only one. `onPicked`: called when the reader has picked the only one with the
 * pointer or with Enter. The arrow keys choose too, but the reader may want to go on to the next one.
 */
export function Choices<Value extends string>({ legend, values, chosen, text, onChange, onPicked, single = false }: {
  legend: string; values: readonly Value[]; chosen: readonly Value[]; text: (value: Value) => ReactNode; onChange: (chosen: Value[]) => void; onPicked?: () => void; single?: boolean;
}) {
  const name = useId();
  const byPointer = useRef(false);
  return (
    <fieldset className="choices" onPointerDown={() => { byPointer.current = true; }}
      onKeyDown={(event) => { byPointer.current = false; if (event.key === "Enter" && onPicked) { event.preventDefault(); onPicked(); } }}
      onClick={(event) => { if (byPointer.current && event.target instanceof HTMLInputElement) onPicked?.(); }}>
      <legend className="spoken">{legend}</legend>
      {values.map((value) => (
        <label key={value}>
          <input type={single ? "radio" : "checkbox"} name={name} checked={chosen.includes(value)}
            onChange={() => onChange(single ? [value] : chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value])} />
          <span>{text(value)}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** A dialog that holds the focus until it is closed. It uses the browser's own `<dialog>`. */
export function Dialog({ title, onClose, children, wide = false }: { title: string; onClose: () => void; children: ReactNode; wide?: boolean }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  // The focus returns to the button that has opened the dialog only if the dialog is closed while it is still part of the page.
  useLayoutEffect(() => {
    const element = dialog.current;
    if (element && !element.open) element.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog ref={dialog} className={wide ? "wide" : undefined} aria-labelledby={heading} onClose={onClose} onKeyDown={(event) => event.stopPropagation()}
      onPointerDown={(event) => { if (event.target === dialog.current) dialog.current.close(); }}>
      <div className="dialog-body">
        <h2 id={heading}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

/** What a page shows instead of its content: what has happened, and what the reader can do. */
export function Notice({ title, text, children }: { title: string; text?: ReactNode; children?: ReactNode }) {
  return <div className="notice"><h2>{title}</h2>{text && <p>{text}</p>}{children && <div className="buttons">{children}</div>}</div>;
}

/** Grey shapes in place of rows that are being read. They appear after a fifth of a second, so that a fast read shows none. */
export function Skeleton({ rows = 8 }: { rows?: number }) {
  const { texts } = useWords();
  return (
    <div className="skeleton" role="status"><span className="spoken">{texts.states.loading}</span>
      {Array.from({ length: rows }, (_, row) => <div key={row}><i /><i style={{ width: `${22 + ((row * 37) % 31)}%` }} /><i /></div>)}
    </div>
  );
}
