//! What can be done to a world: clients' wishes, faults, and the passing of time.

use kraft_proto::Class;
use serde::{Deserialize, Serialize};

/// A node meant by an action. The roles are looked up when the action happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// This one, from 1 on.
    Node(u8),
    /// Who leads the latest term, as far as anybody does.
    Leader,
    /// Who still leads an earlier term; else whoever leads.
    OldLeader,
    /// The so-manieth that runs and does not lead, counted around.
    Follower(u8),
}

/// Which way an isolated node is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// It hears nobody.
    In,
    /// Nobody hears it.
    Out,
    /// Both.
    Both,
}

/// What a node is to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seat {
    /// It votes.
    Voter,
    /// It receives the log.
    Learner,
    /// It is no member.
    Nobody,
}

/// How a disk does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskState {
    /// As it should.
    #[default]
    Healthy,
    /// Everything takes so many times as long.
    Slow(u16),
    /// Nothing completes.
    Stuck,
    /// It takes no more entries; the space set aside for the hard state is there.
    Full,
}

/// One thing done to a world. Serialized by its name in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Time passes, and with it everything that is under way.
    Pass {
        /// How long, in microseconds of the world's own clock.
        us: u64,
    },
    /// A client proposes entries. Refused, it asks again where it is sent, a few times.
    Write {
        /// Whom it asks first.
        to: Target,
        /// What it asks for.
        class: Class,
        /// How many entries.
        count: u32,
    },
    /// A client asks for a linearizable read.
    Read {
        /// Whom it asks.
        from: Target,
    },
    /// A client asks for a read that sees the write it was answered last.
    ReadOwn {
        /// Whom it asks.
        from: Target,
    },
    /// The client of a session asks for something that is to take effect once, and asks again until
    /// it is answered.
    Command {
        /// Whom it asks first.
        to: Target,
        /// Which, from 1 to 4.
        session: u8,
        /// What it asks for.
        class: Class,
    },
    /// A client asks what became of a write that was answered early.
    Fate {
        /// Whom it asks.
        of: Target,
    },
    /// The process dies; the operating system keeps what it was handed.
    Kill {
        /// Whose.
        node: Target,
    },
    /// The power goes; only what was synced is certain.
    CutPower {
        /// Whose.
        node: Target,
    },
    /// The power of the whole cluster goes at once.
    Blackout,
    /// The node is asked to stop in order.
    Stop {
        /// Which.
        node: Target,
    },
    /// The node is started, if it is down.
    Start {
        /// Which.
        node: u8,
    },
    /// Every node that is down is started.
    StartAll,
    /// The node asks for votes now.
    Campaign {
        /// Which.
        node: Target,
    },
    /// The leader is asked to make a node a voter, a learner, or no member.
    Seat {
        /// Which.
        node: Target,
        /// What it is to be.
        seat: Seat,
    },
    /// A node is asked for the change that leads to these members, by way of both majorities where
    /// it is more than one.
    Members {
        /// Whom a client asks.
        of: Target,
        /// Those who are to vote: bit 0 is node 1.
        voters: u16,
        /// Those who are to learn.
        learners: u16,
    },
    /// A node is asked to hand leadership over.
    Transfer {
        /// Which.
        from: Target,
        /// To whom; to the best one where nobody is named.
        to: Option<Target>,
    },
    /// The disk of a node that is no member any more is replaced by an empty one, and it starts
    /// anew. Nothing happens where anybody else may still count on it.
    Replace {
        /// Whose.
        node: Target,
    },
    /// Somebody copies the disk of a node, as far as it is certain.
    Copy {
        /// Whose.
        node: Target,
    },
    /// The disk of a node is replaced by the copy, and the node starts anew on that. Nothing happens
    /// where nothing is promised then.
    PutBack {
        /// Whose.
        node: Target,
    },
    /// A node keeps a snapshot in place of its log, all but the last committed entries.
    Compact {
        /// Which.
        node: Target,
        /// How many.
        keep: u32,
    },
    /// Messages to or from a node are lost.
    Isolate {
        /// Which.
        node: Target,
        /// On which way.
        way: Way,
    },
    /// The nodes of the mask (bit 0 is node 1) and the others do not hear each other.
    Split {
        /// One side.
        mask: u16,
    },
    /// Every link carries messages again.
    Heal,
    /// How the network does from now on.
    Network {
        /// Messages lost, of a thousand.
        loss_permille: u16,
        /// Messages doubled, of a thousand.
        copy_permille: u16,
        /// Messages that take twenty times as long, of a thousand.
        late_permille: u16,
    },
    /// How a disk does from now on.
    Disk {
        /// Whose.
        node: Target,
        /// How.
        state: DiskState,
    },
    /// A node's clock runs fast or slow from now on.
    Drift {
        /// Whose.
        node: Target,
        /// By how much, in millionths.
        ppm: i32,
    },
    /// The faults are over: nodes run, links carry, disks and clocks are healthy.
    Calm,
}

/// Puts actions in order of time; those of one moment stay as they were.
pub(super) fn order(actions: &mut [Timed]) {
    actions.sort_by_key(|timed| timed.at_us);
}

/// An action and when it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timed {
    /// Microseconds after the start of the world.
    pub at_us: u64,
    /// What is done.
    pub action: Action,
}
