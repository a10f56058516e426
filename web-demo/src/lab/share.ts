// A lesson as the fragment of a link, and back:
//
//   #1;n3;s7;r10;cAN.LN.SN.SC;fpa4900+950;t7280;l2;h3f8a09c1
//
// The first is the version of what runs make happen: a link of another version says so. `h` is the start of the hash of
// the selected world's last state, by which a page that makes something else of the link notices.

import { type Class, type Deed, type Fault, FIRST, type Fsync, type Lesson, type Mode, type Whom } from './lesson';

/** `RUN_VERSION` of the simulator, and of this form. */
export const VERSION = '4a';

const MODES: Readonly<Record<string, Mode>> = { A: 'ASYNC', L: 'LEADER_ONLY', T: 'AT_LEAST_2', S: 'SYNC', X: 'ALL' };
const FSYNCS: Readonly<Record<string, Fsync>> = { N: 'NONE', B: 'BATCH', C: 'COMMIT', A: 'ALWAYS' };
const DEEDS: Readonly<Record<string, Deed>> = { p: 'power', k: 'kill', c: 'cut', s: 'slow' };
const WHOM: Readonly<Record<string, Whom>> = { a: 'all', l: 'leader', t: 'two' };

export interface Shared {
  readonly lesson: Lesson;
  readonly atUs: number | undefined;
  readonly lane: number;
  readonly hash: string;
  /** A story to open, or the seed of a drawn run. */
  readonly story: string | undefined;
  readonly drawn: number | undefined;
  /** What a person should know of it. */
  readonly warning: string | undefined;
}

export function fragmentOf(lesson: Lesson, atUs: number, lane: number, hash: string): string {
  const parts = [VERSION, `n${lesson.nodes}`, `s${lesson.seed}`, `r${lesson.perSecond}`, `c${lesson.classes.map(classCode).join('.')}`];
  if (lesson.faults.length > 0) parts.push(`f${lesson.faults.map(faultCode).join('.')}`);
  if (lesson.fallback) parts.push('b');
  if (lesson.plant !== undefined) parts.push(`p${lesson.plant}`);
  parts.push(`t${Math.round(atUs / 1000)}`, `l${lane}`, `h${hash.slice(0, 8)}`);
  return `#${parts.join(';')}`;
}

/** Nothing where there is no lesson in it. */
export function readFragment(fragment: string): Shared | undefined {
  const text = decodeURIComponent(fragment.replace(/^#/, ''));
  if (text === '') return undefined;
  const shared = { lesson: FIRST, atUs: undefined, lane: 2, hash: '', story: undefined, drawn: undefined, warning: undefined };
  const story = /^story=([\w-]+)$/.exec(text)?.[1];
  if (story !== undefined) return { ...shared, story };
  const drawn = /^seed=(\d{1,9})$/.exec(text)?.[1];
  if (drawn !== undefined) return { ...shared, drawn: Number(drawn) };
  const [version, ...parts] = text.split(';');
  if (version !== VERSION) return { ...shared, warning: `This link is of another version of the simulator (${version}; this is ${VERSION}): what it showed may come out differently here, so the first lesson is shown.` };
  const part = (letter: string): string | undefined => parts.find((one) => one.startsWith(letter))?.slice(1);
  const number = (letter: string, otherwise: number, most: number): number => {
    const found = Number(part(letter));
    return Number.isInteger(found) && found >= 1 && found <= most ? found : otherwise;
  };
  const classes = (part('c') ?? '').split('.').map(readClass).filter((one) => one !== undefined).slice(0, 4);
  const faults = (part('f') ?? '').split('.').map(readFault).filter((one) => one !== undefined);
  const at = Number(part('t'));
  return {
    ...shared,
    lesson: {
      ...FIRST, nodes: number('n', 3, 9), seed: number('s', 7, 1e9), perSecond: number('r', 10, 100),
      classes: classes.length > 0 ? classes : FIRST.classes, faults, fallback: parts.includes('b'), plant: part('p'),
    },
    atUs: Number.isFinite(at) ? at * 1000 : undefined,
    lane: Math.min(Math.max(0, Number(part('l')) || 0), Math.max(0, classes.length - 1)),
    hash: part('h') ?? '',
  };
}

function codeOf(codes: Readonly<Record<string, unknown>>, value: unknown): string {
  return Object.entries(codes).find(([, one]) => one === value)?.[0] ?? String(value);
}

function classCode({ mode, fsync }: Class): string {
  return codeOf(MODES, mode) + codeOf(FSYNCS, fsync);
}

function readClass(code: string): Class | undefined {
  const [mode, fsync] = [MODES[code[0] ?? ''], FSYNCS[code[1] ?? '']];
  return mode === undefined || fsync === undefined ? undefined : { mode, fsync };
}

function faultCode({ deed, whom, atUs, forUs }: Fault): string {
  return `${codeOf(DEEDS, deed)}${codeOf(WHOM, whom)}${Math.round(atUs / 1000)}+${Math.round(forUs / 1000)}`;
}

function readFault(code: string, at: number): Fault | undefined {
  const [, deed, whom, from, length] = /^([pkcs])([alt]|[1-9])(\d+)\+(\d+)$/.exec(code) ?? [];
  const what = DEEDS[deed ?? ''];
  if (what === undefined || whom === undefined) return undefined;
  return { id: at + 1, deed: what, whom: WHOM[whom] ?? Number(whom), atUs: Number(from) * 1000, forUs: Number(length) * 1000 };
}
