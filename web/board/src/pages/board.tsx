/** The board: the figures, the filters, the list, and beside the list the verification that is open. */

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { type Entry, useAttention } from "../data/attention";
import type { Pulse } from "../data/pulse";
import { filterOf, go, useRoute } from "../data/route";
import { useLiveList, useWide } from "../data/use";
import { CopyButton, Dialog } from "../parts/basics";
import { useWords } from "../texts/words";
import { CloseDialog, useResend } from "./actions";
import { Detail } from "./detail";
import { Figures } from "./figures";
import { FilterButton, FilterMenus, OrderMenu, SearchField } from "./filters";
import { isTyping } from "./frame";
import { List, type Place } from "./list";
import { useListState } from "../data/use";
import type { LiveList } from "../data/list";

export function Board({ pulse }: { pulse: Pulse }) {
  const { texts } = useWords();
  const route = useRoute();
  const wide = useWide(1180);
  const middle = useWide(760);
  const { filters } = route;
  const key = JSON.stringify(filters);
  // The start of the period is computed when the filters change, and not at each rendering. Otherwise, each rendering would make a new list.
  const filter = useMemo(() => filterOf(filters, Date.now()), [key]);
  const live = useLiveList(filter, filters.order);
  const { entries, again } = useAttention(pulse);
  const [acting, setActing] = useState<Entry | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  const resend = useResend(again, setFailed);
  const place = useRef<Place>({ selected: null, visible: [], isReturning: false });
  // Another filter or order makes another list, which the reader sees from its beginning.
  const placed = useRef(live?.key);
  if (live && placed.current !== live.key) {
    Object.assign(place.current, { selected: null, visible: [] });
    placed.current = live.key;
  }
  if (route.id) place.current.isReturning = true;
  const act = useCallback((entry: Entry) => {
    if (entry.kind === "undelivered") void resend(entry.row.id);
    else setActing(entry);
  }, [resend]);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key === "Escape" && route.id && !isTyping(event) && !document.querySelector("dialog[open], .panel")) go({ id: null, full: false });
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [route.id]);

  const alone = route.id !== null && (!wide || route.full);
  const folded = route.id !== null && !alone;
  const list = live && <List key={live.key} list={live.list} place={place.current} attention={entries} onAttention={act} folded={folded || !middle} head={!middle && <Strip pulse={pulse} list={live.list} />} />;
  return (
    <main className={`board${folded ? " split" : ""}`} tabIndex={-1}>
      {/* The list stays the same element when a verification opens beside it, so that it keeps its scroll position and the focus. */}
      {!alone && <div className={folded ? "side" : "whole"}>
        {folded ? <div className="side-head"><SearchField /><FilterButton /></div>
          : middle && <><Figures pulse={pulse} /><div className="filters"><SearchField /><FilterMenus /><span className="space" />{live && <Matching list={live.list} />}<OrderMenu /></div></>}
        <div key="list" className={middle && !folded ? "card list-card" : "list-card"}>{list}</div>
      </div>}
      {route.id && <Detail key={route.id} id={route.id} pulse={pulse} alone={alone} />}
      {!route.id && middle && <KeysBar />}
      {acting?.kind === "stuck" && <CloseDialog verification={acting.row} onClose={() => { setActing(null); again(); }} />}
      {failed && <Dialog title={texts.list.sendAgain} onClose={() => setFailed(null)}><p className="warning" role="alert">{failed}</p><form method="dialog" className="buttons"><button type="submit" className="button">{texts.dialogs.done}</button></form></Dialog>}
      {acting?.kind === "unmatched" && <UnmatchedDialog entry={acting} onClose={() => setActing(null)} />}
    </main>
  );
}

/** What a phone shows above the list, and scrolls with it: the figures in one line, and the filters. */
function Strip({ pulse, list }: { pulse: Pulse; list: LiveList }) {
  return <div className="strip"><Figures pulse={pulse} /><div className="filters"><SearchField /><FilterMenus /><OrderMenu /></div><Matching list={list} /></div>;
}

function Matching({ list }: { list: LiveList }) {
  const { texts } = useWords();
  const { total } = useListState(list);
  return <span className="matching number soft">{total !== null && texts.list.matching(total)}</span>;
}

function KeysBar() {
  const words = useWords();
  const { keysBar } = words.texts;
  return (
    <footer className="keys-bar">
      <span><kbd className="key">J</kbd><kbd className="key">K</kbd>{keysBar.move}</span><span><kbd className="key">Enter</kbd>{keysBar.open}</span><span><kbd className="key">F</kbd>{keysBar.filter}</span>
      <span><kbd className="key">N</kbd>{keysBar.fresh}</span><span><kbd className="key">?</kbd>{keysBar.all}</span><span className="space" /><span>{words.texts.times(words.city())}</span>
    </footer>
  );
}

function UnmatchedDialog({ entry, onClose }: { entry: Extract<Entry, { kind: "unmatched" }>; onClose: () => void }) {
  const words = useWords();
  const { texts } = words;
  const { webhook } = entry;
  return (
    <Dialog title={texts.list.unmatched} onClose={onClose}>
      <p className="soft">{texts.list.unmatchedText(webhook.status && texts.status[webhook.status].toLowerCase())}</p>
      <dl className="facts">
        <div><dt>{texts.detail.fact.provider}</dt><dd>{webhook.provider}</dd></div>
        <div><dt>{texts.detail.fact.id}</dt><dd className="mono">{webhook.providerId} <CopyButton small text={webhook.providerId} label={texts.detail.copy} /></dd></div>
        <div><dt>{texts.detail.fact.created}</dt><dd>{words.exact(webhook.receivedAt)}</dd></div>
      </dl>
      <pre className="command">gateway inbox show {webhook.id}</pre>
      <form method="dialog" className="buttons"><button type="submit" className="button">{texts.dialogs.done}</button></form>
    </Dialog>
  );
}
