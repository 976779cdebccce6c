/** The list: a grid of rows of equal height, of which only the visible ones exist in the page. */

import { type FocusEvent, memo, type ReactNode, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Entry } from "../data/attention";
import type { LiveList } from "../data/list";
import type { Row } from "../data/model";
import { address, go, isFiltered, NO_FILTERS, useRoute } from "../data/route";
import { configuration, may, useConnectionState, useSession } from "../data/session";
import { useListState } from "../data/use";
import { Ago, classOf, Left, Notice, Skeleton, StatusWord } from "../parts/basics";
import { Inbound, StatusSymbol, Up } from "../parts/symbols";
import { useWords, type Words } from "../texts/words";
import { isTyping } from "./frame";

const OVERSCAN = 12;
// How many of the uppermost visible rows are remembered to keep the scroll position. Only if all of them leave at once, the rows below them move.
const MAX_ANCHORS = 30;
const COLUMNS = ["status", "reference", "person", "where", "action", "left", "changed"] as const;

/** The name of a verification for people: its reference, or the end of its id. */
export const nameOf = ({ reference, id }: { reference: string | null; id: string }) => reference ?? `…${id.slice(-8)}`;
export const shortId = (id: string) => (id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id);

/** Where a verification stands, in a few words. */
export function whereOf(row: Row, words: Words): { text: string; code?: string; more?: number } {
  const { texts } = words;
  if (row.status === "PENDING") return { text: texts.phase[row.phase] };
  const reason = row.reasons[0];
  if (row.status !== "VERIFIED") return reason ? { text: words.reason(reason), code: reason.code.replace("IDVV_", ""), more: row.reasons.length - 1 } : { text: texts.detail.noReason };
  const took = row.completedAt ? texts.list.took(words.duration(Date.parse(row.completedAt) - Date.parse(row.createdAt), true)) : "";
  const document = row.extractedDocument;
  const type = document?.type && texts.documentType[document.type];
  return { text: [took, [type, document?.issuingCountryCode].filter(Boolean).join(", ")].filter(Boolean).join(" · ") };
}

const actionOf = (row: Row, words: Words) => (row.recommendedAction === "REJECT_REQUEST" && row.canRetry ? words.texts.orRetry : words.texts.action[row.recommendedAction]);
/** The deadline that comes next, or null. */
const deadlineOf = (row: Row) => (row.status !== "PENDING" ? null : row.phase === "IN_SESSION" && row.linkExpiresAt ? row.linkExpiresAt : row.expiresAt);

/** Moves the focus to the list. Returns false if there is no list on the page. */
export function focusList() {
  const grid = document.getElementById("list");
  grid?.focus({ preventScroll: true });
  return grid !== null;
}

/** Where the reader is in the list. It is kept while a verification has the page for itself, and the list is not on the page. */
export interface Place {
  selected: string | null;
  /** The uppermost visible rows, their indexes, and how far each is below the upper edge, in pixels. Empty at the beginning of the list. */
  visible: { id: string; index: number; offset: number }[];
  /** Whether the focus shall return to the list. */
  isReturning: boolean;
}

export interface ListProps {
  list: LiveList;
  place: Place;
  attention: Entry[];
  onAttention: (entry: Entry) => void;
  folded: boolean;
  /** What is above the list and scrolls with it. */
  head?: ReactNode;
}

