//! Attempts of which one is enough: the next begins when the ones before take too long or fail (RFC 8305 §5).

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

/// How long an attempt usually has the field to itself.
pub const HEAD_START: Duration = Duration::from_millis(150);

/// Whether the attempts that lost go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Losers {
    /// They end with the race.
    End,
    /// They go on by themselves: what they come to serves somebody later.
    GoOn,
}

/// Runs attempts in this order, each `head_start` before the next, until one succeeds; the failures of all where none does.
pub async fn race<A, T, E, F>(
    attempts: impl IntoIterator<Item = A>,
    attempt: impl Fn(A) -> F,
    head_start: Duration,
    losers: Losers,
) -> Result<T, Vec<E>>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let mut left = attempts.into_iter();
    let mut running = JoinSet::new();
    let mut failures = Vec::new();
    let mut next = left.next();
    loop {
        if let Some(one) = next.take() {
            running.spawn(attempt(one));
            next = left.next();
        }
        let ended = tokio::select! {
            ended = running.join_next() => ended,
            () = sleep(head_start), if next.is_some() => continue,
        };
        match ended {
            Some(Ok(Ok(won))) => {
                if losers == Losers::GoOn {
                    running.detach_all();
                }
                return Ok(won);
            }
            Some(Ok(Err(failure))) => failures.push(failure),
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None if next.is_none() => return Err(failures),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[derive(Clone, Copy)]
    enum Path {
        Silent,
        Refuses,
        Works(Duration),
    }

    async fn walk(path: Path) -> Result<Duration, &'static str> {
        match path {
            Path::Silent => std::future::pending().await,
            Path::Refuses => Err("refused"),
            Path::Works(after) => {
                sleep(after).await;
                Ok(after)
            }
        }
    }

    #[tokio::test]
    async fn the_next_begins_after_a_head_start_and_at_once_after_a_failure() {
        let began = Instant::now();
        let quick = Duration::from_millis(5);
        let paths = [Path::Silent, Path::Refuses, Path::Works(quick)];
        assert_eq!(race(paths, walk, HEAD_START, Losers::End).await, Ok(quick));
        assert!(began.elapsed() >= HEAD_START + quick);
    }

    #[tokio::test]
    async fn a_slow_first_wins_where_nothing_else_does() {
        let slow = HEAD_START * 3;
        let paths = [Path::Works(slow), Path::Silent];
        assert_eq!(race(paths, walk, HEAD_START, Losers::GoOn).await, Ok(slow));
        let none = race([Path::Refuses; 2], walk, HEAD_START, Losers::End).await;
        assert_eq!(none, Err(vec!["refused"; 2]));
        let nobody: [Path; 0] = [];
        assert_eq!(
            race(nobody, walk, HEAD_START, Losers::End).await,
            Err(vec![])
        );
    }
}
