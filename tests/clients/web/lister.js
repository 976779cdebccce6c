// Follows a list with web/client. Prints what each change reports, and the whole list at the command `show`.

import { client, obey, print } from "./app.js";

const { FILTER = "null", ORDER, PAGE_SIZE } = process.env;

let shown = new Map();
let last = null;
const list = client.followList(JSON.parse(FILTER), {
  orderBy: ORDER,
  pageSize: PAGE_SIZE && Number(PAGE_SIZE),
  onChange({ rows, count, hasMore, appeared, changed, left }) {
    // The reported changes must turn the previous rows into the present rows.
    const reported = new Map(shown);
    for (const { id } of left) if (!reported.delete(id)) print({ fault: `${id} left, but was not there` });
    for (const { id, version } of changed) if (reported.has(id)) reported.set(id, version); else print({ fault: `${id} changed, but was not there` });
    for (const { id, version } of appeared) if (reported.has(id)) print({ fault: `${id} appeared twice` }); else reported.set(id, version);
    shown = new Map(rows.map(({ id, version }) => [id, version]));
    const differs = shown.size !== rows.length || shown.size !== reported.size || [...shown].some(([id, version]) => reported.get(id) !== version);
    if (differs) print({ fault: "the rows differ from what was reported" });
    last = { rows: [...shown], count, hasMore };
    print({ count, left: left.map(({ id }) => id) });
  },
});
const stopListening = obey({
  stop: () => list.stop(),
  show: () => print({ list: last }),
  more: () => list.loadMore().then(() => print({ more: true })),
});
const { reason, error } = await list.ended;
print({ ended: reason, error: error?.code ?? null });
stopListening();