export function List({ list, place, attention, onAttention, folded, head }: ListProps) {
  const words = useWords();
  const { texts } = words;
  const { id: open, filters } = useRoute();
  const state = useListState(list);
  const connection = useConnectionState();
  const exact = connection !== "live" && connection !== "connecting";
  const scroller = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const grid = useRef<HTMLDivElement>(null);
  const [selected, setSelected] = useState<string | null>(open ?? place.selected);
  const [windowOf, setWindow] = useState({ first: 0, last: 60 });
  const rowHeight = useRowHeight(folded);
  const { rows, fresh } = state;

  // Compute from the scroll position which rows are visible. Near the end of the loaded rows, the next page is read.
  const measure = useCallback(() => {
    const [area, content] = [scroller.current, body.current];
    if (!area || !content) return;
    const above = area.getBoundingClientRect().top - content.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(above / rowHeight) - OVERSCAN);
    const last = Math.ceil((above + area.clientHeight) / rowHeight) + OVERSCAN;
    setWindow((before) => (before.first === first && before.last === last ? before : { first, last }));
    const top = Math.max(0, Math.floor(above / rowHeight));
    const shown = list.state.rows;
    place.visible = above < 1 ? [] : shown.slice(top, top + MAX_ANCHORS).map(({ id }, order) => ({ id, index: top + order, offset: (top + order) * rowHeight - above }));
    if (last > shown.length - 20) void list.more();
  }, [list, place, rowHeight]);

  // The rows in view stay where they are, whatever was added or removed above them.
  useLayoutEffect(() => {
    const [area, content] = [scroller.current, body.current];
    if (!area || !content) return;
    const [anchor, index] = anchored(place, rows);
    if (anchor) area.scrollTop += content.getBoundingClientRect().top + index * rowHeight - area.getBoundingClientRect().top - anchor.offset;
    measure();
  }, [measure, place, rows, rowHeight, attention.length]);
  useEffect(() => {
    addEventListener("resize", measure);
    return () => removeEventListener("resize", measure);
  }, [measure]);

  // Rows that no longer match are removed after their tint has faded. None is removed while the pointer is over the list, and the selected row stays.
  const isLeaving = state.leaving.size > 0;
  useEffect(() => {
    if (!isLeaving) return;
    const timer = setInterval(() => { if (!body.current?.matches(":hover")) list.sweep(selected); }, 2500);
    return () => clearInterval(timer);
  }, [list, isLeaving, selected]);
  useEffect(() => { place.selected = selected; }, [place, selected]);

  // The focus returns to the list if the part of the page that had it is gone: a verification, or the list of another filter.
  useLayoutEffect(() => {
    const element = grid.current;
    return () => { if (element && document.activeElement === element) place.isReturning = true; };
  }, [place]);
  useEffect(() => {
    if (open || !place.isReturning) return;
    place.isReturning = false;
    if (document.activeElement === document.body) focusList();
  }, [place, open]);

  const keys = useMemo(() => [...attention.map(({ key }) => key), ...rows.map(({ id }) => id)], [attention, rows]);
  const keysNow = useRef(keys);
  keysNow.current = keys;

  const bringIntoView = useCallback((key: string) => {
    const area = scroller.current;
    const index = keysNow.current.indexOf(key) - attention.length;
    if (!area || !body.current) return;
    if (index < 0) return document.getElementById(`row-${key}`)?.scrollIntoView({ block: "nearest" });
    const top = body.current.getBoundingClientRect().top - area.getBoundingClientRect().top + area.scrollTop + index * rowHeight;
    const headHeight = 72;
    if (top < area.scrollTop + headHeight) area.scrollTop = top - headHeight;
    else if (top + rowHeight > area.scrollTop + area.clientHeight) area.scrollTop = top + rowHeight - area.clientHeight;
  }, [rowHeight, attention.length]);

  const activate = useCallback((key: string) => {
    const entry = attention.find((one) => one.key === key);
    if (!entry) go({ page: "board", id: key });
    else if (entry.kind === "unmatched") onAttention(entry);
    else go({ page: "board", id: entry.row.id });
  }, [attention, onAttention]);

  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (isTyping(event) || document.querySelector("dialog[open], .panel")) return;
      const onControl = event.target instanceof HTMLElement && event.target.closest("button, a, input, summary");
      const down = event.key === "j" || (event.key === "ArrowDown" && !onControl);
      if (down || event.key === "k" || (event.key === "ArrowUp" && !onControl)) {
        event.preventDefault();
        const all = keysNow.current;
        const from = selected === null ? -1 : all.indexOf(selected);
        const next = all[Math.max(0, Math.min(all.length - 1, from + (down ? 1 : -1)))];
        if (!next) return;
        setSelected(next);
        bringIntoView(next);
        if (open && !next.includes(" ")) go({ id: next }, true);
      } else if (event.key === "Enter" && selected && !onControl) activate(selected);
      else if (event.key === "n") showFresh();
      else if (event.key === "/") { event.preventDefault(); document.querySelector<HTMLInputElement>("[data-search]")?.focus(); }
      else if (event.key === "f") { event.preventDefault(); document.querySelector<HTMLButtonElement>("[data-menu=filter]")?.click(); }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
  useEffect(() => { if (open) setSelected(open); }, [open]);

  // A reader who comes with the keyboard sees where the focus is: on the uppermost row in view.
  const startWithFirst = ({ currentTarget, target }: FocusEvent<HTMLElement>) => {
    if (target !== currentTarget || !currentTarget.matches(":focus-visible") || (selected && keys.includes(selected))) return;
    const first = place.visible.find(({ offset }) => offset >= 0)?.id ?? keys[0];
    if (first) setSelected(first);
  };

  // The click removes the button, and the focus with it. The focus moves to the list, so that the keys of the list go on working.
  const showFresh = () => { list.show(); focusList(); };

  const spoken = useSpoken(list, fresh, words);
  const visible = rows.slice(windowOf.first, Math.min(windowOf.last, rows.length));
  // How many rows are above those of the list: the names of the columns, the entries that need attention with their heading, and the order.
  const above = (folded ? 0 : 1) + (attention.length && attention.length + 1) + 1;
  const columns = folded ? 4 : COLUMNS.length;
  const nothing = !state.loading && !state.error && rows.length === 0;
  return (
    <div className={`list-area${folded ? " folded" : ""}`} ref={scroller} style={{ overflowAnchor: "none" }} onScroll={measure}>
      {head}
      {!open && <h1 className="spoken">{texts.list.title}</h1>}
      <p className="spoken" role="status" aria-live="polite">{spoken}</p>
      <div ref={grid} className="grid" role="grid" id="list" aria-label={texts.list.title} aria-rowcount={state.total === null ? -1 : state.total + above} aria-colcount={columns} tabIndex={0} onFocus={startWithFirst} aria-activedescendant={selected && keys.includes(selected) ? `row-${selected}` : undefined}>
        {!folded && <div role="rowgroup" className="head"><div role="row" aria-rowindex={1} className="row columns-head">
          {COLUMNS.map((column) => <span role="columnheader" key={column} className={`cell-${column}`}>{texts.list.columns[column]}</span>)}
        </div></div>}
        {attention.length > 0 && <div role="rowgroup" className="attention">
          <div role="row" aria-rowindex={folded ? 1 : 2} className="group-name"><span role="gridcell" aria-colspan={columns}><span className="tag loud">{attention.length}</span> <b>{texts.list.attention}</b></span></div>
          {attention.map((entry, order) => <AttentionRow key={entry.key} entry={entry} index={above - attention.length + order} selected={selected === entry.key} folded={folded} onOpen={activate} onAct={onAttention} />)}
        </div>}
        <div role="rowgroup">
          <div role="row" aria-rowindex={above} className="group-name pinned"><span role="gridcell" aria-colspan={columns}>
            <b>{filters.order === "CREATED_OLDEST" ? texts.list.oldest : filters.order === "UPDATED_NEWEST" ? texts.list.changedNewest : texts.list.newest}</b> <span className="number faint">{state.total !== null && words.number(state.total)}</span>
            {fresh > 0 && <button type="button" className="fresh" onClick={showFresh}><Up />{texts.list.fresh(fresh)}{!folded && <kbd>N</kbd>}</button>}
          </span></div>
          <div ref={body} className="rows" role="presentation" style={{ height: rows.length * rowHeight }}>
            {visible.map((row, order) => (
              <ListRow key={row.id} row={row} index={above + windowOf.first + order + 1} top={(windowOf.first + order) * rowHeight} folded={folded} exact={exact} selected={selected === row.id} open={open === row.id}
                leaving={state.leaving.has(row.id)} changed={state.changed.get(row.id)} onOpen={activate} />
            ))}
          </div>
        </div>
      </div>
      {state.loading && <Skeleton rows={rows.length === 0 ? 10 : 2} />}
      {state.error && connection !== "ended" && <Notice title={texts.states.error[0]!} text={<>{state.error.message}<br />{texts.states.error[1]}</>}>
        <button type="button" className="button primary" onClick={() => list.restart()}>{texts.states.tryAgain}</button>
        <CopyError text={`${state.error.code}: ${state.error.message}${requestOf(state.error)}`} />
      </Notice>}
      {nothing && (isFiltered(filters)
        ? <Notice title={texts.states.nothing[0]!} text={<FilterSummary />}><button type="button" className="button" onClick={() => go({ filters: { ...NO_FILTERS, order: filters.order } }, true)}>{texts.filters.clearAll}</button></Notice>
        : <Empty />)}
      {!state.loading && !state.hasMore && rows.length > 20 && <p className="end faint">{texts.list.end}</p>}
    </div>
  );
}

