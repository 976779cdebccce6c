// A GraphQL client without a library: `fetch` for queries and mutations, one WebSocket for each subscription.

const ENDPOINT = new URL("graphql", location.href);

/** The response to a query or mutation. Throws if the gateway does not respond with JSON. */
export async function execute(token, query, variables) {
  const response = await fetch(ENDPOINT, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

// Close codes after which a retry with the same token and operation can't succeed. (graphql-ws, PROTOCOL.md; 4403: the token was refused.)
const FATAL = new Set([1002, 1011, 4400, 4401, 4403, 4406, 4409, 4429, 4500]);

/**
 * Subscribe over graphql-transport-ws until the server completes the subscription or the returned function is called. A lost
 * connection is opened again. An operation that declares $cursor, or $after for a list, then resumes after the last message.
 *
 * Calls next(response) for each message, and state(name, details) with one of the names "connecting", "live", "waiting",
 * "completed", "refused" and "stopped".
 */
export function subscribe(token, query, variables, { next, state }) {
  let socket, timer, failures = 0, ended = false;

  function connect() {
    state("connecting");
    socket = new WebSocket(ENDPOINT.href.replace(/^http/, "ws"), "graphql-transport-ws");
    const send = (message) => socket.send(JSON.stringify(message));
    socket.onopen = () => send({ type: "connection_init", payload: { authorization: `Bearer ${token}` } });
    socket.onmessage = ({ data }) => receive(JSON.parse(data), send);
    socket.onclose = ({ code, reason }) => {
      if (ended) return;
      if (FATAL.has(code)) return end("refused", `${reason} (${code})`);
      const seconds = Math.min(2 ** failures++ / 2, 10);
      state("waiting", `connection lost (${code}), reconnecting in ${seconds} s`);
      timer = setTimeout(connect, seconds * 1000);
    };
  }

  function receive({ type, payload }, send) {
    if (ended) return;
    if (type === "connection_ack") {
      failures = 0;
      send({ id: "1", type: "subscribe", payload: { query, variables } });
      state("live");
    } else if (type === "ping") {
      send({ type: "pong" });
    } else if (type === "next") {
      variables = { ...variables, ...resumption(query, payload.data) };
      next(payload);
    } else if (type === "error") {
      next({ errors: payload });
      end("refused");
    } else if (type === "complete") {
      end("completed");
    }
  }

  function end(name, details) {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    socket.close(1000);
    state(name, details);
  }

  connect();
  return () => end("stopped");
}

/** The variables with which to resume after a message: those that the query declares, if the message has a cursor. */
function resumption(query, data) {
  const cursor = data?.verificationUpdated?.cursor;
  if (cursor && /\$cursor\b/.test(query)) return { cursor, ...(/\$after\b/.test(query) ? { after: null } : {}) };
  const after = data?.verificationsUpdated?.cursor;
  return after && /\$after\b/.test(query) ? { after } : {};
}
