//! Storage on a disk that keeps its power and stops between steps only, as a real one under a real
//! process would.

use kraft_proto::{LogIndex, LogPosition, Run, Write};
use tests::conformance::{Adapter, Crash, Found, OpenError, PowerCuts, Step};

/// The same storage on such a disk.
pub struct KillsOnly<A>(pub A);

impl<A: Adapter> Adapter for KillsOnly<A> {
    fn power_cuts(&self) -> PowerCuts {
        PowerCuts::NotSimulated
    }

    fn open(&mut self) -> Result<Found, OpenError> {
        self.0.open()
    }

    fn submit(&mut self, write: Write, payloads: Vec<Vec<u8>>) {
        self.0.submit(write, payloads);
    }

    fn run_at(&mut self, index: LogIndex) -> Option<Run> {
        self.0.run_at(index)
    }

    fn committed(&mut self, position: LogPosition) {
        self.0.committed(position);
    }

    fn step(&mut self) -> Step {
        self.0.step()
    }

    fn crash(&mut self, crash: Crash) {
        assert_eq!(crash, Crash::Process, "this disk cannot lose its power");
        self.0.crash(crash);
    }
}
