import type { Ending, GatewayClient } from "@verification-gateway/client";
import { NAME, type ShownVerification, type TokenOfElement, type VerificationStatusElement } from "@verification-gateway/element";
import { createElement, type CSSProperties, useEffect, useRef } from "react";

export interface VerificationStatusProps {
  /** The id of any attempt of the chain. */
  readonly id: string;
  /** A follow token or, better, a function that fetches one: then the token is renewed. */
  readonly token?: TokenOfElement;
  /** The gateway's GraphQL endpoint. */
  readonly url?: string;
  /** A client to use instead of `url` and `token`. */
  readonly client?: GatewayClient;
  /** The person's language: English, French, German, Spanish or Italian. By default the page's, then the browser's. */
  readonly locale?: string;
  readonly theme?: "light" | "dark";
  readonly className?: string;
  /** Custom properties such as `--verification-action` change the look. */
  readonly style?: CSSProperties & Readonly<Record<`--verification-${string}`, string>>;
  readonly onChange?: (verification: ShownVerification) => void;
  readonly onEnd?: (ending: Ending) => void;
}

/** Shows the person who is being verified where the verification stands, and what to do next. It is the element `<verification-status>`. */
export function VerificationStatus({ id, token = null, url, client, locale, theme, className, style, onChange, onEnd }: VerificationStatusProps) {
  const element = useRef<VerificationStatusElement>(null);
  const listeners = useRef({ onChange, onEnd });
  useEffect(() => {
    listeners.current = { onChange, onEnd };
  });

  // The token is set here as a property. React 18 would set it as an attribute, as for all custom elements, and the HTML of the page would show it.
  useEffect(() => {
    const { current } = element;
    if (current) Object.assign(current, { client: client ?? null, token });
  }, [client, token]);
  useEffect(() => {
    const { current } = element;
    const changed = (event: Event): void => listeners.current.onChange?.((event as CustomEvent<ShownVerification>).detail);
    const ended = (event: Event): void => listeners.current.onEnd?.((event as CustomEvent<Ending>).detail);
    current?.addEventListener("verificationchange", changed);
    current?.addEventListener("verificationend", ended);
    return () => {
      current?.removeEventListener("verificationchange", changed);
      current?.removeEventListener("verificationend", ended);
    };
  }, []);
  return createElement(NAME, { ref: element, "verification-id": id, url, locale, theme, class: className, style });
}
