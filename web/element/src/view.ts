import type { Connection, Ending } from "@verification-gateway/client";
import type { FollowShownResult } from "./generated.js";
import { TEXTS } from "./texts.js";

export type Shown = FollowShownResult["verificationUpdated"]["verification"];

/** The verification that the element follows, and its connection. */
export interface Situation {
  readonly verification: Shown | undefined;
  readonly connection: Connection;
  readonly ending: Ending | undefined;
  /** When the last message arrived, in milliseconds since 1970. */
  readonly receivedAt: number;
}

/** What the element shows. */
export interface View {
  readonly mood: "calm" | "waiting" | "again" | "done" | "quiet";
  readonly heading: string;
  readonly lead: string;
  readonly tips: readonly (readonly [title: string, text: string])[];
  readonly advice: readonly string[];
  /** The names of the steps, and the index of the present step. If all are done, the index is the number of steps. Null: no steps are shown. */
  readonly steps: { readonly names: readonly string[]; readonly current: number } | null;
  readonly action: { readonly label: string; readonly url: string } | null;
  readonly note: string;
  /** Whether the connection is lost, so that what is shown may be old. */
  readonly isStale: boolean;
}

const MAX_ADVICE = 3;
const NOTHING = { lead: "", tips: [], advice: [], steps: null, action: null, note: "" } as const;

/** What to show in a situation. `language`: a key of TEXTS. */
export function view(situation: Situation, language: string): View {
  const texts = TEXTS[language]!;
  const content = ended(situation, language) ?? (situation.verification ? stateOf(situation.verification, language) : { mood: "calm", heading: texts.loading });
  const isStale = !situation.ending && isLost(situation.connection);
  const note = isStale && situation.verification ? filled(texts.lastNews, { time: instant(situation.receivedAt, language) }) : content.note;
  const mood = isStale ? "quiet" : content.mood;
  return { ...NOTHING, ...content, mood, note: note ?? "", isStale };
}

/** Whether the connection is lost. It stays lost during the attempts to connect again, so that what is shown does not flicker. */
function isLost({ state, error }: Connection): boolean {
  return /^(waiting|offline)$/.test(state) || (state === "connecting" && error !== null && error.code !== "UNAUTHENTICATED");
}

type Content = Pick<View, "mood" | "heading"> & Partial<View>;

/** What to show when the following has failed; undefined if it goes on, or ended with an outcome. */
function ended({ ending }: Situation, language: string): Content | undefined {
  const texts = TEXTS[language]!;
  if (ending?.reason !== "failed") return undefined;
  const isMissing = ending.error.code === "NOT_FOUND";
  return { mood: "quiet", heading: isMissing ? texts.missing : texts.expired, lead: isMissing ? texts.missingLead : texts.expiredLead };
}

function stateOf(shown: Shown, language: string): Content {
  if (shown.status === "VERIFIED") return verified(shown, language);
  if (shown.status !== "PENDING") return over(shown, language);
  if (shown.phase === "PROCESSING") return checking(language);
  if (shown.phase === "AWAITING_INDIVIDUAL") return ready(shown, language);
  return started(shown, language);
}

function ready(shown: Shown, language: string): Content {
  const texts = TEXTS[language]!;
  if (!shown.verificationUrl) return { mood: "calm", heading: texts.preparing, lead: texts.preparingLead };
  const note = filled(texts.until, { time: instant(Date.parse(shown.expiresAt), language) });
  if (!shown.previousAttempt) {
    const action = linked(texts.start, shown.verificationUrl);
    return { mood: "calm", heading: texts.ready, lead: texts.readyLead, tips: texts.tips, action, note };
  }
  const advice = adviceOf(shown.previousAttempt);
  const lead = advice.length ? texts.againLeadWithAdvice : texts.againLead;
  return { mood: "again", heading: texts.again, lead, advice, action: linked(texts.tryAgain, shown.verificationUrl), note };
}

function started(shown: Shown, language: string): Content {
  const texts = TEXTS[language]!;
  const isRecording = shown.phase === "CAPTURING";
  const heading = isRecording ? texts.recording : texts.opened;
  const lead = isRecording ? texts.recordingLead : texts.openedLead;
  const note = shown.linkExpiresAt ? filled(texts.beginBy, { time: instant(Date.parse(shown.linkExpiresAt), language) }) : "";
  const steps = { names: texts.steps.map((name, index) => (index === 1 ? texts.record : name)), current: 1 };
  return { mood: "waiting", heading, lead, steps, action: linked(texts.proceed, shown.verificationUrl), note };
}

function checking(language: string): Content {
  const texts = TEXTS[language]!;
  const steps = { names: texts.steps, current: 2 };
  return { mood: "waiting", heading: texts.checking, lead: texts.checkingLead, steps, note: texts.checkingNote };
}

function verified(shown: Shown, language: string): Content {
  const texts = TEXTS[language]!;
  const note = shown.completedAt ? filled(texts.verifiedNote, { time: instant(Date.parse(shown.completedAt), language) }) : "";
  const [opened, recorded] = texts.steps;
  const steps = { names: [opened, recorded, texts.checked], current: 3 };
  return { mood: "done", heading: texts.verified, lead: texts.verifiedLead, steps, action: back(shown, language), note };
}

/** What to show after an outcome that is not VERIFIED. It is the same for FAILED and INCONCLUSIVE, so that the person can't see which one it is. */
function over(shown: Shown, language: string): Content {
  const texts = TEXTS[language]!;
  const advice = adviceOf(shown);
  return { mood: "quiet", heading: texts.over, lead: advice.length ? `${texts.overLead}\n${texts.overAdvice}` : texts.overLead, advice, action: back(shown, language) };
}

/** The gateway's advice to the person for the reasons that the person may see, each text once. */
function adviceOf({ reasons }: { readonly reasons: readonly { readonly guidance: string | null }[] }): string[] {
  return [...new Set(reasons.flatMap(({ guidance }) => guidance ?? []))].slice(0, MAX_ADVICE);
}

function back({ redirectionUrl }: Shown, language: string): View["action"] {
  const action = linked("", redirectionUrl);
  return action && { ...action, label: filled(TEXTS[language]!.back, { host: new URL(action.url).host }) };
}

/** A link, or null if the address is missing or is not an http or https URL. */
function linked(label: string, url: string | null): View["action"] {
  return url && /^https?:\/\//i.test(url) && URL.canParse(url) ? { label, url } : null;
}

/** An instant as text, in the reader's time zone and language. */
function instant(milliseconds: number, language: string): string {
  const date = { weekday: "long", day: "numeric", month: "long", hour: "numeric", minute: "2-digit" } as const;
  const locale = globalThis.navigator?.languages?.find((each) => each.startsWith(language)) ?? language;
  return new Intl.DateTimeFormat(locale, date).format(milliseconds);
}

export function filled(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}
