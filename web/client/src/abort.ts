/** An AbortController that is aborted together with any of these signals. Abort it in any case, so that the signals forget it. */
export function stopping(...signals: readonly (AbortSignal | undefined)[]): AbortController {
  const controller = new AbortController();
  for (const signal of signals) whenAborted(signal, () => controller.abort(), controller.signal);
  return controller;
}

/** Call a function when a signal is aborted, or at once if it is already, unless another signal is aborted before. */
export function whenAborted(signal: AbortSignal | undefined, stop: () => void, unless?: AbortSignal): void {
  if (signal?.aborted) stop();
  else signal?.addEventListener("abort", stop, { once: true, signal: unless });
}
