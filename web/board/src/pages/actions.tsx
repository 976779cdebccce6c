/** What an operator can do with a verification. Each action is confirmed once, in a dialog that says what it does. */

import { type ReactNode, useCallback, useEffect, useState } from "react";
import { generate } from "lean-qr";
import type { TypedDocument } from "@verification-gateway/client";
import { BoardAnonymize, BoardClose, BoardFollowToken, BoardResend, BoardRetry } from "../data/generated";
import { go } from "../data/route";
import { configuration, useSession } from "../data/session";
import { CopyButton, Dialog } from "../parts/basics";
import { Again, Coin, Erase, Link, Lock, Person, Stop } from "../parts/symbols";
import { useWords } from "../texts/words";

type Result = { result: { __typename: "Verification"; id: string } | { __typename: "Refusal"; message: string } };

/** Sends a mutation. If it fails, the error is kept for the dialog to show. `failed`: called with the message of the error. */
function useMutation<Variables>(mutation: TypedDocument<Result, Variables>, failed?: (message: string) => void) {
  const { gateway } = useSession();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const send = useCallback(async (variables: Variables): Promise<{ id: string } | null> => {
    setBusy(true);
    setError(null);
    const result = await gateway.execute(mutation, variables).then(({ result }) => result, (reason: Error) => reason);
    setBusy(false);
    if (!(result instanceof Error) && result.__typename === "Verification") return result;
    setError(result.message);
    failed?.(result.message);
    return null;
  }, [gateway, mutation, failed]);
  return { send, busy, error };
}

/** Sends the webhooks of a verification again. `done`: called once the gateway has scheduled them. `failed`: called with the message of an error. */
export function useResend(done: () => void, failed: (message: string) => void) {
  const { send } = useMutation(BoardResend, failed);
  return useCallback(async (id: string) => { if (await send({ id })) done(); }, [send, done]);
}

interface Subject { id: string; reference: string | null; attempt: number; provider: { name: string } | null }
const named = ({ reference, id }: Subject) => reference ?? `…${id.slice(-8)}`;

function Confirm({ title, lines, confirm, busy, error, onConfirm, onClose, children }: {
  title: string; lines: [ReactNode, string][]; confirm: string; busy: boolean; error: string | null; onConfirm: () => void; onClose: () => void; children?: ReactNode;
}) {
  const { texts } = useWords();
  return (
    <Dialog title={title} onClose={onClose}>
      <ul className="consequences">{lines.map(([symbol, line]) => <li key={line}>{symbol}<span>{line}</span></li>)}</ul>
      {children}
      {error && <p className="warning" role="alert">{error}</p>}
      <div className="buttons">
        <button type="button" className="button" onClick={onClose} autoFocus>{texts.dialogs.keep}</button>
        <button type="button" className="button primary" disabled={busy} onClick={onConfirm}>{confirm}</button>
      </div>
    </Dialog>
  );
}

const withSymbols = (lines: string[], symbols: ReactNode[]): [ReactNode, string][] => lines.map((line, place) => [symbols[place], line]);

export function RetryDialog({ verification, onClose }: { verification: Subject; onClose: () => void }) {
  const words = useWords();
  const { texts } = words;
  const { send, busy, error } = useMutation(BoardRetry);
  const confirm = async () => {
    const changed = await send({ id: verification.id });
    if (changed) { onClose(); go({ id: changed.id }); }
  };
  const lines = texts.dialogs.retry.lines(verification.attempt + 1, verification.provider && words.provider(verification.provider.name));
  return <Confirm title={texts.dialogs.retry.title(named(verification))} lines={withSymbols(lines, [<Again />, <Link />, <Coin />])} confirm={texts.dialogs.retry.confirm(verification.attempt + 1)} busy={busy} error={error} onConfirm={confirm} onClose={onClose} />;
}

export function CloseDialog({ verification, onClose }: { verification: Subject; onClose: () => void }) {
  const { texts } = useWords();
  const { send, busy, error } = useMutation(BoardClose);
  const [note, setNote] = useState("");
  const confirm = async () => { if (await send({ id: verification.id, note: note.trim() || null })) onClose(); };
  return (
    <Confirm title={texts.dialogs.close.title(named(verification))} lines={withSymbols(texts.dialogs.close.lines(), [<Again />, <Person />, <Stop />])} confirm={texts.dialogs.close.confirm} busy={busy} error={error} onConfirm={confirm} onClose={onClose}>
      <label className="note-field">{texts.dialogs.close.note}<textarea className="field" rows={2} maxLength={500} value={note} onChange={(event) => setNote(event.target.value)} /></label>
    </Confirm>
  );
}

export function AnonymizeDialog({ verification, attempts, onClose }: { verification: Subject; attempts: number; onClose: () => void }) {
  const { texts } = useWords();
  const { send, busy, error } = useMutation(BoardAnonymize);
  const confirm = async () => { if (await send({ id: verification.id })) onClose(); };
  return <Confirm title={texts.dialogs.anonymize.title(named(verification))} lines={withSymbols(texts.dialogs.anonymize.lines(attempts), [<Erase />, <Coin />, <Lock />])} confirm={texts.dialogs.anonymize.confirm} busy={busy} error={error} onConfirm={confirm} onClose={onClose} />;
}

/** A link for the person, as text and as a QR code. */
export function FollowDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { texts } = useWords();
  const { gateway } = useSession();
  const [link, setLink] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    gateway.execute(BoardFollowToken, { id }).then(
      ({ result }) => (result.__typename === "FollowToken" ? setLink(new URL(`${configuration().links.follow ?? "follow"}#${result.token}`, document.baseURI).href) : setError(result.message)),
      (reason: Error) => setError(reason.message),
    );
  }, [gateway, id]);
  return (
    <Dialog title={texts.dialogs.follow.title} onClose={onClose}>
      <p className="soft">{texts.dialogs.follow.lines(60)}</p>
      {error && <p className="warning" role="alert">{error}</p>}
      <div className="qr">{link && <Code text={link} />}</div>
      <div className="buttons">
        {link && <><a className="button" href={link} target="_blank" rel="noreferrer">{texts.dialogs.follow.open}</a><CopyButton text={link} label={texts.dialogs.follow.copy} /></>}
        <button type="button" className="button" onClick={onClose}>{texts.dialogs.done}</button>
      </div>
    </Dialog>
  );
}

/** A QR code as one path of an SVG. It is dark on light in both themes, because many scanners can't read light on dark. */
function Code({ text }: { text: string }) {
  const { texts } = useWords();
  const code = generate(text);
  let path = "";
  for (let y = 0; y < code.size; y++) for (let x = 0; x < code.size; x++) if (code.get(x, y)) path += `M${x} ${y}h1v1h-1z`;
  return <svg viewBox={`-2 -2 ${code.size + 4} ${code.size + 4}`} role="img" aria-label={texts.detail.qr} shapeRendering="crispEdges"><rect x="-2" y="-2" width="100%" height="100%" fill="#fff" /><path d={path} fill="#111" /></svg>;
}

