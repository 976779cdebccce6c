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

/** Whether an error says that the gateway does not accept the token. */
const isRefusal = ({ code }: GatewayError) => code === "UNAUTHENTICATED" || code === "SIGNED_OUT";

/** What the reader should know about an error. FORBIDDEN: pages of this address may not send requests; the gateway's message says what to do. */
const explained = (error: GatewayError, { states }: Words["texts"]) => (isRefusal(error) ? states.refused : error.code === "FORBIDDEN" ? error.message : states.unreachable);

function Gate({ onLanguage }: { onLanguage: (language: Language) => void }) {
  const { texts } = useWords();
  // One attempt to sign in. It is a new object for each attempt, so that the same token can be tried again.
  const [attempt, setAttempt] = useState<{ token: string | null }>(() => ({ token: keptToken() }));
  const [entry, setEntry] = useState<Entry | null>(null);
  const [error, setError] = useState<GatewayError | null>(null);
  const { token } = attempt;

  useEffect(() => {
    if (!token) return;
    let current = true;
    const gateway = new Gateway(new URL(configuration().graphql, document.baseURI).href, token);
    gateway.execute(BoardCaller, {}).then(
      ({ me }) => { if (current) { keepToken(token); setError(null); setEntry({ gateway, caller: me }); } },
      (reason: GatewayError) => { if (current) { setError(reason); if (isRefusal(reason)) forgetToken(); } },
    );
    return () => { current = false; gateway.close(); };
  }, [attempt]);

  const signIn = useCallback((text: string) => { setError(null); setAttempt({ token: text }); }, []);
  const signOut = useCallback(() => { forgetToken(); setError(null); setAttempt({ token: null }); setEntry(null); }, []);
  useEffect(() => {
    if (!entry) return;
    return entry.gateway.listen(() => { if (entry.gateway.state === "ended") forgetToken(); });
  }, [entry]);

  if (!entry)
    return token && !error ? null : <SignIn error={error} onToken={signIn} onRetry={() => { setError(null); setAttempt({ token }); }} />;
  // A session that has ended keeps its page on the screen, under a line that requests a new token. With another token of the same workspace, the page
  // goes on with the rows that it has.
  const { caller } = entry;
  return (
    <SessionContext value={{ ...entry, signOut }}>
      {may(caller, "read")
        ? <Frame key={[caller.workspaceId, ...caller.scopes].join(" ")} error={error && explained(error, texts)} onLanguage={onLanguage} onToken={signIn} />
        : <main className="alone"><Notice main title={texts.states.permission[0]!} text={texts.states.permission[1]}><button type="button" className="button primary" onClick={signOut}>{texts.states.otherToken}</button></Notice></main>}
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
        {error && <p className="warning" role="alert">{explained(error, texts)}</p>}
        <TokenForm onToken={onToken} />
        {error && !isRefusal(error) && <button type="button" className="button" onClick={onRetry}>{texts.states.tryAgain}</button>}
      </div>
    </main>
  );
}