/** The uppermost of the rows in `place.visible` that is still in the list, and its index. Null: the list was at its beginning, or none is left. */
function anchored(place: Place, rows: readonly Row[]): [Place["visible"][number] | null, number] {
  for (const anchor of place.visible) {
    const index = rows[anchor.index]?.id === anchor.id ? anchor.index : rows.findIndex(({ id }) => id === anchor.id);
    if (index >= 0) return [anchor, index];
  }
  return [null, 0];
}

function Empty() {
  const { texts } = useWords();
  const { links } = configuration();
  return <Notice title={texts.states.empty[0]!} text={texts.states.empty[1]}>
    {links.console && <a className="button primary" href={links.console}>{texts.states.createHere}</a>}
    {links.docs && <a className="button" href={links.docs}>{texts.states.readHow}</a>}
  </Notice>;
}

/** The id of the request that failed, in brackets, so that the reader can send it to support. */
const requestOf = ({ errors }: { errors: readonly { extensions?: { requestId?: string } }[] }) => (errors[0]?.extensions?.requestId ? ` (${errors[0].extensions.requestId})` : "");

function CopyError({ text }: { text: string }) {
  const { texts } = useWords();
  return <button type="button" className="button" onClick={() => void navigator.clipboard?.writeText(text)}>{texts.states.copyRequest}</button>;
}

