/** Hooks that read from the gateway and read again when something changed. */

import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { GatewayError, TypedDocument } from "@verification-gateway/client";
import type { VerificationFilter } from "./generated";
import { LiveList } from "./list";
import type { Order } from "./model";
import { useSession } from "./session";

export interface Read<Data> { data: Data | null; error: GatewayError | null; again: () => void }

/**
 * The result of a query. It is read again when `again` is called or `version` changes, at most once in `pause` milliseconds. Until the new result
 * arrives, the former one is returned; with `keep`, also if the variables are others now.
 */
export function useQuery<Data, Variables>(
  query: TypedDocument<Data, Variables>, variables: Variables, { version = 0, pause = 0, keep = false }: { version?: number | string; pause?: number; keep?: boolean } = {},
): Read<Data> {
  const { gateway } = useSession();
  const key = `${query}${JSON.stringify(variables)}`;
  const [state, setState] = useState<{ key: string; data: Data | null; error: GatewayError | null }>({ key, data: null, error: null });
  const [round, setRound] = useState(0);
  // The last read, and the number of the newest read that has ended.
  const last = useRef({ key: "", gateway, at: 0, number: 0, ended: 0 });
  useEffect(() => {
    const reads = last.current;
    const wait = reads.key === key ? Math.max(0, reads.at + pause - Date.now()) : 0;
    const timer = setTimeout(() => {
      const number = reads.number + 1;
      Object.assign(reads, { key, gateway, at: Date.now(), number });
      // A result counts although another read has begun meanwhile. Otherwise, reads that take longer than `pause` would never have a result.
      const isNewest = () => {
        if (number < reads.ended || reads.key !== key || reads.gateway !== gateway) return false;
        reads.ended = number;
        return true;
      };
      gateway.execute(query, variables).then(
        (data) => isNewest() && setState({ key, data, error: null }),
        (error: GatewayError) => isNewest() && setState((before) => ({ key, data: keep || before.key === key ? before.data : null, error })),
      );
    }, wait);
    return () => clearTimeout(timer);
    // `key` stands for the query and its variables, because `variables` can be a new object at each rendering.
  }, [gateway, key, version, round, pause, keep]);
  const again = useCallback(() => setRound((number) => number + 1), []);
  if (state.key === key) return { ...state, again };
  return { data: keep ? state.data : null, error: null, again };
}

/** The live list for a filter and an order. When one of them changes, a new list is made. After a new sign-in, the new list begins with the same rows. */
export function useLiveList(filter: VerificationFilter, order: Order) {
  const { gateway } = useSession();
  const key = JSON.stringify(filter) + order;
  const [made, setMade] = useState<{ key: string; list: LiveList } | null>(null);
  const former = useRef(made);
  useEffect(() => {
    const list = new LiveList(gateway, filter, order, former.current?.key === key ? former.current.list : null);
    former.current = { key, list };
    setMade(former.current);
    return () => list.close();
    // `key` stands for the filter and the order, because `filter` can be a new object at each rendering.
  }, [gateway, key]);
  return made;
}

export function useListState(list: LiveList) {
  return useSyncExternalStore(list.listen, () => list.state);
}

/** Whether the window is at least this wide, in CSS pixels. */
export function useWide(pixels: number) {
  const query = matchMedia(`(min-width: ${pixels}px)`);
  return useSyncExternalStore((listener) => {
    query.addEventListener("change", listener);
    return () => query.removeEventListener("change", listener);
  }, () => query.matches);
}
