import { type DependencyList, useMemo, useSyncExternalStore } from "react";

/** Starts to follow something. `publish` replaces the state. Returns a function that ends it. */
export type Start<State> = (publish: (change: (before: State) => State) => void) => () => void;

/**
 * What components read with `useSyncExternalStore`. It follows while a component listens. StrictMode unmounts and mounts each component at once: a
 * client sends nothing before the present task has ended, so that this opens no second subscription.
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

/** The state of a store that is created anew whenever one of the keys differs. Creating it has no effect, so that React may discard it. */
export function useStore<State>(create: () => Store<State>, keys: DependencyList): State {
  const store = useMemo(create, keys);
  return useSyncExternalStore(store.subscribe, store.read, store.read);
}
