/** Shows the page that asks for a token, or the board once the gateway has accepted the token. */

import { type FormEvent, useCallback, useEffect, useMemo, useState } from "react";
import type { GatewayError } from "@verification-gateway/client";
import { Gateway } from "../data/gateway";
import { BoardCaller } from "../data/generated";
import type { Caller } from "../data/model";
import { configuration, forgetToken, keepToken, keptToken, may, SessionContext } from "../data/session";
import { Logo } from "../parts/symbols";
import { initialLanguage, keepLanguage, type Language, useWords, Words, WordsContext } from "../texts/words";
import { Notice } from "../parts/basics";
import { Frame } from "./frame";

type Entry = { gateway: Gateway; caller: Caller };

export function Entrance() {
  const [language, setLanguage] = useState<Language>(initialLanguage);
  const words = useMemo(() => new Words(language), [language]);
  useEffect(() => { document.documentElement.lang = language; }, [language]);
  const choose = useCallback((chosen: Language) => { keepLanguage(chosen); setLanguage(chosen); }, []);
  return <WordsContext value={words}><Gate onLanguage={choose} /></WordsContext>;
}

/** Whether an error says nothing about the token: the gateway could not be reached, or can't serve at the moment. */
const isAway = ({ code }: GatewayError) => code !== "UNAUTHENTICATED" && code !== "SIGNED_OUT" && code !== "FORBIDDEN";

function Gate({ onLanguage }: { onLanguage: (language: Language) => void }) {
  const { texts } = useWords();
  const [token, setToken] = useState(keptToken);
  const [entry, setEntry] = useState<Entry | null>(null);
  const [error, setError] = useState<GatewayError | null>(null);
  const [ended, setEnded] = useState<Entry | null>(null);

  useEffect(() => {
    if (!token) return;
    let current = true;
    const gateway = new Gateway(new URL(configuration().graphql, document.baseURI).href, token);
    gateway.execute(BoardCaller, {}).then(
      ({ me }) => { if (current) { keepToken(token); setError(null); setEnded(null); setEntry({ gateway, caller: me }); } },
      (reason: GatewayError) => { if (current) { setError(reason); if (!isAway(reason)) { forgetToken(); setToken(null); } } },
    );
    return () => { current = false; gateway.close(); };
  }, [token]);

  const signOut = useCallback(() => { forgetToken(); setToken(null); setEntry(null); setEnded(null); }, []);
  // A session that has ended keeps its page on the screen, under a line that requests a new token.
  const shown = entry ?? ended;
  useEffect(() => {
    if (!entry) return;
    return entry.gateway.listen(() => {
      if (entry.gateway.state === "ended") { forgetToken(); setEnded(entry); }
    });
  }, [entry]);

  if (!shown)
    return token && !error ? null : <SignIn error={error} onToken={(text) => { setError(null); setToken(text); }} onRetry={() => setToken(keptToken())} />;
  const session = { ...shown, signOut };
  return (
    <SessionContext value={session}>
      {may(shown.caller, "read")
        ? <Frame key={shown.gateway.token} onLanguage={onLanguage} onToken={(text) => { setEntry(null); setToken(text); }} />
        : <main className="alone"><Notice title={texts.states.permission[0]!} text={texts.states.permission[1]}><button type="button" className="button primary" onClick={signOut}>{texts.states.otherToken}</button></Notice></main>}
    </SessionContext>
  );
}

/** The field for a token. `compact`: as a line above the page of a session that has ended. */
export function TokenForm({ onToken, compact = false }: { onToken: (token: string) => void; compact?: boolean }) {
  const { texts } = useWords();
  const [text, setText] = useState("");
  const send = (event: FormEvent) => { event.preventDefault(); if (text.trim()) onToken(text.trim().replace(/^Bearer\s+/i, "")); };
  return (
    <form className={compact ? "token compact" : "token"} onSubmit={send}>
      <label className={compact ? "spoken" : undefined} htmlFor="token">{texts.states.token}</label>
      <input id="token" className="field" type="password" autoComplete="off" spellCheck={false} placeholder="eyJ…" value={text} onChange={(event) => setText(event.target.value)} />
      <button type="submit" className="button primary">{texts.states.goOn}</button>
    </form>
  );
}

function SignIn({ error, onToken, onRetry }: { error: GatewayError | null; onToken: (token: string) => void; onRetry: () => void }) {
  const { texts } = useWords();
  return (
    <main className="alone">
      <div className="card sign-in">
        <Logo />
        <h1>{texts.states.signIn[0]}</h1>
        <p className="soft">{texts.states.signIn[1]}</p>
        {error && <p className="warning" role="alert">{isAway(error) ? texts.states.unreachable : texts.states.refused}</p>}
        <TokenForm onToken={onToken} />
        {error && isAway(error) && <button type="button" className="button" onClick={onRetry}>{texts.states.tryAgain}</button>}
      </div>
    </main>
  );
}
