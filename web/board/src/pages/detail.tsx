/** One verification: what to do, the deadlines, the reasons, what happened, the attempts, the webhooks and the facts. */

import { type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { useNow } from "../data/clock";
import { BoardDeliveries, BoardVerification } from "../data/generated";
import type { FullReason, Verification, VerificationEvent } from "../data/model";
import { type Pulse, useChanges } from "../data/pulse";
import { address, go } from "../data/route";
import { configuration, may, useConnectionState, useSession } from "../data/session";
import { useQuery, useWide } from "../data/use";
import { Ago, classOf, Clock, CopyButton, Menu, Notice, Skeleton, StatusWord } from "../parts/basics";
import { Again, Back, Cross, Expand, Inbound, Link, Matrix, Outbound, Send, StatusSymbol, Stop } from "../parts/symbols";
import { useWords, type Words } from "../texts/words";
import { AnonymizeDialog, CloseDialog, FollowDialog, RetryDialog, useResend } from "./actions";
import { nameOf, shortId } from "./list";

const READ_AGAIN_MS = 5000;

type Open = "retry" | "close" | "anonymize" | "follow" | null;

export function Detail({ id, pulse, alone }: { id: string; pulse: Pulse; alone: boolean }) {
  const { texts, language } = useWords();
  const [attempts, setAttempts] = useState<string[]>([id]);
  const version = useChanges(pulse, 250, attempts);
  const { data, error, again } = useQuery(BoardVerification, { id, locale: language }, { version });
  const verification = data?.verification;
  const ids = verification?.attempts.map((attempt) => attempt.id).join();
  if (ids && ids !== attempts.join()) setAttempts(ids.split(","));
  const article = useRef<HTMLElement>(null);
  // The link or the button that led here may be gone from the page. It has taken the focus with it, so the focus moves to the verification.
  useEffect(() => { if (document.activeElement === document.body) article.current?.focus({ preventScroll: true }); }, []);
  return (
    <article ref={article} tabIndex={-1} className="detail" aria-label={verification ? nameOf(verification) : texts.states.loading}>
      {verification ? <Content verification={verification} alone={alone} pulse={pulse} again={again} />
        : error ? <Notice title={texts.states.error[0]!} text={error.message}><button type="button" className="button primary" onClick={again}>{texts.states.tryAgain}</button></Notice>
        : data ? <Notice title={texts.detail.notFound}><a className="button" href={address({ id: null, full: false })}>{texts.detail.backToList}</a></Notice>
        : <Skeleton rows={6} />}
    </article>
  );
}

function Content({ verification, alone, pulse, again }: { verification: Verification; alone: boolean; pulse: Pulse; again: () => void }) {
  const { texts } = useWords();
  const [open, setOpen] = useState<Open>(null);
  const close = () => { setOpen(null); again(); };
  const failedBefore = verification.status === "PENDING" && verification.attempt > 1 ? verification.attempts.find(({ attempt }) => attempt === verification.attempt - 1) : null;
  return (
    <>
      <Head verification={verification} alone={alone} onOpen={setOpen} />
      <div className="detail-columns">
        <div>
          <Advice verification={verification} onOpen={setOpen} />
          {verification.status !== "PENDING" && verification.status !== "VERIFIED" && <Reasons reasons={verification.reasons} title={texts.detail.reasons} closed={isClosed(verification)} />}
          {failedBefore && <EarlierReasons id={failedBefore.id} attempt={failedBefore.attempt} />}
          {verification.extractedDocument && <DocumentCard document={verification.extractedDocument} />}
          <Events verification={verification} />
        </div>
        <div>
          <Attempts verification={verification} />
          <Webhooks verification={verification} pulse={pulse} />
          <Facts verification={verification} />
        </div>
      </div>
      {open === "retry" && <RetryDialog verification={verification} onClose={close} />}
      {open === "close" && <CloseDialog verification={verification} onClose={close} />}
      {open === "anonymize" && <AnonymizeDialog verification={verification} attempts={verification.attempts.length} onClose={close} />}
      {open === "follow" && <FollowDialog id={verification.id} onClose={() => setOpen(null)} />}
    </>
  );
}

function Head({ verification, alone, onOpen }: { verification: Verification; alone: boolean; onOpen: (open: Open) => void }) {
  const { texts } = useWords();
  const { caller } = useSession();
  const wide = useWide(760);
  const write = may(caller, "write");
  const pending = verification.status === "PENDING";
  const person = verification.declaredIdentity;
  // If a retry is advised, its button is beside the advice, and not here.
  const isAdvised = situationOf(verification, Date.now()) !== "rejectOnly";
  const actions: [string, Open, ReactNode][] = !write ? [] : [
    [texts.detail.followLink, "follow", <Link key="l" />],
    ...(verification.canRetry && !isAdvised ? [[texts.detail.retry, "retry", <Again key="r" />] as [string, Open, ReactNode]] : []),
    ...(pending ? [[texts.detail.closeVerification, "close", <Stop key="s" />] as [string, Open, ReactNode]] : []),
    ...(!pending && !verification.anonymizedAt ? [[texts.detail.anonymize, "anonymize", null] as [string, Open, ReactNode]] : []),
  ];
  return (
    <header className="detail-head">
      {alone && <a className="button bare icon" href={address({ id: null, full: false })} aria-label={texts.detail.backToList} title={texts.detail.backToList}><Back /></a>}
      <h1 className="cut">{nameOf(verification)}</h1>
      <StatusWord status={verification.status} phase={verification.phase} />
      {wide && person && <span className="soft cut">{person.firstName} {person.lastName}</span>}
      <span className="space" />
      {wide ? actions.map(([label, name, symbol]) => <button key={name} type="button" className="button" onClick={() => onOpen(name)}>{symbol}{label}</button>)
        : actions.length > 0 && <Menu label={texts.detail.actions} align="end" set>{(close) => <div className="actions">{actions.map(([label, name]) => <button key={name} type="button" className="button bare" onClick={() => { close(); onOpen(name); }}>{label}</button>)}</div>}</Menu>}
      {wide && write && <button type="button" className="button icon" onClick={() => onOpen("follow")} aria-label={texts.detail.qr} title={texts.detail.qr}><Matrix /></button>}
      {!alone && <>
        <button type="button" className="button bare icon" onClick={() => go({ full: true })} aria-label={texts.detail.expand} title={texts.detail.expand}><Expand /></button>
        <button type="button" className="button bare icon" onClick={() => go({ id: null, full: false })} aria-label={texts.detail.close} title={texts.detail.close}><Cross /></button>
      </>}
    </header>
  );
}

type Situation = keyof Words["texts"]["advise"];

function situationOf(verification: Verification, now: number): Situation {
  const { status, phase, recommendedAction, retryAdvice, canRetry } = verification;
  if (verification.nextAttempt) return "retried";
  if (status === "VERIFIED") return "accept";
  if (status === "FAILED") return canRetry && retryAdvice !== "DO_NOT_RETRY" && retryAdvice !== "OFFER_ALTERNATIVE" ? "rejectOrRetry" : "rejectOnly";
  if (status === "INCONCLUSIVE") return retryAdvice === "OFFER_ALTERNATIVE" ? "alternative" : "retry";
  if (phase === "PROCESSING") return now - Date.parse(verification.updatedAt) > configuration().processingSeconds * 1000 ? "stuck" : "checking";
  if (phase === "CAPTURING") return "recording";
  if (phase === "IN_SESSION") return "opened";
  return recommendedAction === "SHARE_VERIFICATION_URL" && verification.verificationUrl ? "share" : "pendingProvider";
}

function Advice({ verification, onOpen }: { verification: Verification; onOpen: (open: Open) => void }) {
  const { texts } = useWords();
  const { caller } = useSession();
  const now = useNow();
  const situation = situationOf(verification, now);
  const [heading, text] = texts.advise[situation] as [string, string];
  const newest = verification.attempts.at(-1);
  const write = may(caller, "write");
  const urgent = situation === "stuck";
  return (
    <section className={`advice ${classOf(verification.status)}${urgent ? " urgent" : ""}`}>
      <h2>{heading}</h2>
      <p>{text}</p>
      {situation === "share" && <div className="buttons"><CopyButton text={verification.verificationUrl!} label={texts.copyLink} /></div>}
      {write && verification.canRetry && !verification.nextAttempt && situation !== "rejectOnly" && <div className="buttons"><button type="button" className="button primary" onClick={() => onOpen("retry")}><Again />{texts.detail.retry}</button></div>}
      {write && urgent && <div className="buttons"><button type="button" className="button primary" onClick={() => onOpen("close")}>{texts.detail.closeVerification}</button></div>}
      {situation === "retried" && newest && <div className="buttons"><a className="button primary" href={address({ id: newest.id })}>{texts.openNewest(newest.attempt)}</a></div>}
      {verification.status === "PENDING" && (
        <div className="countdowns">
          {verification.phase === "IN_SESSION" && verification.linkExpiresAt && <Countdown from={verification.openedAt ?? verification.createdAt} until={verification.linkExpiresAt} text={texts.detail.leftToBegin} now={now} />}
          <Countdown from={verification.createdAt} until={verification.expiresAt} text={texts.detail.leftToFinish} now={now} />
        </div>
      )}
    </section>
  );
}

function Countdown({ from, until, text, now }: { from: string; until: string; text: string; now: number }) {
  const words = useWords();
  const left = Date.parse(until) - now;
  const whole = Date.parse(until) - Date.parse(from);
  return (
    <div className="countdown">
      <b className="number" role="timer">{left <= 0 ? words.texts.detail.over : words.duration(left)}</b>
      <span className="meter" aria-hidden="true"><i style={{ width: `${Math.max(0, Math.min(1, left / whole)) * 100}%` }} /></span>
      <span>{text}</span>
      <span>{words.texts.detail.until(left < 86_400_000 ? words.clock(until) : words.dayAndTime(until), left >= 86_400_000)}</span>
    </div>
  );
}

/** Whether the integrator decided the outcome, by closing the verification. */
const isClosed = ({ events }: Verification) => events.findLast(({ type }) => type === "STATUS_CHANGED")?.actor === "INTEGRATOR";

function Reasons({ reasons, title, closed = false }: { reasons: readonly FullReason[]; title: string; closed?: boolean }) {
  const words = useWords();
  const { texts } = words;
  const { caller } = useSession();
  return (
    <section className="card block">
      <h2>{title} <small>{texts.detail.quotes}</small></h2>
      {reasons.length === 0 && <p className="block-line soft">{closed ? texts.detail.closedByYou : may(caller, "sensitive") ? texts.detail.noReasons : texts.detail.withheld}</p>}
      <ul>{reasons.map((reason) => (
        <li key={reason.code} className="reason">
          <h3>{words.reason(reason)} <span className="code">{reason.code}</span></h3>
          <p className="soft">{reason.description} <span className="faint">{texts.reasonType[reason.type]} · {texts.advice[reason.retryAdvice]}</span></p>
          {reason.guidance ? <blockquote>“{reason.guidance}”</blockquote> : reason.internal && <p className="faint">{texts.detail.notForPerson}</p>}
        </li>
      ))}</ul>
    </section>
  );
}

/** The reasons for which the attempt before this one ended. */
function EarlierReasons({ id, attempt }: { id: string; attempt: number }) {
  const { texts, language } = useWords();
  const { data } = useQuery(BoardVerification, { id, locale: language });
  return data?.verification && data.verification.reasons.length > 0 ? <Reasons reasons={data.verification.reasons} title={texts.detail.reasonsOf(attempt)} /> : null;
}

function DocumentCard({ document }: { document: NonNullable<Verification["extractedDocument"]> }) {
  const words = useWords();
  const { fact } = words.texts.detail;
  const rows: [string, string | null][] = [
    [fact.fullName, document.fullName], [fact.bornOn, document.bornOn], [fact.type, document.type && words.texts.documentType[document.type]],
    [fact.country, document.issuingCountryCode && words.country(document.issuingCountryCode)], [fact.number, document.nationalIdentificationNumber],
  ];
  return <section className="card block"><h2>{words.texts.detail.document}</h2><FactList rows={rows.filter((row): row is [string, string] => row[1] !== null)} /></section>;
}

const FactList = ({ rows }: { rows: [string, ReactNode][] }) => <dl className="facts">{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;

function Events({ verification }: { verification: Verification }) {
  const { texts } = useWords();
  return (
    <section className="card block">
      <h2>{texts.detail.events} <small>{texts.detail.version(verification.version)}</small><span className="space" /><small>{texts.list.attempt(verification.attempt)}</small></h2>
      <ol className="events">{[...verification.events].reverse().map((event) => <Event key={event.version} event={event} />)}</ol>
    </section>
  );
}

function Event({ event }: { event: VerificationEvent }) {
  const words = useWords();
  const { texts } = words;
  const outcome = event.type === "STATUS_CHANGED" && event.toStatus;
  const name = outcome ? texts.status[event.toStatus!] : texts.event[event.type];
  const [before, after] = texts.eventBy("|", texts.actor[event.actor]).split("|");
  const reasons = event.reasons.map((reason) => words.reason(reason)).join(", ");
  const lines = [event.type === "RESULT_IGNORED" && event.toStatus ? texts.ignoredWas(texts.status[event.toStatus].toLowerCase()) : "", reasons, event.type === "RESULT_IGNORED" ? "" : (event.note ?? "")].filter(Boolean);
  const symbol = outcome ? <span className={`status ${classOf(event.toStatus!)}`}><StatusSymbol status={event.toStatus!} size={14} /></span> : event.type === "RESULT_IGNORED" ? <Stop /> : <i className="dot" />;
  return (
    <li>
      <span className="event-mark" aria-hidden="true">{symbol}</span>
      <div><p>{before}<b>{name}</b><span className="soft">{after}</span></p>{lines.map((line) => <p className="soft" key={line}>{line}</p>)}</div>
      <span className="faint"><Clock instant={event.at} withDay={Date.now() - Date.parse(event.at) > 86_400_000} /></span>
    </li>
  );
}

function Attempts({ verification }: { verification: Verification }) {
  const words = useWords();
  const { texts } = words;
  return (
    <section className="card block">
      <h2>{texts.detail.attempts}</h2>
      <ul className="attempts">{[...verification.attempts].reverse().map((attempt) => (
        <li key={attempt.id}><a href={address({ id: attempt.id })} aria-current={attempt.id === verification.id ? "true" : undefined}>
          <span className={`status ${classOf(attempt.status)}`}><StatusSymbol status={attempt.status} phase={attempt.phase} /></span><b className="number">{attempt.attempt}</b>
          <span className="cut">{attempt.status === "PENDING" ? texts.phase[attempt.phase] : texts.status[attempt.status]}{attempt.reasons[0] && <span className="soft">, {words.reason(attempt.reasons[0])}</span>}</span>
          <span className="faint"><Ago instant={attempt.updatedAt} /></span>
        </a></li>
      ))}</ul>
    </section>
  );
}

function Webhooks({ verification, pulse }: { verification: Verification; pulse: Pulse }) {
  const words = useWords();
  const { texts } = words;
  const { caller } = useSession();
  const now = useNow();
  const live = useConnectionState() === "live";
  const version = useChanges(pulse, 2000, [verification.id]);
  const [isWaiting, setWaiting] = useState(false);
  // The gateway sends no event when a delivery succeeds or fails. So the deliveries are read again and again while this one is waiting or has failed.
  const { data, again } = useQuery(BoardDeliveries, {}, { version: `${version} ${isWaiting ? Math.floor(now / READ_AGAIN_MS) : ""}` });
  const [sent, setSent] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const resend = useResend(useCallback(() => { setSent(true); again(); }, [again]), setFailed);
  const delivery = data?.webhookDeliveries.find((one) => one.verification.id === verification.id);
  useEffect(() => setWaiting(sent || delivery !== undefined), [sent, delivery]);
  useEffect(() => {
    if (!sent) return;
    const timer = setTimeout(() => setSent(false), READ_AGAIN_MS);
    return () => clearTimeout(timer);
  }, [sent]);
  const next = delivery?.nextTryAt ? Date.parse(delivery.nextTryAt) - now : null;
  return (
    <section className="card block">
      <h2>{texts.detail.webhooks}</h2>
      {verification.provider && <FromProvider name={verification.provider.name} events={verification.events} />}
      <div className="webhook">
        <p><Outbound /><b>{texts.detail.toBackend}</b><span className="space" />{delivery && <span className={`tag${delivery.state === "FAILED" ? " loud" : ""}`}>{delivery.deliveredVersion} / {verification.version}</span>}</p>
        <p className="soft">{!delivery ? texts.detail.noDeliveries : delivery.state === "FAILED" ? texts.detail.failed : texts.detail.waiting(delivery.deliveredVersion, verification.version)}</p>
        {delivery && (delivery.lastStatus ?? delivery.lastError) && <p className="soft">{texts.detail.refusedWith(String(delivery.lastStatus ?? delivery.lastError))}</p>}
        {live && next !== null && next > 0 && <p className="soft">{texts.detail.nextTry(words.duration(next))}</p>}
        {may(caller, "write") && <button type="button" className="button small" disabled={sent} onClick={() => { setFailed(null); void resend(verification.id); }}><Send />{sent ? texts.detail.sent : texts.detail.sendAgain}</button>}
        {failed && <p className="warning" role="alert">{failed}</p>}
      </div>
    </section>
  );
}

/** The results that the provider has reported: the one that counts, and those that came later. */
function FromProvider({ name, events }: { name: string; events: readonly VerificationEvent[] }) {
  const words = useWords();
  const now = useNow();
  const { detail } = words.texts;
  const first = events.find(({ type, actor }) => type === "STATUS_CHANGED" && (actor === "PROVIDER" || actor === "INDIVIDUAL"));
  const ignored = events.filter(({ type }) => type === "RESULT_IGNORED").length;
  const received = (first ? 1 : 0) + ignored;
  return (
    <div className="webhook">
      <p><Inbound /><b>{detail.fromProvider(words.provider(name))}</b><span className="space" />{received > 0 && <span className="tag">{detail.received(received)}</span>}</p>
      <p className="soft">{first ? detail.applied(words.ago(first.at, now)) : received === 0 ? detail.nothingReceived : null}{ignored > 0 && ` ${detail.ignored(ignored)}`}</p>
    </div>
  );
}

function Facts({ verification }: { verification: Verification }) {
  const words = useWords();
  const { texts } = words;
  const { fact } = texts.detail;
  const { provider, declaredIdentity: person, completedAt, billable } = verification;
  const host = hostOf(verification.redirectionUrl);
  const rows: [string, ReactNode][] = [
    ...(person ? [[fact.person, `${person.firstName} ${person.lastName}`] as [string, ReactNode]] : []),
    ...(provider ? [[fact.provider, <span key="p">{words.provider(provider.name)}{provider.id && provider.id !== verification.id && <> · <span className="mono" title={provider.id}>{shortId(provider.id)}</span></>}</span>] as [string, ReactNode]] : []),
    [fact.face, verification.faceRecognition ? texts.detail.yes : texts.detail.no],
    [fact.returns, <span key="h" title={verification.redirectionUrl}>{host}</span>],
    [fact.billable, billable === null ? texts.detail.undecided : billable ? texts.detail.yes : texts.detail.no],
    [fact.created, <Clock key="c" instant={verification.createdAt} withDay />],
    ...(completedAt ? [[fact.took, words.duration(Date.parse(completedAt) - Date.parse(verification.createdAt))] as [string, ReactNode]] : []),
    [fact.id, <span key="i" className="mono with-copy"><span title={verification.id}>{shortId(verification.id)}</span><CopyButton small text={verification.id} label={texts.detail.copy} /></span>],
  ];
  return <section className="card block"><h2>{texts.detail.facts}</h2><FactList rows={rows} /></section>;
}

function hostOf(url: string) {
  try { return new URL(url).host; } catch { return url; }
}
