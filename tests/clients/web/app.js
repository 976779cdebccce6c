// What the programs of this folder share: a client of web/client, tokens as a company's backend signs them, a page whose network and sleep the test
// controls, and lines on standard output, one JSON object each.

import { createInterface } from "node:readline";
import WebSocket from "ws";
import { token } from "../gateway.js";

const { URL: url, TOKEN, TOKENS = "3600", SCOPE, WITHOUT_SOCKETS } = process.env;
const lifetimes = TOKENS.split(" ").map(Number);

export const print = (line) => console.log(JSON.stringify(line));

// The events of a browser's window and network. web/client is imported after these lines, so that it finds them as in a browser.
const page = new EventTarget();
globalThis.addEventListener = page.addEventListener.bind(page);
const network = { onLine: true };
Object.defineProperty(globalThis, "navigator", { value: network, configurable: true });

const { createGatewayClient } = await import("../../../web/client/dist/index.js");

// TOKEN, if it is set. Otherwise a token with the next lifetime (in seconds) of TOKENS. The last lifetime is repeated.
// A lifetime of 0 means that the user has signed out. A negative lifetime gives a token with a wrong signature.
async function freshToken() {
  if (TOKEN) return TOKEN;
  const seconds = lifetimes.length > 1 ? lifetimes.shift() : lifetimes[0];
  print({ token: seconds });
  if (seconds === 0) return null;
  return seconds < 0 ? `${token(SCOPE, -seconds)}x` : token(SCOPE, seconds);
}

export const client = createGatewayClient({ url, token: freshToken, webSocketImpl: WITHOUT_SOCKETS ? null : WebSocket });
client.onConnection(({ state, transport, error }) => print({ connection: state, transport, error: error?.code ?? null }));

// Executes the commands that the test sends, one in each line: a function of the program, or an event of the page.
// Returns a function that ends the reading of commands.
export function obey(functions) {
  const commands = createInterface({ input: process.stdin });
  commands.on("line", (command) => {
    if (command === "offline" || command === "online") network.onLine = command === "online";
    if (command in functions) functions[command]();
    else page.dispatchEvent(new Event(command));
  });
  return () => commands.close();
}
