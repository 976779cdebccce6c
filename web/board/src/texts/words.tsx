/** The reader's language, and how numbers and times are written in it. */

import { createContext, useContext } from "react";
import type { Reason } from "../data/model";
import { english, type Texts } from "./english";
import { french } from "./french";
import { REASON_NAMES } from "./reasons";

export const LANGUAGES = { en: english, fr: french };
export type Language = keyof typeof LANGUAGES;

const KEY = "board-language";

/** The language that the reader chose. Without a choice: French if the browser's languages contain it and do not begin with English, else English. */
export function initialLanguage(): Language {
  const chosen = localStorage.getItem(KEY);
  if (chosen === "en" || chosen === "fr") return chosen;
  return navigator.languages.some((name) => name.startsWith("fr")) && !navigator.languages[0]?.startsWith("en") ? "fr" : "en";
}

export const keepLanguage = (language: Language) => localStorage.setItem(KEY, language);

export class Words {
  readonly texts: Texts;
  #number: Intl.NumberFormat;
  #percent: Intl.NumberFormat;
  #exact: Intl.DateTimeFormat;
  #clock: Intl.DateTimeFormat;
  #day: Intl.DateTimeFormat;
  #longDay: Intl.DateTimeFormat;
  #dayAndTime: Intl.DateTimeFormat;
  #utc: Intl.DateTimeFormat;
  #regions: Intl.DisplayNames;
  #hour: Intl.DateTimeFormat;
  readonly zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

  constructor(readonly language: Language) {
    this.texts = LANGUAGES[language];
    const { locale } = this.texts;
    this.#number = new Intl.NumberFormat(locale);
    this.#percent = new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
    this.#exact = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "medium" });
    this.#clock = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
    this.#hour = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
    this.#day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: "UTC" });
    this.#longDay = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" });
    this.#dayAndTime = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
    this.#utc = new Intl.DateTimeFormat(locale, { timeStyle: "medium", timeZone: "UTC" });
    this.#regions = new Intl.DisplayNames(locale, { type: "region", fallback: "code" });
  }

  number = (value: number) => this.#number.format(value);
  share = (part: number, whole: number) => (whole === 0 ? this.texts.figures.none : this.#percent.format(part / whole));
  clock = (instant: number | string) => this.#clock.format(new Date(instant));
  /** A time of day without seconds. */
  hour = (instant: number) => this.#hour.format(instant);
  exact = (instant: string) => `${this.#exact.format(new Date(instant))} · ${this.#utc.format(new Date(instant))} UTC`;
  dayAndTime = (instant: string) => this.#dayAndTime.format(new Date(instant));
  /** "9 Nov" for a day such as "2026-11-09". */
  day = (day: string) => this.#day.format(new Date(`${day}T00:00:00Z`));
  longDay = (day: string) => this.#longDay.format(new Date(`${day}T00:00:00Z`));
  country = (code: string) => { try { return this.#regions.of(code) ?? code; } catch { return code; } };
  city = () => this.zone.split("/").at(-1)?.replaceAll("_", " ") ?? this.zone;

  /** A duration in its two largest units: "6 d 22 h", "11 min 24 s". `short`: only the largest one. */
  duration(milliseconds: number, short = false) {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    const units: [number, string][] = [[86_400, this.language === "fr" ? "j" : "d"], [3600, "h"], [60, "min"], [1, "s"]];
    const first = units.findIndex(([size]) => seconds >= size);
    if (first < 0) return `0 s`;
    const [size, name] = units[first]!;
    const next = units[first + 1];
    const rest = next ? Math.floor((seconds % size) / next[0]) : 0;
    const major = `${Math.floor(seconds / size)} ${name}`;
    return short || !next || rest === 0 ? major : `${major} ${rest} ${next[1]}`;
  }

  /** How long ago an instant is: "now", "3 min ago". */
  ago(instant: string, now: number) {
    const passed = now - Date.parse(instant);
    if (passed < 5000) return this.language === "fr" ? "maintenant" : "now";
    const time = this.duration(passed, true);
    return this.language === "fr" ? `il y a ${time}` : `${time} ago`;
  }

  /** The name of a provider for people: "Yousign" for `yousign`. */
  provider = (name: string) => name.charAt(0).toUpperCase() + name.slice(1);

  /** The short name of a reason. */
  reason = ({ code, type }: Pick<Reason, "code" | "type">) => REASON_NAMES[code]?.[this.language === "fr" ? 1 : 0] ?? this.texts.reasonType[type];
}

export const WordsContext = createContext(new Words("en"));
export const useWords = () => useContext(WordsContext);
