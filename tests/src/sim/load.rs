//! A steady load in few words: so many writes a second of one class, from here until there.

use kraft_proto::Class;
use serde::{Deserialize, Serialize};

use super::action::{Action, Target, Timed, order};

/// Writes of one load at most: what a run may ask for without saying each.
pub const LOAD_WRITES_MAX: u64 = 100_000;

/// Writes at even distances, one entry each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// When the first is asked for, in microseconds.
    pub from_us: u64,
    /// None is asked for at this moment or later.
    pub until_us: u64,
    /// From one to the next.
    pub every_us: u64,
    /// Whom the client asks first.
    pub to: Target,
    /// What it asks for.
    pub class: Class,
}

impl Load {
    /// How many writes it is.
    pub fn count(&self) -> u64 {
        let span = self.until_us.saturating_sub(self.from_us);
        span.div_ceil(self.every_us.max(1))
    }

    fn write(&self, number: u64) -> Timed {
        Timed {
            at_us: self.from_us + number * self.every_us,
            action: Action::Write {
                to: self.to,
                class: self.class,
                count: 1,
            },
        }
    }
}

/// Everything that is done, in order of time: at one moment the loads' writes first, so that what a
/// hand adds at the moment it looks at stands behind what it has seen.
pub(super) fn plan(loads: &[Load], actions: &[Timed]) -> Vec<Timed> {
    let writes = loads
        .iter()
        .flat_map(|load| (0..load.count()).map(|number| load.write(number)));
    let mut writes: Vec<Timed> = writes.collect();
    order(&mut writes);
    let mut writes = writes.into_iter().peekable();
    let mut plan = Vec::with_capacity(writes.len() + actions.len());
    for action in actions {
        while let Some(write) = writes.next_if(|write| write.at_us <= action.at_us) {
            plan.push(write);
        }
        plan.push(*action);
    }
    plan.extend(writes);
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_its_writes_and_stands_before_an_action_of_the_same_moment() {
        let load = Load {
            from_us: 10,
            until_us: 30,
            every_us: 10,
            to: Target::Leader,
            class: Class::default(),
        };
        let blackout = Timed {
            at_us: 20,
            action: Action::Blackout,
        };
        assert_eq!(load.count(), 2);
        assert_eq!(
            plan(&[load], &[blackout]),
            [load.write(0), load.write(1), blackout]
        );
        assert_eq!(plan(&[], &[blackout, blackout]), [blackout, blackout]);
    }
}
