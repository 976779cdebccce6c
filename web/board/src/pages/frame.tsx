/** The frame of every page: the bar with the pages, the connection's state, the theme and the keys. */

import { useEffect, useMemo, useRef, useState } from "react";
import { useNow } from "../data/clock";
import { Pulse } from "../data/pulse";
import { address, useRoute } from "../data/route";
import { configuration, useConnectionState, useSession } from "../data/session";
import { useWide } from "../data/use";
import { Dialog } from "../parts/basics";
import { Book, Chart, Dots, Logo, Moon, NoSignal, Rows, Sun } from "../parts/symbols";
import { type Language, useWords } from "../texts/words";
import { Board } from "./board";
import { Catalogue } from "./catalogue";
import { TokenForm } from "./entrance";
import { FiguresPage } from "./figures";
import { focusList } from "./list";

const THEME = "board-theme";

function useTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const [theme, setTheme] = useState(() => localStorage.getItem(THEME));
  useEffect(() => {
    if (theme) document.documentElement.dataset.theme = theme;
  }, [theme]);
  const dark = theme ? theme === "dark" : system.matches;
  const toggle = () => { const next = dark ? "light" : "dark"; localStorage.setItem(THEME, next); setTheme(next); };
  return { dark, toggle };
}

export function Frame({ error, onLanguage, onToken }: { error: string | null; onLanguage: (language: Language) => void; onToken: (token: string) => void }) {
  const { texts } = useWords();
  const { gateway } = useSession();
  const route = useRoute();
  const wide = useWide(760);
  const [keys, setKeys] = useState(false);
  const pulse = useMemo(() => new Pulse(gateway), [gateway]);
  useEffect(() => { pulse.start(); return () => pulse.stop(); }, [pulse]);
  // After a new sign-in, the field for the token is gone. It has taken the focus with it, so the focus moves to the list.
  const first = useRef(gateway);
  useEffect(() => { if (gateway !== first.current && document.activeElement === document.body) focusList(); }, [gateway]);
  useEffect(() => {
    const press = (event: KeyboardEvent) => { if (event.key === "?" && !isTyping(event)) setKeys(true); };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  return (
    <div className="frame">
      <a className="skip" href="#list" onClick={(event) => { event.preventDefault(); document.querySelector<HTMLElement>("main")?.focus(); }}>{texts.skip}</a>
      <Bar onLanguage={onLanguage} onKeys={() => setKeys(true)} wide={wide} />
      <Lost error={error} onToken={onToken} />
      {route.page === "catalogue" ? <Catalogue /> : route.page === "figures" && !wide ? <FiguresPage pulse={pulse} /> : <Board pulse={pulse} />}
      {!wide && <Tabs onLanguage={onLanguage} />}
      {keys && <Keys onClose={() => setKeys(false)} />}
    </div>
  );
}

export const isTyping = (event: KeyboardEvent) =>
  event.ctrlKey || event.metaKey || event.altKey || (event.target instanceof HTMLElement && event.target.matches("input:not([type=checkbox], [type=radio]), textarea, select"));

function Bar({ onLanguage, onKeys, wide }: { onLanguage: (language: Language) => void; onKeys: () => void; wide: boolean }) {
  const { texts, language } = useWords();
  const { caller, signOut } = useSession();
  const { page } = useRoute();
  const { dark, toggle } = useTheme();
  const { links } = configuration();
  return (
    <header className="bar">
      <a className="brand" href={address({ page: "board", id: null, full: false })}><Logo /><b>{texts.product}</b></a>
      {wide && (
        <nav aria-label={texts.pages.more}>
          <a href={address({ page: "board", id: null, full: false })} aria-current={page !== "catalogue" ? "page" : undefined}>{texts.pages.board}</a>
          <a href={address({ page: "catalogue", id: null, full: false })} aria-current={page === "catalogue" ? "page" : undefined}>{texts.pages.catalogue}</a>
          {links.console && <a href={links.console}>{texts.pages.console}</a>}
          {links.graphiql && <a href={links.graphiql}>{texts.pages.graphiql}</a>}
          {links.docs && <a href={links.docs}>{texts.pages.docs}</a>}
        </nav>
      )}
      <span className="space" />
      <ConnectionChip />
      {wide && <>
        <span className="soft cut workspace" title={caller.subject}>{caller.workspaceId}</span>
        <button type="button" className="button bare" lang={language === "en" ? "fr" : "en"} onClick={() => onLanguage(language === "en" ? "fr" : "en")}>{texts.otherLanguage}</button>
        <button type="button" className="button bare icon" onClick={toggle} aria-label={dark ? texts.theme.light : texts.theme.dark} title={dark ? texts.theme.light : texts.theme.dark}>{dark ? <Sun /> : <Moon />}</button>
        <button type="button" className="button bare icon" onClick={onKeys} aria-label={texts.keysTitle} title={texts.keysTitle}><kbd className="key">?</kbd></button>
        <button type="button" className="button bare" onClick={signOut}>{texts.signOut}</button>
      </>}
      {!wide && <button type="button" className="button bare icon" onClick={toggle} aria-label={dark ? texts.theme.light : texts.theme.dark}>{dark ? <Sun /> : <Moon />}</button>}
    </header>
  );
}

function ConnectionChip() {
  const { texts } = useWords();
  const state = useConnectionState();
  return <span className={`chip-state ${state}`} role="status"><i aria-hidden="true" />{texts.connection[state]}</span>;
}

/** The line below the bar while there is no connection, and when the session has ended. */
function Lost({ error, onToken }: { error: string | null; onToken: (token: string) => void }) {
  const words = useWords();
  const { texts } = words;
  const { gateway } = useSession();
  const state = useConnectionState();
  const now = useNow();
  if (state === "ended")
    return <div className="lost" role="alert"><b>{texts.states.session(words.hour(gateway.since))}</b><span>{error ?? texts.states.sessionText}</span><TokenForm compact onToken={onToken} /></div>;
  if (state === "live" && gateway.overStream) return <div className="lost quiet" role="status"><span>{texts.connection.stream}</span></div>;
  // The line moves the page, so it is shown only if the connection has been lost for three seconds.
  if ((state !== "reconnecting" && state !== "offline") || now - gateway.since < 3000) return null;
  return <div className="lost" role="status"><NoSignal /><span>{texts.connection.offlineSince(words.hour(gateway.since))}</span></div>;
}

function Tabs({ onLanguage }: { onLanguage: (language: Language) => void }) {
  const { texts, language } = useWords();
  const { signOut } = useSession();
  const { page } = useRoute();
  const [more, setMore] = useState(false);
  const { links } = configuration();
  const tabs = [["board", texts.pages.list, <Rows key="s" />], ["figures", texts.pages.figures, <Chart key="s" />], ["catalogue", texts.pages.catalogue, <Book key="s" />]] as const;
  return (
    <nav className="tabs" aria-label={texts.pages.more}>
      {tabs.map(([name, text, symbol]) => <a key={name} href={address({ page: name, id: null, full: false })} aria-current={page === name ? "page" : undefined}>{symbol}{text}</a>)}
      <button type="button" onClick={() => setMore(true)}><Dots />{texts.pages.more}</button>
      {more && (
        <Dialog title={texts.pages.more} onClose={() => setMore(false)}>
          <div className="more">
            {links.console && <a className="button" href={links.console}>{texts.pages.console}</a>}
            {links.graphiql && <a className="button" href={links.graphiql}>{texts.pages.graphiql}</a>}
            {links.docs && <a className="button" href={links.docs}>{texts.pages.docs}</a>}
            <button type="button" className="button" onClick={() => onLanguage(language === "en" ? "fr" : "en")}>{texts.otherLanguage}</button>
            <button type="button" className="button" onClick={signOut}>{texts.signOut}</button>
          </div>
        </Dialog>
      )}
    </nav>
  );
}

function Keys({ onClose }: { onClose: () => void }) {
  const { texts } = useWords();
  const rows: [string[], string][] = [
    [["J", "K", "↓", "↑"], texts.keys.move], [["Enter"], texts.keys.open], [["Esc"], texts.keys.back], [["/"], texts.keys.search],
    [["F"], texts.keys.filter], [["N"], texts.keys.fresh], [["?"], texts.keys.help],
  ];
  return (
    <Dialog title={texts.keysTitle} onClose={onClose}>
      <dl className="keys">{rows.map(([keys, text]) => <div key={text}><dt>{keys.map((key) => <kbd className="key" key={key}>{key}</kbd>)}</dt><dd>{text}</dd></div>)}</dl>
      <form method="dialog" className="buttons"><button type="submit" className="button">{texts.dialogs.done}</button></form>
    </Dialog>
  );
}
