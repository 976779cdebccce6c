/** Which verifications changed just now, whatever the list's filter: what the figures, the open verification and the group "Need attention" listen to. */

import { useEffect, useState } from "react";
import type { Connection } from "./client";

const PULSE = `subscription BoardPulse($after: String) { verificationsUpdated(after: $after) { cursor removedId verification { id } } }`;
interface Beat { cursor: string; removedId: string | null; verification: { id: string } | null }

export class Pulse {
  #listeners = new Set<(id: string) => void>();
  #unsubscribe: (() => void) | null = null;

  constructor(readonly connection: Connection) {}

  start() {
    this.#unsubscribe = this.connection.subscribe<Beat>(PULSE, "verificationsUpdated", {}, {
      next: ({ verification, removedId }) => {
        const id = verification?.id ?? removedId;
        if (id) for (const listener of this.#listeners) listener(id);
      },
      error: (error) => {
        // Changes may have been missed, so every listener reads again.
        if (error.code === "LAGGED") { this.start(); for (const listener of this.#listeners) listener(""); }
      },
    });
  }

  stop() { this.#unsubscribe?.(); }

  listen(listener: (id: string) => void) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

/** A number that grows with each change of these verifications (or of any, without `ids`), at most once in `every` milliseconds. */
export function useChanges(pulse: Pulse, every: number, ids?: readonly string[]) {
  const [version, setVersion] = useState(0);
  const key = ids?.join() ?? "";
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = pulse.listen((id) => {
      if (ids && id !== "" && !ids.includes(id)) return;
      timer ??= setTimeout(() => { timer = undefined; setVersion((number) => number + 1); }, every);
    });
    return () => { stop(); clearTimeout(timer); };
    // `key` stands for the ids.
  }, [pulse, every, key]);
  return version;
}
