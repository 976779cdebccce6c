/** The symbols of the board: drawn on a grid of 16, in the colour of their text. */

import type { ReactNode } from "react";
import type { Phase, Status } from "../data/model";

function Symbol({ children, size = 16 }: { children: ReactNode; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      {children}
    </svg>
  );
}

// How much of the ring each phase fills.
const PORTION: Record<Phase, number> = { AWAITING_INDIVIDUAL: 0, IN_SESSION: 0.25, CAPTURING: 0.5, PROCESSING: 0.75, DONE: 1 };

function sector(portion: number) {
  const angle = 2 * Math.PI * portion;
  return `M8 8V4.4A3.6 3.6 0 ${portion > 0.5 ? 1 : 0} 1 ${(8 + 3.6 * Math.sin(angle)).toFixed(3)} ${(8 - 3.6 * Math.cos(angle)).toFixed(3)}Z`;
}

/** The symbol of a status. Each status has its own shape and its own colour. The symbol of a pending verification shows its phase. */
export function StatusSymbol({ status, phase = "CAPTURING", size = 16 }: { status: Status; phase?: Phase; size?: number }) {
  if (status === "VERIFIED")
    return <Symbol size={size}><circle cx="8" cy="8" r="7" fill="currentColor" stroke="none" /><path d="m5 8.2 2.1 2.1L11 6.2" stroke="var(--surface)" strokeWidth="1.7" /></Symbol>;
  if (status === "FAILED")
    return <Symbol size={size}><path d="M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.900V5.1Z" fill="currentColor" stroke="none" /><path d="m5.7 5.7 4.6 4.600m0-4.6-4.6 4.6" stroke="var(--surface)" strokeWidth="1.7" /></Symbol>;
  if (status === "INCONCLUSIVE")
    return <Symbol size={size}><rect x="2.7" y="2.7" width="10.6" height="10.6" rx="1.8" transform="rotate(45 8 8)" fill="currentColor" stroke="none" /><path d="M5.4 8h5.2" stroke="var(--surface)" strokeWidth="1.7" /></Symbol>;
  const portion = PORTION[phase];
  return (
    <Symbol size={size}>
      <circle cx="8" cy="8" r="6.2" strokeDasharray={portion === 0 ? "2.4 2.470" : undefined} />
      {portion > 0 && <path d={sector(portion)} fill="currentColor" stroke="none" />}
    </Symbol>
  );
}

