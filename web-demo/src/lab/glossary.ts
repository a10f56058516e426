// The core's words (`kraft-proto/src/lib.rs`), each once.

export const GLOSSARY: Readonly<Record<string, string>> = {
  accepted: 'The leader’s process has the entry in memory. A kill takes it, and so does a power cut.',
  written: 'The operating system has a copy. It outlives the process, and not the power.',
  synced: 'The disk has it. It outlives the power.',
  force: 'What the core asks of a disk: to have entries synced.',
  committed: 'Raft’s word: the disks of a majority have the entry, and so has every later leader.',
  term: 'A leader’s number. Each election opens a new one.',
  class: 'A commit mode and an fsync mode: how many nodes, and how deep.',
  clean: 'Every copy that somebody relied on is on this disk.',
  dirty: 'Some copies that somebody relied on may not be on this disk yet. The mark itself is synced before the first such copy is reported.',
  suspect: 'The power went while the node was dirty: it may have forgotten copies that somebody relied on. Its vote counts, but not as clean, until a leader has brought it up to date.',
  lost: 'Another entry is committed where the write stood. It is said only when a commit proves it.',
};
