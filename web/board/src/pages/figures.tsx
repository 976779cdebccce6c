/** The figures of the chosen period, as charts and as tables: how many by status, outcomes by day, reasons, billing, time to an outcome. */

import { type ReactNode, useMemo, useState } from "react";
import { startOf, type Period, useRoute, go } from "../data/route";
import type { Stats, Status } from "../data/model";
import { STATUSES } from "../data/model";
import { BoardFigures, BoardMedian } from "../data/generated";
import { type Pulse, useChanges } from "../data/pulse";
import { useQuery } from "../data/use";
import { Chart as ChartSymbol, StatusSymbol, Table as TableSymbol } from "../parts/symbols";
import { classOf } from "../parts/basics";
import { useWords } from "../texts/words";

const READ_AGAIN_MS = 3000;
const MAX_DAYS = 62;
const REASONS = 5;

function useFigures(pulse: Pulse, period: Period) {
  const version = useChanges(pulse, READ_AGAIN_MS);
  // The start of the period is a full minute and does not move while the page is open. So repeated queries are equal, and share a response.
  const { filter, before } = useMemo(() => {
    const now = Date.now();
    const createdAfter = startOf(period, now);
    return { filter: createdAfter ? { createdAfter } : {}, before: createdAfter ? { createdAfter: startOf(period, now, 1), createdBefore: createdAfter } : null };
  }, [period]);
  const present = useQuery(BoardFigures, { filter }, { version, pause: READ_AGAIN_MS });
  const former = useQuery(BoardMedian, { filter: before ?? { createdBefore: "1970-01-02T00:00:00Z" } });
  return { stats: present.data?.verificationStats ?? null, former: before ? (former.data?.verificationStats.medianSecondsToResult ?? null) : null };
}

/** A part of the figures. Its button shows the same figures as a table. */
function Part({ title, table, children, name }: { title: string; table: ReactNode; children: ReactNode; name: string }) {
  const { texts } = useWords();
  const [asTable, setAsTable] = useState(false);
  const label = asTable ? texts.figures.asChart : texts.figures.asTable;
  return (
    <section className={`part ${name}`} aria-label={title}>
      <header><h2>{title}</h2><button type="button" className="button bare icon small" aria-pressed={asTable} aria-label={`${label}: ${title}`} title={label} onClick={() => setAsTable(!asTable)}>{asTable ? <ChartSymbol /> : <TableSymbol />}</button></header>
      {asTable ? <div className="scrolled" tabIndex={0} role="group" aria-label={title}>{table}</div> : children}
    </section>
  );
}

const counted = (counts: readonly { readonly status: Status; readonly count: number }[], status: Status) => counts.find((one) => one.status === status)?.count ?? 0;

export function Figures({ pulse }: { pulse: Pulse }) {
  const words = useWords();
  const { texts } = words;
  const { filters } = useRoute();
  const { stats, former } = useFigures(pulse, filters.period);
  return (
    <div className="card figures" aria-busy={!stats}>
      <Totals stats={stats} period={filters.period} />
      <Days stats={stats} />
      <Reasons stats={stats} />
      <Part name="billing" title={texts.figures.billable} table={stats && <BillingTable stats={stats} />}>
        {stats ? <Billing stats={stats} former={former} /> : <p className="large">&nbsp;</p>}
      </Part>
    </div>
  );
}

function Totals({ stats, period }: { stats: Stats | null; period: Period }) {
  const words = useWords();
  const { texts } = words;
  const total = stats?.total ?? 0;
  const rows = STATUSES.map((status) => ({ status, count: stats ? counted(stats.byStatus, status) : 0 }));
  const filterBy = (status: Status) => () => go({ page: "board", id: null, filters: { ...readFilters(), status: [status] } });
  const { filters } = useRoute();
  const readFilters = () => filters;
  return (
    <Part name="totals" title={texts.figures.total[period]} table={
      <table className="plain"><thead><tr><th scope="col">{texts.list.columns.status}</th><th scope="col">{texts.figures.number}</th><th scope="col">{texts.figures.share}</th></tr></thead>
        <tbody>{rows.map(({ status, count }) => <tr key={status}><th scope="row">{texts.status[status]}</th><td>{words.number(count)}</td><td>{words.share(count, total)}</td></tr>)}</tbody></table>
    }>
      <p className="large">{stats ? words.number(total) : " "} <small>{stats && texts.figures.verifications(total)}</small></p>
      <div className="stack" aria-hidden="true">{rows.filter(({ count }) => count > 0).map(({ status, count }) => <i key={status} className={classOf(status)} style={{ flexGrow: count }} />)}</div>
      <ul className="legend">
        {rows.map(({ status, count }) => (
          <li key={status}><button type="button" onClick={filterBy(status)}>
            <span className={`status ${classOf(status)}`}><StatusSymbol status={status} size={14} /></span>
            <span className="name">{texts.status[status]}</span><b className="number">{stats ? words.number(count) : " "}</b><span className="number faint">{stats && words.share(count, total)}</span>
          </button></li>
        ))}
      </ul>
    </Part>
  );
}

