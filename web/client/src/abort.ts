/** An AbortController that is aborted when any of these signals is aborted. Abort it in any case at the end, so that the signals forget it. */
export function stopping(...signals: readonly (AbortSignal | undefined)[]): AbortController {
  const controller = new AbortController();
  for (const signal of signals) whenAborted(signal, () => controller.abort(), controller.signal);
  return controller;
}

/** Call `stop` when the signal is aborted, or at once if it is aborted already. If `unless` is aborted first, `stop` is not called. */
export function whenAborted(signal: AbortSignal | undefined, stop: () => void, unless?: AbortSignal): void {
  if (signal?.aborted) stop();
  else if (!unless?.aborted) {
    // The listener is removed by hand, and not with the option `signal` of `addEventListener`. If several listeners have the same signal in that
    // option, Node 20 forgets all but the last of them at the next garbage collection, and then keeps the listeners for ever.
    signal?.addEventListener("abort", stop);
    unless?.addEventListener("abort", () => signal?.removeEventListener("abort", stop));
  }
}