export const Logo = () => (
  <svg width="22" height="22" viewBox="0 0 22 22" aria-hidden="true"><rect width="22" height="22" rx="6" fill="var(--ink)" /><path d="m6.5 11.3 3.1 3.1 6-6.6" fill="none" stroke="var(--on-ink)" strokeWidth="2.2" strokeLinecap="round" strokeLinejoin="round" /></svg>
);
export const Search = () => <Symbol><circle cx="7" cy="7" r="4.5" /><path d="m10.5 10.5 3.5 3.5" /></Symbol>;
export const Chevron = () => <Symbol size={12}><path d="m4 6 4 4 4-4" /></Symbol>;
export const Back = () => <Symbol><path d="M10 3 5 8l5 5" /></Symbol>;
export const Cross = () => <Symbol><path d="m4 4 8 8m0-8-8 8" /></Symbol>;
export const Expand = () => <Symbol><path d="M9.5 2.500h4v4M13.5 2.500l-4.5 4.500M6.5 13.500h-4v-4M2.5 13.5 7 9" /></Symbol>;
export const Table = () => <Symbol size={14}><rect x="1.5" y="2.5" width="13" height="11" rx="1.5" /><path d="M1.5 6.500h13M6 6.500v7" /></Symbol>;
export const Chart = () => <Symbol size={14}><path d="M2.5 13.500v-6M6.2 13.500v-10M9.9 13.500V9M13.5 13.500V5.5" /></Symbol>;
export const Sun = () => <Symbol><circle cx="8" cy="8" r="3" /><path d="M8 1.500v1M8 13.500v1M1.5 8h1M13.5 8h1M3.4 3.400l.7.7M11.9 11.900l.7.7M12.6 3.400l-.7.7M4.1 11.900l-.7.7" /></Symbol>;
export const Moon = () => <Symbol><path d="M13.5 9.700A6 6 0 0 1 6.3 2.500a6 6 0 1 0 7.2 7.200Z" /></Symbol>;
export const Inbound = () => <Symbol><path d="M8 2v8M4.5 6.8 8 10.300l3.5-3.500M2.5 13.500h11" /></Symbol>;
export const Outbound = () => <Symbol><path d="M8 10.300v-8M4.5 5.5 8 2l3.5 3.500M2.5 13.500h11" /></Symbol>;
export const Up = () => <Symbol size={14}><path d="M8 13V3M4 7l4-4 4 4" /></Symbol>;
export const Link = () => <Symbol><path d="M6.5 9.500a3 3 0 0 0 4.3.2l2-2a3 3 0 0 0-4.2-4.200l-.8.8M9.5 6.500a3 3 0 0 0-4.3-.2l-2 2a3 3 0 0 0 4.2 4.200l.8-.8" /></Symbol>;
export const Matrix = () => <Symbol><path d="M2.5 2.500h4v4h-4zM9.5 2.500h4v4h-4zM2.5 9.500h4v4h-4zM9.5 9.500h1.500v1.500M13.5 9.500v1M9.5 13.500h1M13.5 12.500v1h-1" /></Symbol>;
export const Copy = () => <Symbol size={14}><rect x="5.5" y="5.5" width="8.5" height="8.5" rx="1.5" /><path d="M10.5 5.500v-2A1.5 1.5 0 0 0 9 2H3.500A1.5 1.5 0 0 0 2 3.500V9a1.5 1.5 0 0 0 1.5 1.500h2" /></Symbol>;
export const Tick = () => <Symbol size={14}><path d="m3 8.5 3.5 3.500L13 5" /></Symbol>;
export const Again = () => <Symbol><path d="M13 8a5 5 0 1 1-1.5-3.600L13 5.800M13 2.500v3.300H9.7" /></Symbol>;
export const Lock = () => <Symbol><rect x="3" y="7" width="10" height="7" rx="1.5" /><path d="M5.5 7V5a2.5 2.5 0 0 1 5 0v2" /></Symbol>;
export const Person = () => <Symbol><circle cx="8" cy="5.5" r="2.5" /><path d="M3 13.500c.6-2.5 2.5-3.7 5-3.700s4.4 1.2 5 3.7" /></Symbol>;
export const Erase = () => <Symbol><path d="m6 13.5-3.3-3.300a1 1 0 0 1 0-1.400l6-6a1 1 0 0 1 1.4 0l3.1 3.100a1 1 0 0 1 0 1.400L6.9 13.500H13M5.8 5.800l4.5 4.5" /></Symbol>;
export const Coin = () => <Symbol><circle cx="8" cy="8" r="6" /><path d="M9.8 6.200A2 2 0 0 0 8 5.300c-1 0-1.8.5-1.8 1.3 0 1.9 3.7.8 3.7 2.7 0 .9-.9 1.4-1.9 1.400a2.2 2.2 0 0 1-2-1M8 4.300v7.4" /></Symbol>;
export const Stop = () => <Symbol><circle cx="8" cy="8" r="6" /><path d="m4 12 8-8" /></Symbol>;
export const Rows = () => <Symbol><path d="M5.5 3.500h8M5.5 8h8M5.5 12.500h8M2.5 3.500h.01M2.5 8h.01M2.5 12.500h.01" /></Symbol>;
export const Book = () => <Symbol><path d="M8 4C6.5 2.8 4.5 2.7 2 2.700v9.600c2.5 0 4.5.1 6 1.2 1.5-1.1 3.5-1.2 6-1.200V2.700c-2.5 0-4.5.1-6 1.300Zm0 0v9.5" /></Symbol>;
export const Dots = () => <Symbol><path d="M3.5 8h.01M8 8h.01M12.5 8h.01" strokeWidth="2" /></Symbol>;
export const Funnel = () => <Symbol><path d="M2.5 4h11M4.5 8h7M6.5 12h3" /></Symbol>;
export const NoSignal = () => <Symbol><path d="m2 2 12 12M4.7 9.300A4.5 4.5 0 0 1 8 8M2.2 6.800a8 8 0 0 1 2.6-1.700M8 4.500a8 8 0 0 1 5.8 2.300M10.3 8.900l.9.500M8 12.500h.01" /></Symbol>;
export const Send = () => <Symbol size={14}><path d="M14 2 7 9M14 2 9.5 14 7 9 2 6.500Z" /></Symbol>;
