//! Marks of a run: the hash of its state at even intervals and at its end. Where the same run has
//! the same marks, the same happened.

use serde::Serialize;

use super::player::Player;
use super::run::Run;

/// The marks of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Marks {
    /// How far the marks are apart, in microseconds of the world.
    pub every_us: u64,
    /// The hashes up to the end of the storm, and one at rest.
    pub marks: Vec<String>,
    /// Events of the whole run.
    pub events: u64,
}

/// Plays a run, and marks it.
pub fn marks(run: &Run, every_us: u64) -> Result<Marks, String> {
    if every_us == 0 {
        return Err("marks are at least 1 us apart".to_string());
    }
    let mut player = Player::new(run.clone())?;
    let mut marks = Vec::new();
    let mut at_us = every_us;
    while at_us < run.storm_us {
        player.play_until(at_us);
        marks.push(player.world().hash_text());
        at_us += every_us;
    }
    player.finish();
    marks.push(player.world().hash_text());
    Ok(Marks {
        every_us,
        marks,
        events: player.world().tally().events,
    })
}
