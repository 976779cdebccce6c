// Follows a verification with web/client, and prints each change.

import { client, obey, print } from "./app.js";

const { VERIFICATION, RETRIES, CURSOR, AFTER } = process.env;

const followed = client.followVerification(VERIFICATION, {
  followRetries: Boolean(RETRIES),
  cursor: CURSOR,
  after: AFTER && Number(AFTER),
  onChange: ({ verification, changed, events, cursor, restarted }) => {
    const versions = events.map(({ version }) => version);
    const state = { id: changed.id, attempt: changed.attempt, version: changed.version, status: changed.status };
    print({ change: state, shown: verification.attempt, events: versions, cursor, restarted });
  },
});
const stopListening = obey({ stop: () => followed.stop(), close: () => client.close() });
const { reason, error } = await followed.ended;
print({ ended: reason, error: error?.code ?? null, message: error?.message ?? null });
stopListening();
