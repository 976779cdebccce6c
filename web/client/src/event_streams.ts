import { stopping } from "./abort.js";
import { asGatewayError, GatewayError, gatewayError } from "./errors.js";
import { content, type Fetch, post } from "./http.js";
import type { Message, Operation, Transport } from "./transport.js";

const STREAM_TYPE = "text/event-stream";
/** How long a stream may be silent before it counts as dead. The gateway sends a comment every 12 seconds. */
const SILENCE_MS = 30_000;
const SILENCE_WHEN_WOKEN_MS = 15_000;

/** Subscriptions as server-sent events, read with `fetch`: one HTTP request for each. */
export class EventStreams implements Transport {
  readonly #streams = new Map<AbortController, number>();

  readonly #url: string;
  readonly #fetch: Fetch;

  constructor(
    url: string,
    fetch: Fetch,
  ) {
    this.#url = url;
    this.#fetch = fetch;
  }

  async run(operation: Operation, token: string, next: (message: Message) => void, signal: AbortSignal): Promise<GatewayError | undefined> {
    const stream = stopping(signal);
    this.#streams.set(stream, Date.now());
    let code: string | undefined;
    try {
      const response = await post(this.#fetch, this.#url, operation, token, STREAM_TYPE, stream.signal);
      if (!response.headers.get("content-type")?.startsWith(STREAM_TYPE)) {
        await content(response);
        throw "no event stream";
      }
      code = "CONNECTION_LOST";
      return await this.#read(response, next, stream);
    } catch (error) {
      return asGatewayError(error, code);
    } finally {
      this.#streams.delete(stream);
      stream.abort();
    }
  }

  drop(): void {
    for (const stream of this.#streams.keys()) stream.abort();
  }

  check(woken: boolean): void {
    const limit = Date.now() - (woken ? SILENCE_WHEN_WOKEN_MS : SILENCE_MS);
    for (const [stream, heardAt] of this.#streams) if (heardAt < limit) stream.abort();
  }

  /** Read the events until the event `complete`. Throws if the stream ends without this event. */
  async #read(response: Response, next: (message: Message) => void, stream: AbortController): Promise<GatewayError | undefined> {
    const reader = response.body!.getReader();
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw "the stream ended";
      this.#streams.set(stream, Date.now());
      const events = (text + decoder.decode(value, { stream: true })).split("\n\n");
      text = events.pop()!;
      for (const event of events) {
        stream.signal.throwIfAborted();
        const [, type] = /^event: (.*)/m.exec(event) ?? [];
        if (type === "complete") return undefined;
        if (type !== "next") continue;
        const message = JSON.parse(/^data: (.*)/m.exec(event)![1]!) as Message;
        if (!message.data) return gatewayError(message.errors);
        next(message);
      }
    }
  }
}
