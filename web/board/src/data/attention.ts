/** What needs a person: verifications that are too long at the provider, events that the backend did not receive, webhooks without a verification. */

import { useEffect, useMemo, useState } from "react";
import { useNow } from "./clock";
import { BoardAttention } from "./generated";
import type { Delivery, Row, Unmatched } from "./model";
import { type Pulse, useChanges } from "./pulse";
import { configuration } from "./session";
import { useQuery } from "./use";

// After this number of failed tries, a delivery will hardly succeed unless a person does something.
const TRIES = 3;
const READ_AGAIN_MS = 10_000;

export type Entry =
  | { kind: "stuck"; key: string; row: Row }
  | { kind: "undelivered"; key: string; row: Row; delivery: Delivery }
  | { kind: "unmatched"; key: string; webhook: Unmatched };

export function useAttention(pulse: Pulse): { entries: Entry[]; again: () => void } {
  const version = useChanges(pulse, 5000);
  const now = useNow();
  const minute = Math.floor(now / 60_000);
  // The gateway sends no event when a delivery succeeds. So deliveries are read again and again while one of them is among the entries.
  const [isUndelivered, setUndelivered] = useState(false);
  const stuck = { phase: ["PROCESSING" as const], updatedBefore: new Date(minute * 60_000 - configuration().processingSeconds * 1000).toISOString() };
  const { data, again } = useQuery(BoardAttention, { stuck }, { version: `${version} ${isUndelivered ? Math.floor(now / READ_AGAIN_MS) : ""}`, pause: 5000, keep: true });
  const entries = useMemo<Entry[]>(() => !data ? [] : [
    ...data.verifications.edges.map(({ node }): Entry => ({ kind: "stuck", key: `stuck ${node.id}`, row: node })),
    ...data.webhookDeliveries.filter(({ state, tries }) => state === "FAILED" || tries >= TRIES)
      .map(({ verification, ...delivery }): Entry => ({ kind: "undelivered", key: `undelivered ${verification.id}`, row: verification, delivery })),
    ...data.unmatchedWebhooks.map((webhook): Entry => ({ kind: "unmatched", key: `unmatched ${webhook.id}`, webhook })),
  ], [data]);
  useEffect(() => setUndelivered(entries.some(({ kind }) => kind === "undelivered")), [entries]);
  return { entries, again };
}
