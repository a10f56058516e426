// The keyboard: space plays, arrows go by event and with shift by answer, Home and End to the ends.

import type { Director } from './director';

export function keys(director: Director): void {
  addEventListener('keydown', (event) => {
    const at = event.target as HTMLElement;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName) || at.closest('dialog, .scrolls') !== null) return;
    const to = event.shiftKey ? 'ANSWER' : 'EVENT';
    switch (event.key) {
      case ' ':
        // A button under the focus is pressed by the space itself.
        if (at.tagName === 'BUTTON' || at.tagName === 'SUMMARY' || at.tagName === 'A') return;
        if (director.store.state.motion === 'PLAYING') director.pause();
        else director.play('END');
        break;
      case 'ArrowRight':
        void director.step(1, to);
        break;
      case 'ArrowLeft':
        void director.step(-1, to);
        break;
      case 'Home':
        director.seek(0);
        break;
      case 'End':
        director.seek(director.spanUs);
        break;
      default:
        return;
    }
    event.preventDefault();
  });
}
