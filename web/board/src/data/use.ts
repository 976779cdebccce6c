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
 * arrives, the former one is returned.
 */
export function useQuery<Data, Variables>(query: TypedDocument<Data, Variables>, variables: Variables, { version = 0, pause = 0 }: { version?: number | string; pause?: number } = {}): Read<Data> {
  const { gateway } = useSession();
  const key = `${query}${JSON.stringify(variables)}`;
  const [state, setState] = useState<{ key: string; data: Data | null; error: GatewayError | null }>({ key, data: null, error: null });
  const [round, setRound] = useState(0);
  const last = useRef({ key: "", at: 0 });
  useEffect(() => {
    let current = true;
    const wait = last.current.key === key ? Math.max(0, last.current.at + pause - Date.now()) : 0;
    const timer = setTimeout(() => {
      last.current = { key, at: Date.now() };
      gateway.execute(query, variables).then(
        (data) => current && setState({ key, data, error: null }),
        (error: GatewayError) => current && setState((before) => ({ key, data: before.key === key ? before.data : null, error })),
      );
    }, wait);
    return () => { current = false; clearTimeout(timer); };
    // `key` stands for the query and its variables, because `variables` can be a new object at each rendering.
  }, [gateway, key, version, round, pause]);
  const again = useCallback(() => setRound((number) => number + 1), []);
  return state.key === key ? { ...state, again } : { data: null, error: null, again };
}

/** The live list for a filter and an order. When one of them changes, a new list is made. */
export function useLiveList(filter: VerificationFilter, order: Order) {
  const { gateway } = useSession();
  const key = JSON.stringify(filter) + order;
  const [made, setMade] = useState<{ key: string; list: LiveList } | null>(null);
  useEffect(() => {
    const list = new LiveList(gateway, filter, order);
    setMade({ key, list });
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
