// The stories the page tells, each with its steps; the last step checks how it came out.

import { leaderCrash } from './leader_crash';
import { leaderOnly } from './leader_only';
import { powerFailure } from './power_failure';
import type { Scene } from './scene';
import { sync } from './sync';

export interface Step {
  readonly text: string;
  /** Does it; throws where it does not come out as told. The last one says the outcome. */
  act(scene: Scene): Promise<string | void>;
}

export interface Story {
  readonly name: string;
  readonly title: string;
  readonly steps: readonly Step[];
}

export const STORIES: readonly Story[] = [sync, leaderOnly, leaderCrash, powerFailure];
