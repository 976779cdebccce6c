/** The line of filters above the list. Each filter is part of the page's address. */

import { useEffect, useRef, useState } from "react";
import { ORDERS, PHASES, type Phase, type ReasonType, type Status, STATUSES } from "../data/model";
import { go, isFiltered, NO_FILTERS, PERIODS, type Period, useRoute, type Filters as FilterValues } from "../data/route";
import { Choices, Menu, StatusWord } from "../parts/basics";
import { Funnel, Search } from "../parts/symbols";
import { useWords } from "../texts/words";
import { REASON_NAMES } from "../texts/reasons";
import { focusList } from "./list";

const TYPES: ReasonType[] = [
  "ENGAGEMENT_ISSUE", "TECHNICAL_ISSUE", "DOCUMENT_CAPTURE_ISSUE", "FACE_CAPTURE_ISSUE", "OTHER_ISSUE", "DOCUMENT_ISSUE", "COPY_ISSUE", "IDENTITY_FRAUD",
  "CONSISTENCY_ISSUE", "SUSPICIOUS_BEHAVIOR",
];

/** What a filter's button shows of the chosen values: the name of the only one, such as "Failed", or their number, such as "2". */
const shown = <Value extends string>(chosen: readonly Value[], text: (value: Value) => string) =>
  chosen.length === 0 ? undefined : chosen.length === 1 ? text(chosen[0]!) : String(chosen.length);

export const changeFilters = (filters: FilterValues, change: Partial<FilterValues>) => go({ filters: { ...filters, ...change } }, true);

export function SearchField() {
  const { texts } = useWords();
  const { filters } = useRoute();
  const [text, setText] = useState(filters.reference);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => setText(filters.reference), [filters.reference]);
  const search = () => {
    const value = text.trim();
    if (value.startsWith("ver_")) {
      setText(filters.reference);
      go({ id: value });
    } else if (value !== filters.reference) changeFilters(filters, { reference: value });
  };
  // Move the focus to the list, so that the keys of the list work again.
  const toList = () => (focusList() ? undefined : input.current?.blur());
  return (
    <form className="search" role="search" onSubmit={(event) => { event.preventDefault(); search(); toList(); }}>
      <Search />
      <input ref={input} className="field" type="search" data-search value={text} placeholder={texts.filters.search} aria-label={texts.filters.search} autoComplete="off" spellCheck={false}
        onChange={(event) => { setText(event.target.value); if (event.target.value === "") changeFilters(filters, { reference: "" }); }} onBlur={search}
        onKeyDown={(event) => { if (event.key === "Escape") { event.stopPropagation(); toList(); } }} />
      <kbd className="key" aria-hidden="true">/</kbd>
    </form>
  );
}

export function FilterMenus() {
  const words = useWords();
  const { texts } = words;
  const { filters } = useRoute();
  const change = (part: Partial<FilterValues>) => changeFilters(filters, part);
  const reasons = [...filters.reasonType.map((type) => texts.reasonType[type]), ...filters.reasonCode.map((code) => words.reason({ code, type: "UNKNOWN" }))];
  return <>
    <Menu name="filter" label={texts.filters.status} value={shown(filters.status, (status) => texts.status[status])} set={filters.status.length > 0}>
      {() => <><Choices<Status> legend={texts.filters.status} values={STATUSES} chosen={filters.status} text={(status) => <StatusWord status={status} />} onChange={(status) => change({ status })} />
        <Clear on={filters.status.length > 0} clear={() => change({ status: [] })} /></>}
    </Menu>
    <Menu label={texts.filters.phase} value={shown(filters.phase, (phase) => texts.phase[phase])} set={filters.phase.length > 0}>
      {() => <><Choices<Phase> legend={texts.filters.phase} values={PHASES} chosen={filters.phase} text={(phase) => texts.phase[phase]} onChange={(phase) => change({ phase })} />
        <Clear on={filters.phase.length > 0} clear={() => change({ phase: [] })} /></>}
    </Menu>
    <Menu label={texts.filters.reason} value={shown(reasons, (text) => text)} set={reasons.length > 0}>
      {() => <div className="two-lists">
        <div><h3>{texts.filters.reasonTypes}</h3><Choices<ReasonType> legend={texts.filters.reasonTypes} values={TYPES} chosen={filters.reasonType} text={(type) => texts.reasonType[type]} onChange={(reasonType) => change({ reasonType })} /></div>
        <div><h3>{texts.filters.reasonCodes}</h3><Choices legend={texts.filters.reasonCodes} values={Object.keys(REASON_NAMES)} chosen={filters.reasonCode}
          text={(code) => <>{words.reason({ code, type: "UNKNOWN" })} <span className="faint">{code.replace("IDVV_", "")}</span></>} onChange={(reasonCode) => change({ reasonCode })} /></div>
        <Clear on={reasons.length > 0} clear={() => change({ reasonType: [], reasonCode: [] })} />
      </div>}
    </Menu>
    <Menu label={texts.filters.created} value={texts.filters.periods[filters.period]} set>
      {(close) => <Choices<Period> single legend={texts.filters.created} values={PERIODS} chosen={[filters.period]} text={(period) => texts.filters.periods[period]} onChange={([period]) => change({ period: period! })} onPicked={close} />}
    </Menu>
    {isFiltered(filters) && <button type="button" className="button bare" onClick={() => change({ ...NO_FILTERS, period: filters.period, order: filters.order })}>{texts.filters.clear}</button>}
  </>;
}

/** The filters that are used most, behind one button: beside a verification there is no room for a line of them. */
export function FilterButton() {
  const { texts } = useWords();
  const { filters } = useRoute();
  const change = (part: Partial<FilterValues>) => changeFilters(filters, part);
  const set = isFiltered(filters);
  return (
    <Menu name="filter" label={texts.filters.open} icon={<Funnel />} align="end" set={set}>
      {() => <>
        <h3>{texts.filters.status}</h3><Choices<Status> legend={texts.filters.status} values={STATUSES} chosen={filters.status} text={(status) => <StatusWord status={status} />} onChange={(status) => change({ status })} />
        <h3>{texts.filters.phase}</h3><Choices<Phase> legend={texts.filters.phase} values={PHASES} chosen={filters.phase} text={(phase) => texts.phase[phase]} onChange={(phase) => change({ phase })} />
        <h3>{texts.filters.created}</h3><Choices<Period> single legend={texts.filters.created} values={PERIODS} chosen={[filters.period]} text={(period) => texts.filters.periods[period]} onChange={([period]) => change({ period: period! })} />
        <Clear on={set} clear={() => change({ ...NO_FILTERS, period: filters.period, order: filters.order })} />
      </>}
    </Menu>
  );
}

function Clear({ on, clear }: { on: boolean; clear: () => void }) {
  const { texts } = useWords();
  return <div className="clear"><button type="button" className="button small bare" disabled={!on} onClick={clear}>{texts.filters.clear}</button></div>;
}

export function OrderMenu() {
  const { texts } = useWords();
  const { filters } = useRoute();
  const names = { CREATED_NEWEST: texts.list.newest, CREATED_OLDEST: texts.list.oldest, UPDATED_NEWEST: texts.list.changedNewest };
  return (
    <Menu label={names[filters.order]} align="end" set>
      {(close) => <Choices single legend={texts.list.order} values={ORDERS} chosen={[filters.order]} text={(order) => names[order]}
        onChange={([order]) => changeFilters(filters, { order: order! })} onPicked={close} />}
    </Menu>
  );
}
