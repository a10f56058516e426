//! The simulator for a page: a run that is played, stepped, seen and hashed.
//!
//! Thin on purpose. What happens, and which fault is fair, is decided by `tests::sim`, the library
//! behind `cargo xtask replay`: the same run has the same hashes here and there, and `parity.mjs`
//! beside this crate holds the two against each other.
//!
//! ```js
//! import init, { World, lab } from './pkg/world.js';
//! await init();
//! const world = new World(lab(3, 7n));        // or the JSON of any run
//! world.watch();                              // keeps records of what happens
//! world.playUntil(2_000_000);
//! world.act('{"kill": {"node": "leader"}}');  // enters the run
//! const other = world.branch();               // another future of the same moment
//! world.finish();
//! const { next, records } = JSON.parse(world.happenings(0));
//! console.log(world.hash(), JSON.parse(world.view(32)).nodes, world.run());
//! ```
//!
//! Moments are microseconds of the world's clock; a number of JavaScript is exact for the first 285
//! years of them.

mod view;

use ::tests::sim::cells::{Column, Row};
use ::tests::sim::chronicle::What;
use ::tests::sim::{self, Action, Happening, Player, Run};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::view::View;

/// A run being played.
#[wasm_bindgen]
pub struct World {
    player: Player,
}

/// What happened since some record.
#[derive(Serialize)]
struct Records<'a> {
    /// The number of the record that will come next.
    next: u64,
    records: Vec<Record<'a>>,
}

/// A record without the names of its fields: a page reads thousands while a hand drags. When, what, node, term,
/// first, last, ask, word, shape, cell.
type Record<'a> = (
    u64,
    What,
    u8,
    u64,
    u64,
    u64,
    u64,
    &'a str,
    &'a str,
    Option<(Row, Column)>,
);

fn record(of: &Happening) -> Record<'_> {
    (
        of.at_us, of.what, of.node, of.term, of.first, of.last, of.ask, of.word, &of.shape, of.cell,
    )
}

#[wasm_bindgen]
impl World {
    /// The world of a run (`tests/SIMULATOR.md` describes the JSON) before its first action.
    #[wasm_bindgen(constructor)]
    pub fn new(run: &str) -> Result<World, JsError> {
        let run = Run::from_json(run).map_err(|problem| JsError::new(&problem))?;
        let player = Player::new(run).map_err(|problem| JsError::new(&problem))?;
        Ok(World { player })
    }

    /// Another future of the same moment.
    pub fn branch(&self) -> World {
        World {
            player: self.player.clone(),
        }
    }

    /// The same moment of a run that differs only in what is done later.
    pub fn retell(&self, run: &str) -> Result<World, JsError> {
        let run = Run::from_json(run).map_err(|problem| JsError::new(&problem))?;
        let player = self.player.retold(run);
        let player = player.map_err(|problem| JsError::new(&problem))?;
        Ok(World { player })
    }

    /// Keeps records of what happens from now on.
    pub fn watch(&mut self) {
        self.player.world_mut().watch();
    }

    /// The records since a number, as JSON; those before are forgotten.
    pub fn happenings(&mut self, since: f64) -> Result<String, JsError> {
        let (records, next) = self.player.world_mut().happenings(since as u64);
        let records = records.iter().map(record).collect();
        Ok(serde_json::to_string(&Records { next, records })?)
    }

    /// Plays until a moment, with the run's actions up to then.
    #[wasm_bindgen(js_name = playUntil)]
    pub fn play_until(&mut self, at_us: f64) {
        self.player.play_until(at_us as u64);
    }

    /// Lets one thing happen, an action or an event, until a moment; false if there is none.
    #[wasm_bindgen(js_name = playEvent)]
    pub fn play_event(&mut self, at_us: f64) -> bool {
        self.player.play_event(at_us as u64)
    }

    /// Does one action, as JSON, and enters it into the run.
    pub fn act(&mut self, action: &str) -> Result<(), JsError> {
        let action: Action = serde_json::from_str(action)?;
        self.player.act(action);
        Ok(())
    }

    /// The run, with everything that entered it, as JSON.
    pub fn run(&self) -> String {
        self.player.run().to_json()
    }

    /// Plays the rest of the run's storm and lets the cluster come to rest.
    pub fn finish(&mut self) {
        self.player.finish();
    }

    /// The moment it is at.
    #[wasm_bindgen(js_name = nowUs, getter)]
    pub fn now_us(&self) -> f64 {
        self.player.world().now_us() as f64
    }

    /// When the run's faults end.
    #[wasm_bindgen(js_name = stormUs, getter)]
    pub fn storm_us(&self) -> f64 {
        self.player.run().storm_us as f64
    }

    /// Things that happened and were shown to the oracles.
    #[wasm_bindgen(getter)]
    pub fn events(&self) -> f64 {
        self.player.world().events() as f64
    }

    /// The hash of the state, 128 bits in hexadecimal.
    pub fn hash(&self) -> String {
        self.player.world().hash_text()
    }

    /// Nodes, messages, links and what was broken, as JSON; of each log the last entries.
    pub fn view(&self, entries: u32) -> Result<String, JsError> {
        let view = View::of(&self.player, entries as usize);
        Ok(serde_json::to_string(&view)?)
    }
}

/// The run of a seed, as JSON.
#[wasm_bindgen]
pub fn draw(seed: u64) -> String {
    sim::draw(seed).to_json()
}

/// A run of the lesson's cluster, of so many nodes, in which nothing is done yet.
#[wasm_bindgen]
pub fn lab(nodes: u8, seed: u64) -> String {
    sim::lab(nodes, seed).to_json()
}