function FilterSummary() {
  const words = useWords();
  const { texts } = words;
  const { filters } = useRoute();
  const parts = [
    ...filters.status.map((status) => texts.status[status]), ...filters.phase.map((phase) => texts.phase[phase]), ...filters.reasonType.map((type) => texts.reasonType[type]),
    ...filters.reasonCode.map((code) => words.reason({ code, type: "UNKNOWN" })), ...(filters.reference ? [filters.reference] : []), texts.filters.periods[filters.period],
  ];
  return <>{parts.join(", ")}.</>;
}

/** The height of a row in pixels: that of `--row` or `--row-two`, which depend on the pointer and on the width. */
function useRowHeight(folded: boolean) {
  const [height, setHeight] = useState(36);
  useLayoutEffect(() => {
    const read = () => {
      const style = getComputedStyle(document.documentElement);
      const two = folded || innerWidth < 760;
      setHeight(parseFloat(style.getPropertyValue(two ? "--row-two" : "--row")) || 36);
    };
    read();
    addEventListener("resize", read);
    return () => removeEventListener("resize", read);
  }, [folded]);
  return height;
}

/** What a screen reader says: at most one sentence in two seconds. */
function useSpoken(list: LiveList, fresh: number, words: Words) {
  const [text, setText] = useState("");
  useEffect(() => {
    let last = 0;
    list.onChange = (row) => {
      if (Date.now() - last < 2000) return;
      last = Date.now();
      setText(words.texts.list.changedSpoken(nameOf(row), row.status === "PENDING" ? words.texts.phase[row.phase] : words.texts.status[row.status]));
    };
    return () => { list.onChange = null; };
  }, [list, words]);
  const some = fresh > 0;
  // Once no new rows are left, the text is removed. Otherwise, the same number of further new rows would not be announced.
  useEffect(() => setText(some ? words.texts.list.freshSpoken(fresh) : ""), [some, words]);
  return text;
}

interface RowProps { row: Row; index: number; top: number; folded: boolean; exact: boolean; selected: boolean; open: boolean; leaving: boolean; changed: number | undefined; onOpen: (key: string) => void }

const ListRow = memo(function ListRow({ row, index, top, folded, exact, selected, open, leaving, changed, onOpen }: RowProps) {
  const words = useWords();
  const { texts } = words;
  const where = whereOf(row, words);
  const deadline = deadlineOf(row);
  const classes = ["row", classOf(row.status), selected && "selected", open && "open", leaving && "leaving", changed !== undefined && performance.now() - changed < 2500 && "changed"].filter(Boolean).join(" ");
  const whereText = <>{where.text}{where.code && <> <span className="faint">{where.code}</span></>}{where.more ? <span className="faint"> +{where.more}</span> : null}</>;
  const attempt = row.attempt > 1 && <span className="tag">{texts.list.attempt(row.attempt)}</span>;
  return (
    <div role="row" id={`row-${row.id}`} aria-rowindex={index} aria-selected={selected} className={classes} style={{ transform: `translateY(${top}px)` }} onClick={() => onOpen(row.id)} key={changed}>
      {folded ? <>
        <span role="gridcell" className="fold-symbol"><span className={`status ${classOf(row.status)}`}><StatusSymbol status={row.status} phase={row.phase} /></span></span>
        <span role="gridcell" className="fold-name cut"><a href={address({ id: row.id })} tabIndex={-1}><b>{nameOf(row)}</b></a> {attempt}</span>
        <span role="gridcell" className="fold-time faint"><Ago instant={row.updatedAt} exact={exact} /></span>
        <span role="gridcell" className="fold-where cut soft"><span className="word">{texts.status[row.status]}</span> · {whereText}{row.declaredIdentity && <span className="faint"> · {row.declaredIdentity.firstName} {row.declaredIdentity.lastName}</span>}</span>
      </> : <>
        <span role="gridcell" className="cell-status"><StatusWord status={row.status} phase={row.phase} /></span>
        <span role="gridcell" className="cell-reference cut"><a href={address({ id: row.id })} tabIndex={-1}><b>{nameOf(row)}</b></a> {attempt}</span>
        <span role="gridcell" className="cell-person cut">{row.declaredIdentity ? `${row.declaredIdentity.firstName} ${row.declaredIdentity.lastName}` : <span className="faint">{row.anonymizedAt ? texts.list.anonymized : texts.list.noName}</span>}</span>
        <span role="gridcell" className="cell-where cut">{whereText}</span>
        <span role="gridcell" className="cell-action cut soft">{actionOf(row, words)}</span>
        <span role="gridcell" className={`cell-left${row.phase === "IN_SESSION" ? " soon" : " soft"}`}>{deadline ? <Left until={deadline} /> : <span className="faint">–</span>}</span>
        <span role="gridcell" className="cell-changed soft"><Ago instant={row.updatedAt} exact={exact} /></span>
      </>}
    </div>
  );
});

