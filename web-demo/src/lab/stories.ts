// Stories: run files with captions tied to moments, and a question before each outcome. `web-demo/world/tests/stories.rs`
// plays each natively and holds it to its outcome.

import allFallback from '../../stories/all-fallback.json';
import allSlow from '../../stories/all-slow.json';
import asyncKill from '../../stories/async-kill.json';
import cleanVotes from '../../stories/clean-votes.json';
import figure8 from '../../stories/figure-8.json';
import leaderCrash from '../../stories/leader-crash.json';
import lyingDisk from '../../stories/lying-disk.json';
import powerFailure from '../../stories/power-failure.json';
import reAdmission from '../../stories/re-admission.json';
import syncPartition from '../../stories/sync-partition.json';
import sync from '../../stories/sync.json';
import type { Class, Run } from './lesson';

export interface Question {
  /** Where the story stops to ask. */
  readonly at_us: number;
  readonly asks: string;
  readonly choices: readonly string[];
  /** Which of them it is, from 0 on. */
  readonly answer: number;
  readonly because: string;
}

export interface Story {
  readonly name: string;
  readonly title: string;
  readonly class: Class;
  readonly captions: readonly { readonly at_us: number; readonly text: string }[];
  readonly question: Question;
  /** What the oracles count at its end. */
  readonly outcome: { readonly told: number; readonly lost: number; readonly violation: string | null };
  /** Where it ends for who looks on. */
  readonly until_us: number;
  readonly run: Run;
}

export const STORIES = [sync, leaderCrash, powerFailure, asyncKill, syncPartition, allSlow, allFallback, cleanVotes, reAdmission, figure8, lyingDisk] as readonly unknown[] as readonly Story[];
