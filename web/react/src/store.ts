import { type DependencyList, useMemo, useSyncExternalStore } from "react";

/** Starts to follow something. `publish` replaces the state. Returns a function that ends the following. */
export type Start<State> = (publish: (change: (before: State) => State) => void) => () => void;

/**
 * The state that components read with `useSyncExternalStore`. The store follows while a component listens. When the last component leaves, the
 * following ends after the present task and not at once: StrictMode unmounts and mounts each component in one task, and must not cause a second
 * subscription.
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
      setTimeout(() => {
        if (this.#listeners.size || !this.#stop) return;
        this.#stop();
        this.#stop = undefined;
      });
    };
  };
}

/** The state of a store. A new store is created whenever one of the keys changes. Creating one starts nothing, so that React may discard it. */
export function useStore<State>(create: () => Store<State>, keys: DependencyList): State {
  const store = useMemo(create, keys);
  return useSyncExternalStore(store.subscribe, store.read, store.read);
}
