/** The address of the board: which page is open, and the filters of the list. It is kept behind `#`, so that the board works below any path. */

import { useSyncExternalStore } from "react";
import { type Order, ORDERS, type Phase, PHASES, type ReasonType, type Status, STATUSES } from "./model";

export type Period = "day" | "week" | "month" | "quarter" | "always";
export const PERIODS: Period[] = ["day", "week", "month", "quarter", "always"];
const DAYS: Record<Period, number | null> = { day: 1, week: 7, month: 30, quarter: 90, always: null };
const DAY_MS = 86_400_000;

export interface Filters { status: Status[]; phase: Phase[]; reasonType: ReasonType[]; reasonCode: string[]; period: Period; reference: string; order: Order }
export interface Route { page: "board" | "figures" | "catalogue"; id: string | null; full: boolean; filters: Filters }

const list = (parameters: URLSearchParams, name: string) => parameters.get(name)?.split(",").filter(Boolean) ?? [];
/** The values of a list that are among `all`. Others are ignored: an address may be cut off, or come from another release. */
const listOf = <Value extends string>(parameters: URLSearchParams, name: string, all: readonly Value[]) =>
  list(parameters, name).filter((value): value is Value => (all as readonly string[]).includes(value));

function decoded(text: string) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parse(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?");
  const parameters = new URLSearchParams(search);
  const [head, id] = path.split("/");
  const period = parameters.get("created") as Period | null;
  return {
    page: head === "figures" || head === "catalogue" ? head : "board",
    id: head === "v" && id ? decoded(id) : null,
    full: parameters.has("full"),
    filters: {
      status: listOf(parameters, "status", STATUSES),
      phase: listOf(parameters, "phase", PHASES),
      reasonType: list(parameters, "type") as ReasonType[],
      reasonCode: list(parameters, "code"),
      period: period && PERIODS.includes(period) ? period : "month",
      reference: parameters.get("reference") ?? "",
      order: listOf(parameters, "order", ORDERS)[0] ?? "CREATED_NEWEST",
    },
  };
}

function format({ page, id, full, filters }: Route) {
  const parameters = new URLSearchParams();
  const set = (name: string, value: string, usual = "") => { if (value !== usual) parameters.set(name, value); };
  set("status", filters.status.join(","));
  set("phase", filters.phase.join(","));
  set("type", filters.reasonType.join(","));
  set("code", filters.reasonCode.join(","));
  set("created", filters.period, "month");
  set("reference", filters.reference);
  set("order", filters.order, "CREATED_NEWEST");
  if (full) parameters.set("full", "");
  const search = parameters.toString().replaceAll("%2C", ",");
  const path = id ? `v/${encodeURIComponent(id)}` : page === "board" ? "" : page;
  return `#/${path}${search ? `?${search}` : ""}`;
}

let current = parse(location.hash);
let text = location.hash;

function read() {
  if (location.hash !== text) {
    text = location.hash;
    current = parse(text);
  }
  return current;
}

const listen = (listener: () => void) => {
  addEventListener("hashchange", listener);
  return () => removeEventListener("hashchange", listener);
};

export const useRoute = () => useSyncExternalStore(listen, read);

/** The present address with this change, as text. */
export const address = (change: Partial<Route>) => format({ ...read(), ...change });

export function go(change: Partial<Route>, replace = false) {
  const hash = address(change);
  if (!replace) location.hash = hash;
  else {
    history.replaceState(null, "", hash);
    dispatchEvent(new HashChangeEvent("hashchange"));
  }
}

export const NO_FILTERS: Filters = { status: [], phase: [], reasonType: [], reasonCode: [], period: "month", reference: "", order: "CREATED_NEWEST" };

/** Whether there is any filter besides the period. */
export const isFiltered = ({ status, phase, reasonType, reasonCode, reference }: Filters) =>
  status.length + phase.length + reasonType.length + reasonCode.length > 0 || reference !== "";

/**
 * The start of the period that ends at `now`, or of the period that lies `back` periods before it, rounded down to a full minute, so that equal
 * filters share results. Null if the period has no limit.
 */
export function startOf(period: Period, now: number, back = 0) {
  const days = DAYS[period];
  return days === null ? null : new Date(Math.floor((now - days * DAY_MS * (1 + back)) / 60_000) * 60_000).toISOString();
}

/** The `VerificationFilter` of these filters. */
export function filterOf({ status, phase, reasonType, reasonCode, period, reference }: Filters, now: number) {
  const createdAfter = startOf(period, now);
  return {
    ...(status.length > 0 && { status }),
    ...(phase.length > 0 && { phase }),
    ...(reasonType.length > 0 && { reasonType }),
    ...(reasonCode.length > 0 && { reasonCode }),
    ...(reference && { reference }),
    ...(createdAfter && { createdAfter }),
  };
}
