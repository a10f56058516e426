//! One request on its way: how long it may still take, and how long to pause between attempts.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

/// The first pause; each is twice the one before.
const PAUSE_MIN: Duration = Duration::from_millis(10);

/// The longest pause: about one election.
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// Redirects followed without a pause: two nodes that send a client to each other must not keep it
/// running in circles.
const REDIRECTS_MAX: u32 = 3;

/// How long an answer may travel.
const ANSWER_TRAVEL: Duration = Duration::from_millis(250);

/// Time, pauses and what was met last.
pub(super) struct Retries {
    began: Instant,
    deadline: Instant,
    pause: Duration,
    redirects: u32,
    last: String,
}

/// Whether there is time for another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    Left,
    Up,
}

impl Retries {
    pub fn new(time: Duration) -> Self {
        let began = Instant::now();
        Self {
            began,
            deadline: began + time,
            pause: PAUSE_MIN,
            redirects: 0,
            last: "no node was asked yet".to_owned(),
        }
    }

    /// When everything must have ended.
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// When an attempt begun now must have ended, at most `patience` from now.
    pub fn attempt_until(&self, patience: Duration) -> Instant {
        self.deadline.min(Instant::now() + patience)
    }

    /// How long a node may take for its answer so that it arrives in time.
    pub fn patience(&self) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        left - ANSWER_TRAVEL.min(left / 4)
    }

    /// Notes what an attempt met.
    pub fn met(&mut self, what: String) {
        self.last = what;
    }

    /// Whether another node may be asked at once.
    pub fn may_follow(&mut self) -> bool {
        self.redirects += 1;
        self.redirects <= REDIRECTS_MAX
    }

    /// Pauses before the next attempt, if one can still be answered.
    ///
    /// None is made at the very deadline: of a write that was refused all the time nothing would be
    /// known any more, because of one last copy that nobody waited for.
    pub async fn pause(&mut self) -> Time {
        let until = Instant::now() + jittered(self.pause);
        if until >= self.deadline {
            tokio::time::sleep_until(self.deadline).await;
            return Time::Up;
        }
        self.redirects = 0;
        tokio::time::sleep_until(until).await;
        self.pause = PAUSE_MAX.min(self.pause * 2);
        Time::Left
    }

    /// How long it has taken.
    pub fn waited(&self) -> Duration {
        self.began.elapsed()
    }

    /// What the last attempt met.
    pub fn last(&self) -> &str {
        &self.last
    }
}

/// Between half of `pause` and all of it: clients that lost the same leader must not come back as
/// one.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    pause / 2 + (pause / 2).mul_f64((random >> 11) as f64 / (1u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_between_half_and_whole() {
        for _ in 0..100 {
            let pause = jittered(PAUSE_MAX);
            assert!(pause >= PAUSE_MAX / 2 && pause <= PAUSE_MAX);
        }
    }

    #[test]
    fn redirects_in_a_circle_end_in_a_pause() {
        let mut retries = Retries::new(Duration::from_secs(1));
        assert!((0..REDIRECTS_MAX).all(|_| retries.may_follow()));
        assert!(!retries.may_follow());
    }

    #[tokio::test]
    async fn no_attempt_is_made_that_has_no_time_for_its_answer() {
        let mut retries = Retries::new(PAUSE_MIN / 2);
        assert_eq!(retries.pause().await, Time::Up);
        let mut retries = Retries::new(Duration::from_secs(3600));
        assert_eq!(retries.pause().await, Time::Left);
    }

    #[tokio::test]
    async fn when_the_time_is_up_there_is_no_pause() {
        let mut retries = Retries::new(Duration::ZERO);
        assert_eq!(retries.pause().await, Time::Up);
    }
}
