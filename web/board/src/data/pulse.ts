/**
 * Reports each verification that changes, also if it does not match the list's filter. The figures, the open verification and the group "Need
 * attention" listen to it.
 */

import type { FollowedList } from "@verification-gateway/client";
import { useEffect, useState } from "react";
import type { Gateway } from "./gateway";

export class Pulse {
  #listeners = new Set<(id: string) => void>();
  #followed: FollowedList | null = null;

  constructor(readonly gateway: Gateway) {}

  start() {
    this.#followed = this.gateway.client.followList(null, {
      pageSize: 1,
      onItem: (id) => { for (const listener of this.#listeners) listener(id); },
      onChange: () => undefined,
      onError: (error) => this.gateway.check(error),
    });
  }

  stop() { this.#followed?.stop(); }

  listen(listener: (id: string) => void) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

/** A number that grows when one of these verifications changes (without `ids`: when any one changes), at most once in `every` milliseconds. */
export function useChanges(pulse: Pulse, every: number, ids?: readonly string[]) {
  const [version, setVersion] = useState(0);
  const key = ids?.join() ?? "";
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = 0;
    const stop = pulse.listen((id) => {
      if (ids && !ids.includes(id)) return;
      // The first change counts at once, and those that follow it together.
      timer ??= setTimeout(() => { timer = undefined; last = performance.now(); setVersion((number) => number + 1); }, last + every - performance.now());
    });
    // When the connection is back, everything that is shown is read again.
    const unlisten = pulse.gateway.listen(() => { if (pulse.gateway.state === "live") setVersion((number) => number + 1); });
    return () => { stop(); unlisten(); clearTimeout(timer); };
    // `key` stands for `ids`, because `ids` can be a new array at each rendering.
  }, [pulse, every, key]);
  return version;
}
