// GraphQL without a library: fetch for queries and mutations, a socket of its own for each subscription.

const ENDPOINT = new URL("graphql", location.href);

/** The response to a query or mutation. Throws where there is none. */
export async function ask(token, query, variables) {
  const response = await fetch(ENDPOINT, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

// After these, trying again with the same token and operation can't help. (graphql-ws, PROTOCOL.md; 4403: the token was refused.)
const FATAL = new Set([1002, 1011, 4400, 4401, 4403, 4406, 4409, 4429, 4500]);

/**
 * Subscribe over graphql-transport-ws until the server completes it or the returned function is called. A lost connection is
 * made anew, and an operation that declares $after goes on where it was: nothing in between is missed.
 *
 * next(response) is told of each message; state(name, details) of "connecting", "live", "waiting", "completed", "refused", "stopped".
 */
export function subscribe(token, query, variables, { next, state }) {
  let socket, timer, failures = 0, over = false;

  function connect() {
    state("connecting");
    socket = new WebSocket(ENDPOINT.href.replace(/^http/, "ws"), "graphql-transport-ws");
    const send = (message) => socket.send(JSON.stringify(message));
    socket.onopen = () => send({ type: "connection_init", payload: { authorization: `Bearer ${token}` } });
    socket.onmessage = ({ data }) => take(JSON.parse(data), send);
    socket.onclose = ({ code, reason }) => {
      if (over) return;
      if (FATAL.has(code)) return end("refused", `${reason} (${code})`);
      const seconds = Math.min(2 ** failures++ / 2, 10);
      state("waiting", `connection lost (${code}), again in ${seconds} s`);
      timer = setTimeout(connect, seconds * 1000);
    };
  }

  function take({ type, payload }, send) {
    if (over) return;
    if (type === "connection_ack") {
      failures = 0;
      send({ id: "1", type: "subscribe", payload: { query, variables } });
      state("live");
    } else if (type === "ping") {
      send({ type: "pong" });
    } else if (type === "next") {
      if (/\$after\b/.test(query)) variables = { ...variables, after: reached(payload.data, variables) };
      next(payload);
    } else if (type === "error") {
      next({ errors: payload });
      end("refused");
    } else if (type === "complete") {
      end("completed");
    }
  }

  function end(name, details) {
    if (over) return;
    over = true;
    clearTimeout(timer);
    socket.close(1000);
    state(name, details);
  }

  connect();
  return () => end("stopped");
}

/** Where to go on after a message. The version counts for the verification that was asked for, not for its retries. */
function reached(data, { id, after }) {
  const one = data?.verificationUpdated?.verification;
  return (one?.id === id && one?.version) || data?.verificationsUpdated?.cursor || after;
}
