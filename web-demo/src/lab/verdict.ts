// What the answers of the selected world were worth, and what the promise checker says.

import { button, part, setAttribute, setText } from '../view/dom';
import { type Director, scoreOf, spanOf } from './director';
import { nameOf } from './lesson';
import { save } from './share_box';

export class VerdictView {
  constructor(director: Director) {
    const { store } = director;
    const [box, head, more, checker] = [part('verdict'), part('h-verdict'), part('verdict-more'), part('checker')];
    const report = button('Save the run as a bug report', 'report', () => void director.run(store.state.lane).then((run) => save('kraft-broken-promise.json', run)));
    report.hidden = true;
    box.append(report);
    store.watch((state, changed) => {
      if (!changed.has('worlds') && !changed.has('lane') && !changed.has('recountMs')) return;
      const { world } = store;
      if (world === undefined) return setText(head, 'The worlds are being played…');
      const asked = director.classesOf(state.lesson)[state.lane];
      const { told, lost, silent } = scoreOf(world, spanOf(state.lesson));
      const allows = asked === undefined ? 'Their classes allow it.' : `${nameOf(asked)} allows it.`;
      const broken = world.violation;
      report.hidden = broken === null;
      setAttribute(box, 'data-verdict', broken !== null ? 'BROKEN' : lost > 0 ? 'LOST' : 'KEPT');
      setText(head, broken !== null ? 'A promise is broken' : lost > 0 ? `${lost} of ${told} acknowledged writes are lost` : `All ${told} acknowledged writes are kept`);
      const quiet = silent === 0 ? '' : ` ${silent} ${silent === 1 ? 'write was' : 'writes were'} never acknowledged: nothing was promised of ${silent === 1 ? 'it' : 'them'}.`;
      setText(more, broken !== null ? `${(broken.at_us / 1e6).toFixed(3)} s: ${broken.what}.` : lost > 0 ? `${allows}${quiet}` : `The client was never told yes in vain.${quiet}`);
      const memory = state.worlds.reduce((most, one) => Math.max(most, one?.memoryBytes ?? 0), 0) / 1e6;
      setText(checker, `Promise checker: 12 oracles on every event of every world; ${broken === null ? 'none objects' : `${broken.oracle.replaceAll('_', ' ')} objects`}. Told in ${Math.round(state.recountMs)} ms, ${memory.toFixed(1)} MB.`);
    });
  }
}