function AttentionRow({ entry, index, selected, folded, onOpen, onAct }: { entry: Entry; index: number; selected: boolean; folded: boolean; onOpen: (key: string) => void; onAct: (entry: Entry) => void }) {
  const words = useWords();
  const { texts } = words;
  const row = entry.kind === "unmatched" ? null : entry.row;
  const { caller } = useSession();
  const button = { stuck: texts.list.close, undelivered: texts.list.sendAgain, unmatched: texts.list.lookInto }[entry.kind];
  const tag = entry.kind === "stuck" ? texts.list.tooLong : entry.kind === "unmatched" ? texts.list.unmatched : texts.list.undelivered(String(entry.delivery.lastStatus ?? entry.delivery.lastError ?? ""));
  const instant = entry.kind === "unmatched" ? entry.webhook.receivedAt : entry.row.updatedAt;
  const text = entry.kind === "stuck" ? <Checking since={entry.row.updatedAt} /> : entry.kind === "unmatched" ? texts.list.unmatchedText(entry.webhook.status && texts.status[entry.webhook.status].toLowerCase()) : whereOf(entry.row, words).text;
  const name = entry.kind === "unmatched" ? shortId(entry.webhook.providerId) : nameOf(entry.row);
  const person = entry.kind === "unmatched" ? <span className="soft">{texts.list.fromProvider(words.provider(entry.webhook.provider))}</span> : entry.row.declaredIdentity && `${entry.row.declaredIdentity.firstName} ${entry.row.declaredIdentity.lastName}`;
  const status = row ? <StatusWord status={row.status} phase={row.phase} /> : <span className="status plain"><Inbound />{texts.list.webhook}</span>;
  return (
    <div role="row" id={`row-${entry.key}`} aria-rowindex={index} aria-selected={selected} className={`row urgent${selected ? " selected" : ""}`} onClick={() => onOpen(entry.key)}>
      {folded ? <>
        <span role="gridcell" className="fold-symbol">{row ? <span className={`status ${classOf(row.status)}`}><StatusSymbol status={row.status} phase={row.phase} /></span> : <Inbound />}</span>
        <span role="gridcell" className="fold-name cut"><b>{name}</b></span>
        <span role="gridcell" className="fold-time faint"><Ago instant={instant} /></span>
        <span role="gridcell" className="fold-where soft"><span className="cut">{text}{row?.declaredIdentity && <span className="faint"> · {row.declaredIdentity.firstName} {row.declaredIdentity.lastName}</span>}</span><span className="tag loud">{tag}</span></span>
      </> : <>
        <span role="gridcell" className="cell-status">{status}</span>
        <span role="gridcell" className="cell-reference cut"><b>{name}</b></span>
        <span role="gridcell" className="cell-person cut">{person}</span>
        <span role="gridcell" className="cell-where cut"><span className="tag loud">{tag}</span> {text}</span>
        <span role="gridcell" className="cell-action">{(!row || may(caller, "write")) && <button type="button" className="button small" onClick={(event) => { event.stopPropagation(); onAct(entry); }}>{button}</button>}</span>
        <span role="gridcell" className="cell-left soft">{row && deadlineOf(row) ? <Left until={deadlineOf(row)!} /> : <span className="faint">–</span>}</span>
        <span role="gridcell" className="cell-changed soft"><Ago instant={instant} /></span>
      </>}
    </div>
  );
}

function Checking({ since }: { since: string }) {
  const words = useWords();
  return <>{words.texts.list.checkingFor(words.duration(Date.now() - Date.parse(since), true))}</>;
}
