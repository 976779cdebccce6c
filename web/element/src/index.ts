import { VerificationStatusElement } from "./element.js";

export { type TokenOfElement, VerificationStatusElement } from "./element.js";
export type { Shown as ShownVerification } from "./view.js";

export const NAME = "verification-status";

declare global {
  interface HTMLElementTagNameMap {
    "verification-status": VerificationStatusElement;
  }
}

// Importing the package defines the element, once. On a server, there is no page and nothing to define.
if (globalThis.customElements && !customElements.get(NAME)) customElements.define(NAME, VerificationStatusElement);
