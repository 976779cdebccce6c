/** The catalogue: what each status means, and each reason code with the text that the person reads. */

import { useMemo, useState } from "react";
import type { ReasonType, RetryAdvice, Status } from "../data/model";
import { BoardCatalogue } from "../data/generated";
import { useQuery } from "../data/use";
import { Choices, Menu, Notice, Skeleton, StatusWord } from "../parts/basics";
import { Search, Tick } from "../parts/symbols";
import { useWords } from "../texts/words";

const LOCALES: [string, string][] = [["en", "English"], ["fr", "Français"], ["de", "Deutsch"], ["es", "Español"], ["it", "Italiano"]];
const ADVICE: RetryAdvice[] = ["RETRY_NOW", "RETRY_OTHER_DEVICE", "RETRY_OTHER_DOCUMENT", "OFFER_ALTERNATIVE", "DO_NOT_RETRY"];

export function Catalogue() {
  const words = useWords();
  const { texts } = words;
  const [locale, setLocale] = useState<string>(words.language);
  const [text, setText] = useState("");
  const [status, setStatus] = useState<Status[]>([]);
  const [type, setType] = useState<ReasonType[]>([]);
  const [advice, setAdvice] = useState<RetryAdvice[]>([]);
  const [hidden, setHidden] = useState(false);
  const { data, error, again } = useQuery(BoardCatalogue, { locale });
  const types = useMemo(() => [...new Set(data?.reasonCodes.map((code) => code.type) ?? [])], [data]);
  const needle = text.trim().toLowerCase();
  const found = (data?.reasonCodes ?? []).filter((code) =>
    (!hidden || code.internal) && (status.length === 0 || code.statuses.some((one) => status.includes(one))) && (type.length === 0 || type.includes(code.type)) && (advice.length === 0 || advice.includes(code.retryAdvice))
    && (!needle || `${code.code} ${words.reason(code)} ${words.meaning(code.code, code.description).children} ${code.guidance ?? ""}`.toLowerCase().includes(needle)));
  const { columns } = texts.catalogue;
  return (
    <main id="main" className="scroll-page catalogue" tabIndex={-1}>
      <h1>{texts.catalogue.title} <small className="soft">{data && texts.catalogue.summary(data.statuses.length, data.reasonCodes.length)}</small></h1>
      {error && <Notice title={texts.states.error[0]!} text={error.message}><button type="button" className="button primary" onClick={again}>{texts.states.tryAgain}</button></Notice>}
      {data && <div className="card guides">{data.statuses.map((guide) => (
        <div key={guide.status}><StatusWord status={guide.status} /><p {...words.meaning(guide.status, guide.description)} /><p className="soft">{texts.action[guide.recommendedAction]}</p>
          <p className="faint">{guide.billable === null ? texts.catalogue.notBilledYet : guide.billable ? texts.catalogue.billed : texts.catalogue.neverBilled}</p></div>
      ))}</div>}
      <div className="filters">
        <form className="search" role="search" onSubmit={(event) => event.preventDefault()}><Search /><input className="field" type="search" value={text} placeholder={texts.catalogue.search} aria-label={texts.catalogue.search} onChange={(event) => setText(event.target.value)} /></form>
        <Menu label={texts.catalogue.status} value={status.length || undefined} set={status.length > 0}>{() => <Choices<Status> legend={texts.catalogue.status} values={["INCONCLUSIVE", "FAILED"]} chosen={status} text={(one) => <StatusWord status={one} />} onChange={setStatus} />}</Menu>
        <Menu label={texts.catalogue.type} value={type.length || undefined} set={type.length > 0}>{() => <Choices<ReasonType> legend={texts.catalogue.type} values={types} chosen={type} text={(one) => texts.reasonType[one]} onChange={setType} />}</Menu>
        <Menu label={texts.catalogue.advice} value={advice.length || undefined} set={advice.length > 0}>{() => <Choices<RetryAdvice> legend={texts.catalogue.advice} values={ADVICE} chosen={advice} text={(one) => texts.advice[one]} onChange={setAdvice} />}</Menu>
        <button type="button" className={`button chip${hidden ? " set" : ""}`} aria-pressed={hidden} onClick={() => setHidden(!hidden)}>{hidden && <Tick />}{texts.catalogue.hidden}</button>
        <span className="space" />
        <fieldset className="segments"><legend className="spoken">{texts.catalogue.language}</legend>
          {LOCALES.map(([code, name]) => <label key={code}><input type="radio" name="locale" checked={locale === code} onChange={() => setLocale(code)} /><span lang={code}>{name}</span></label>)}
        </fieldset>
      </div>
      {!data && !error && <Skeleton />}
      {data && found.length === 0 && <Notice title={texts.catalogue.nothing} />}
      {found.length > 0 && <div className="card codes"><table>
        <thead><tr>{(["code", "meaning", "status", "advice", "guidance"] as const).map((column) => <th key={column} scope="col">{columns[column]}</th>)}</tr></thead>
        {types.map((group) => {
          const codes = found.filter((code) => code.type === group);
          return codes.length > 0 && <tbody key={group}>
            <tr className="group"><th colSpan={5} scope="rowgroup">{texts.reasonType[group]} <span className="faint">{codes.length}</span></th></tr>
            {codes.map((code) => <tr key={code.code}>
              <td className="code-cell"><b>{code.code}</b></td><td><b>{words.reason(code)}</b><br /><span className="soft" {...words.meaning(code.code, code.description)} /></td>
              <td>{code.statuses.map((one) => <div key={one}><StatusWord status={one} /></div>)}</td><td className="soft">{texts.advice[code.retryAdvice]}</td>
              <td lang={locale}>{code.guidance ?? <span className="faint" lang={words.language}>{texts.catalogue.hidden}</span>}</td>
            </tr>)}
          </tbody>;
        })}
      </table></div>}
    </main>
  );
}
