import { expect, test } from "vitest";
import type { VerificationOrder } from "../src/generated.js";
import { type ListRow, Rows } from "../src/rows.js";

const ORDERS: VerificationOrder[] = ["CREATED_NEWEST", "CREATED_OLDEST", "UPDATED_NEWEST", "UPDATED_OLDEST"];

/** An instant as the gateway writes it: the fraction is left out if it is zero. */
function instant(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.000Z$/, "+00:00").replace(/(\.\d{3})Z$/, "$1000+00:00");
}

/** A row of one of few instants, so that many rows have the same. */
function aRow(): ListRow {
  const [created, later] = [Math.floor(Math.random() * 6) * 500, Math.floor(Math.random() * 6) * 500];
  const id = `ver_${Math.floor(Math.random() * 200)}`;
  return { id, version: 1, createdAt: instant(created), updatedAt: instant(created + later) };
}

function sorted(rows: Iterable<ListRow>, order: VerificationOrder): ListRow[] {
  const at = (row: ListRow): number => Date.parse(order.startsWith("CREATED") ? row.createdAt : row.updatedAt);
  const ascending = [...rows].sort((a, b) => at(a) - at(b) || (a.id < b.id ? -1 : 1));
  return order.endsWith("OLDEST") ? ascending : ascending.reverse();
}

test.each(ORDERS)("rows stay sorted while they are put and removed: %s", (order) => {
  const rows = new Rows<ListRow>(order);
  const expected = new Map<string, ListRow>();

  for (let step = 0; step < 2000; step += 1) {
    const row = aRow();
    if (Math.random() < 0.3) {
      rows.remove(row.id);
      expected.delete(row.id);
    } else {
      rows.put(row);
      expected.set(row.id, row);
    }
  }

  expect(rows.sorted).toEqual(sorted(expected.values(), order));
});

test.each(ORDERS)("the loaded part ends with the bound: %s", (order) => {
  const all = sorted(new Map(Array.from({ length: 100 }, aRow).map((row) => [row.id, row])).values(), order);
  const rows = new Rows<ListRow>(order);
  rows.bound = rows.key(all[20]!);

  expect(all.filter((row) => rows.contains(row))).toEqual(all.slice(0, 21));
});