/** The numbers at the grid lines of a chart: zero, a round number, and its double if the chart is high enough for it. */
function ticks(max: number) {
  const rough = Math.max(1, max / 2);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 3, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  return [0, step, 2 * step].filter((tick) => tick <= Math.max(max, step) * 1.3);
}

/** All days from the first to the last, also those on which nothing was created. */
function allDays(byDay: Stats["byDay"]) {
  const [first, last] = [byDay[0], byDay.at(-1)];
  if (!first || !last) return [];
  const days = new Map(byDay.map((day) => [day.day, day]));
  const found: Stats["byDay"][number][] = [];
  for (let time = Date.parse(`${first.day}T00:00:00Z`); ; time += 86_400_000) {
    const day = new Date(time).toISOString().slice(0, 10);
    found.push(days.get(day) ?? { day, total: 0, byStatus: [] });
    if (day >= last.day) break;
  }
  return found.slice(-MAX_DAYS);
}

function Days({ stats }: { stats: Stats | null }) {
  const words = useWords();
  const { texts } = words;
  const [shown, setShown] = useState<number | null>(null);
  const days = useMemo(() => allDays([...(stats?.byDay ?? [])].sort((a, b) => (a.day < b.day ? -1 : 1))), [stats]);
  const lines = ticks(Math.max(1, ...days.map(({ total }) => total)));
  const top = Math.max(lines.at(-1) ?? 1, ...days.map(({ total }) => total));
  const today = new Date().toISOString().slice(0, 10);
  const name = (day: string) => (day === today ? texts.figures.today : words.day(day));
  const labels = days.length > 3 ? [0, Math.floor((days.length - 1) / 3), Math.floor((2 * (days.length - 1)) / 3), days.length - 1] : days.map((_, place) => place);
  const hovered = shown === null ? null : days[shown];
  return (
    <Part name="days" title={texts.figures.byDay} table={
      <table className="plain"><thead><tr><th scope="col">{texts.figures.day}</th>{STATUSES.map((status) => <th scope="col" key={status}>{texts.status[status]}</th>)}</tr></thead>
        <tbody>{[...days].reverse().map((day) => <tr key={day.day}><th scope="row">{name(day.day)}</th>{STATUSES.map((status) => <td key={status}>{words.number(counted(day.byStatus, status))}</td>)}</tr>)}</tbody></table>
    }>
      <div className="chart" role="img" aria-label={`${texts.figures.byDay}: ${days.map(({ day, total }) => `${name(day)} ${total}`).join(", ")}`}>
        {stats && lines.map((tick) => <span key={tick} className="tick" style={{ bottom: `${(tick / top) * 100}%` }}><b>{words.number(tick)}</b></span>)}
        <div className="columns" onPointerLeave={() => setShown(null)}>
          {days.map((day, place) => (
            <div key={day.day} className={`column${shown !== null && shown !== place ? " dim" : ""}`} onPointerEnter={() => setShown(place)}>
              <span style={{ height: `${(day.total / top) * 100}%` }}>{[...STATUSES].reverse().map((status) => { const count = counted(day.byStatus, status); return count > 0 && <i key={status} className={classOf(status)} style={{ flexGrow: count }} />; })}</span>
            </div>
          ))}
        </div>
        {hovered && <div className="tip" style={{ left: `${((shown! + 0.5) / days.length) * 100}%` }} data-side={shown! > days.length / 2 ? "left" : "right"}>
          <b>{words.longDay(hovered.day)}</b>
          {STATUSES.map((status) => { const count = counted(hovered.byStatus, status); return count > 0 && <span key={status}><i className={`status ${classOf(status)}`}><StatusSymbol status={status} size={12} /></i>{texts.status[status]}<b className="number">{words.number(count)}</b></span>; })}
        </div>}
      </div>
      <div className="axis" aria-hidden="true">{labels.map((place, order) => <span key={place} style={{ left: `${((place + 0.5) / Math.max(1, days.length)) * 100}%` }} data-end={order === 0 ? "start" : order === labels.length - 1 ? "end" : undefined}>{days[place] && name(days[place].day)}</span>)}</div>
    </Part>
  );
}

