//! The simulator: clusters of real cores in a world that is a value.
//!
//! A [`Run`] is a seed, a [`Setup`] and timed [`Action`]s; it decides everything. A [`World`] plays
//! it, in virtual time, while [oracles](#oracles) watch every step. The world reads no clock, starts
//! no thread and opens no file, so the same run ends in the same [hash](World::hash) natively and as
//! wasm. `SIMULATOR.md` describes the file a run is kept in; [`faults`] lists which faults are fair.
//!
//! ```text
//!  seed ─► draw ─► Run ─► World ── step, pass_until ─► events ─► oracles ─► Violation
//!                   ▲                                     └─► tally, trace
//!                   └── shrink: fewer actions, as long as the same promise is broken
//! ```
//!
//! # Oracles
//!
//! One a file under `oracles/`; each has a [`Plant`], a host that is wrong on purpose, which it finds.

pub mod action;
mod ask;
pub mod cells;
mod chance;
pub mod chronicle;
mod churn;
mod clients;
mod clock;
mod commands;
pub mod contract;
pub mod disk;
mod draw;
mod draw_faults;
mod draw_members;
mod drive;
pub mod entry;
mod event;
pub mod faults;
mod hash;
mod lab;
mod load;
pub mod marks;
mod measure;
mod members;
mod misbehave;
pub mod network;
mod node;
mod oracles;
mod plant;
mod player;
mod recalls;
mod rest;
mod run;
mod sessions;
mod set_back;
pub mod setup;
pub mod shrink;
mod snapshots;
pub mod sweep;
mod table;
mod tally;
mod trace;
mod witness;
mod world;

pub use action::{Action, Target, Timed};
pub use chronicle::Happening;
pub use draw::draw;
pub use faults::{DEEDS, FAULTS};
pub use hash::hash_of;
pub use lab::{LAB_US, lab};
pub use load::Load;
pub use plant::{PLANTS, Plant};
pub use player::Player;
pub use run::{Outcome, RUN_VERSION, Run, run_json};
pub use sessions::{Applied, Request, SESSIONS_MAX};
pub use setup::Setup;
pub use tally::{Answers, Tally};
pub use witness::{Tracing, Violation};
pub use world::World;
