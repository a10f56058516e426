//! The disk thread while it runs: what waits for it, and how it is asked to end.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::error::{DiskError, StopError, Unfinished};
use super::store::Store;
use super::worker::{Reported, Task, Worker};

/// How long whoever ends waits for a disk that does not.
pub const STOP_MAX: Duration = Duration::from_secs(5);

/// What waits for the disk thread.
pub(super) struct Queue<W> {
    state: Mutex<QueueState<W>>,
    changed: Condvar,
}

struct QueueState<W> {
    tasks: Vec<Task<W>>,
    /// Writes that the thread has taken out and is at.
    at_work: u64,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    Closing,
}

impl<W> Queue<W> {
    fn lock(&self) -> MutexGuard<'_, QueueState<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.lock().stage = Stage::Closing;
        self.changed.notify_one();
    }

    /// Waits for tasks and swaps them for the empty `tasks`, which are done; leaves it empty when
    /// closing.
    fn drain(&self, tasks: &mut Vec<Task<W>>) {
        let mut state = self.lock();
        state.at_work = 0;
        while state.tasks.is_empty() && state.stage == Stage::Open {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut state.tasks, tasks);
        state.at_work = writes(tasks);
    }

    /// Writes that are not done.
    pub fn unfinished(&self) -> u64 {
        let state = self.lock();
        state.at_work + writes(&state.tasks)
    }
}

fn writes<W>(tasks: &[Task<W>]) -> u64 {
    let write = |task: &&Task<W>| matches!(task, Task::Write { .. });
    tasks.iter().filter(write).count() as u64
}

/// A running disk thread.
pub(super) struct Running<W: Reported> {
    pub queue: Arc<Queue<W>>,
    thread: Option<Thread>,
}

struct Thread {
    handle: JoinHandle<()>,
    /// How it ended: sent when nothing is left of the store. A thread that panics sends nothing.
    ended: Receiver<Result<(), DiskError>>,
}

impl<W: Reported> Running<W> {
    pub fn start(
        mut store: Store,
        on_done: impl FnMut(Result<W::Receipt, DiskError>) + Send + 'static,
    ) -> std::io::Result<Self> {
        store.prepare_in_background()?;
        let queue = Arc::new(Queue {
            state: Mutex::new(QueueState {
                tasks: Vec::new(),
                at_work: 0,
                stage: Stage::Open,
            }),
            changed: Condvar::new(),
        });
        let work = Worker::<W, _>::new(store, on_done);
        let tasks = Arc::clone(&queue);
        let (end, ended) = channel();
        let handle = std::thread::Builder::new()
            .name("kraft-disk".into())
            .spawn(move || {
                let result = run(&tasks, work);
                // Whoever waited for it may have lost patience.
                let _ = end.send(result);
            })?;
        Ok(Self {
            queue,
            thread: Some(Thread { handle, ended }),
        })
    }

    pub fn push(&self, task: Task<W>) {
        self.queue.lock().tasks.push(task);
        self.queue.changed.notify_one();
    }

    /// Waits so long for the thread to do what is queued and to end.
    pub fn stop(&mut self, patience: Duration) -> Result<(), StopError> {
        self.queue.close();
        let Some(Thread { handle, ended }) = self.thread.take() else {
            return Ok(());
        };
        match ended.recv_timeout(patience) {
            Ok(result) => Ok(result?),
            Err(RecvTimeoutError::Timeout) => Err(StopError::Unfinished(Unfinished {
                writes: self.queue.unfinished(),
                patience,
            })),
            Err(RecvTimeoutError::Disconnected) => match handle.join() {
                Ok(()) => Ok(()),
                Err(panic) => std::panic::resume_unwind(panic),
            },
        }
    }
}

/// What the disk thread does.
fn run<W: Reported, F>(tasks: &Queue<W>, mut work: Worker<W, F>) -> Result<(), DiskError>
where
    F: FnMut(Result<W::Receipt, DiskError>),
{
    let stats = work.stats();
    let mut batch = Vec::new();
    loop {
        tasks.drain(&mut batch);
        if batch.is_empty() {
            return work.close();
        }
        stats.begin();
        let done = work.batch(&mut batch);
        stats.end();
        if let Err(error) = done {
            work.tell(Err(error));
            return Err(DiskError::Stopped);
        }
    }
}

impl<W: Reported> Drop for Running<W> {
    fn drop(&mut self) {
        if let Err(error) = self.stop(STOP_MAX) {
            tracing::error!("while closing the store: {error}");
        }
    }
}