function Reasons({ stats }: { stats: Stats | null }) {
  const words = useWords();
  const { texts } = words;
  const { filters } = useRoute();
  const reasons = [...(stats?.byReason ?? [])].sort((a, b) => b.count - a.count);
  const most = reasons[0]?.count ?? 1;
  const statusOf = (statuses: readonly Status[]): Status => (statuses.includes("FAILED") ? "FAILED" : "INCONCLUSIVE");
  return (
    <Part name="reasons" title={texts.figures.reasons} table={
      <table className="plain"><thead><tr><th scope="col">{texts.catalogue.columns.meaning}</th><th scope="col">{texts.figures.code}</th><th scope="col">{texts.figures.number}</th></tr></thead>
        <tbody>{reasons.map(({ reason, count }) => <tr key={reason.code}><th scope="row">{words.reason(reason)}</th><td>{reason.code}</td><td>{words.number(count)}</td></tr>)}</tbody></table>
    }>
      {stats && reasons.length === 0 && <p className="soft">{texts.figures.noReasons}</p>}
      <ul className="bars">
        {reasons.slice(0, REASONS).map(({ reason, count }) => {
          const status = statusOf(reason.statuses);
          return (
            <li key={reason.code}><button type="button" onClick={() => go({ page: "board", id: null, filters: { ...filters, reasonCode: [reason.code], reasonType: [] } })}>
              <span className={`status ${classOf(status)}`}><StatusSymbol status={status} size={14} /></span>
              <span className="name cut" title={words.reason(reason)}>{words.reason(reason)} <span className="faint">{reason.code.replace("IDVV_", "")}</span></span>
              <span className={`bar-track ${classOf(status)}`} aria-hidden="true"><i style={{ width: `${(count / most) * 100}%` }} /></span>
              <b className="number">{words.number(count)}</b>
            </button></li>
          );
        })}
      </ul>
    </Part>
  );
}

const outcomes = (stats: Stats) => stats.total - counted(stats.byStatus, "PENDING");

function Billing({ stats, former }: { stats: Stats; former: number | null }) {
  const words = useWords();
  const { texts } = words;
  const all = outcomes(stats);
  const median = stats.medianSecondsToResult;
  const difference = median !== null && former !== null ? median - former : null;
  const comparison = difference === null ? null
    : Math.abs(difference) < 1 ? texts.figures.same
    : difference < 0 ? texts.figures.faster(words.duration(-difference * 1000, true)) : texts.figures.slower(words.duration(difference * 1000, true));
  return <>
    <p className="large">{words.share(stats.billable, all)}</p>
    <div className="meter" aria-hidden="true"><i style={{ width: `${all ? (stats.billable / all) * 100 : 0}%` }} /></div>
    <p className="soft note">{texts.figures.ofOutcomes(words.number(stats.billable), words.number(all))}</p>
    <h3>{texts.figures.median}</h3>
    <p className="large">{median === null ? texts.figures.none : words.duration(median * 1000)}</p>
    {comparison && <p className="soft note">{comparison}</p>}
  </>;
}

function BillingTable({ stats }: { stats: Stats }) {
  const words = useWords();
  const { texts } = words;
  const rows: [string, string][] = [
    [texts.figures.billable, words.number(stats.billable)],
    [texts.figures.share, words.share(stats.billable, outcomes(stats))],
    [texts.figures.median, stats.medianSecondsToResult === null ? texts.figures.none : words.duration(stats.medianSecondsToResult * 1000)],
  ];
  return <table className="plain"><tbody>{rows.map(([name, value]) => <tr key={name}><th scope="row">{name}</th><td>{value}</td></tr>)}</tbody></table>;
}

/** The page "Figures" of a phone. */
export function FiguresPage({ pulse }: { pulse: Pulse }) {
  const { texts } = useWords();
  return <main id="main" className="scroll-page" tabIndex={-1}><h1 className="spoken">{texts.pages.figures}</h1><Figures pulse={pulse} /></main>;
}
