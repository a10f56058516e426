//! Nodes in this process, with disks, clocks and power that the tests have in their hands. One file a
//! subject:
//!
//! | file | what it shows |
//! | --- | --- |
//! | `three` | three nodes with QUIC between them and files under them |
//! | `busy` | every bound that is full refuses by name, and takes again once there is room |
//! | `clocks` | clocks that jump, and a core whose process stood still |
//! | `disks` | disks that are slow, stuck or full |
//! | `full_disks` | one node with more room than another: what waits, what is turned away, who votes |
//! | `history` | logs of more terms than a core remembers, and nodes that start again |
//! | `members` | the directory decides who is in the cluster |
//! | `power` | what was only written is gone, and who forgot it is trusted once it is whole |
//! | `replicas` | replicas that differ are named, and others are not |
//! | `snapshots` | logs that go, nodes that start from a snapshot or are sent one, and damage in them |
//! | `transfer` | leadership that moves: asked for, before a clean stop, off a stuck disk |

mod busy;
mod clocks;
mod disks;
mod full_disks;
mod history;
mod members;
mod power;
mod replicas;
mod snapshots;
mod three;
mod transfer;

#[path = "../kit/rig/mod.rs"]
mod rig;
