import { type DependencyList, useMemo, useSyncExternalStore } from "react";

/** Starts to follow something. `publish` replaces the state. Returns a function that ends the following. */
export type Start<State> = (publish: (change: (before: State) => State) => void) => () => void;

/**
 * A state that components read with `useSyncExternalStore`. The store follows something while at least one component listens. StrictMode unmounts and
 * mounts each component at once. That opens no second subscription, because a client sends nothing before the present task has ended.
 */
export class Store<State> {
  #state: State;
  readonly #start: Start<State>;
  readonly #listeners = new Set<() => void>();
  #stop: (() => void) | undefined;

  constructor(initial: State, start: Start<State>) {
    this.#state = initial;
    this.#start = start;
  }

  readonly read = (): State => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    this.#stop ??= this.#start((change) => {
      this.#state = change(this.#state);
      for (const each of [...this.#listeners]) each();
    });
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size) return;
      this.#stop?.();
      this.#stop = undefined;
    };
  };
}

/** The state of a store. A new store is created whenever one of the keys changes. Creating one starts nothing, so that React may discard it. */
export function useStore<State>(create: () => Store<State>, keys: DependencyList): State {
  const store = useMemo(create, keys);
  return useSyncExternalStore(store.subscribe, store.read, store.read);
}
