//! The simulator for a page: a run that is played, stepped, seen and hashed.
//!
//! Thin on purpose. What happens, and which fault is fair, is decided by `tests::sim`, the library
//! behind `cargo xtask replay`: the same run has the same hashes here and there, and `parity.mjs`
//! beside this crate holds the two against each other.
//!
//! ```js
//! import init, { World } from './pkg/world.js';
//! await init();
//! const world = new World(runJson);
//! world.playUntil(2_000_000);
//! world.step('{"kill": {"node": "leader"}}');
//! const other = world.branch();               // another future of the same moment
//! world.finish();
//! console.log(world.hash(), JSON.parse(world.view(32)).nodes);
//! ```
//!
//! Moments are microseconds of the world's clock; a number of JavaScript is exact for the first 285
//! years of them.

mod view;

use ::tests::sim::{self, Action, Player, Run, Tracing};
use wasm_bindgen::prelude::*;

use crate::view::View;

/// Lines of the trace that are kept.
const TRACE_MAX: usize = 1000;

/// A run being played.
#[wasm_bindgen]
pub struct World {
    player: Player,
}

#[wasm_bindgen]
impl World {
    /// The world of a run (`tests/SIMULATOR.md` describes the JSON) before its first action.
    #[wasm_bindgen(constructor)]
    pub fn new(run: &str) -> Result<World, JsError> {
        let run = Run::from_json(run).map_err(|problem| JsError::new(&problem))?;
        let player = Player::new(run, Tracing::Off).map_err(|problem| JsError::new(&problem))?;
        Ok(World { player })
    }

    /// Another future of the same moment.
    pub fn branch(&self) -> World {
        World {
            player: self.player.clone(),
        }
    }

    /// Keeps the last lines of what happens, for `trace`.
    #[wasm_bindgen(js_name = keepTrace)]
    pub fn keep_trace(&mut self) {
        let world = self.player.world_mut();
        world.set_tracing(Tracing::Last(TRACE_MAX));
    }

    /// Plays until a moment, with the run's actions up to then.
    #[wasm_bindgen(js_name = playUntil)]
    pub fn play_until(&mut self, at_us: f64) {
        self.player.play_until(at_us as u64);
    }

    /// Does one action, as JSON, that is not in the run.
    pub fn step(&mut self, action: &str) -> Result<(), JsError> {
        let action: Action = serde_json::from_str(action)?;
        self.player.world_mut().step(&action);
        Ok(())
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
        self.player.world().tally().events as f64
    }

    /// The hash of the state, 128 bits in hexadecimal.
    pub fn hash(&self) -> String {
        self.player.world().hash_text()
    }

    /// Nodes, messages in flight and what was broken, as JSON; of each log the last entries.
    pub fn view(&self, entries: u32) -> Result<String, JsError> {
        let view = View::of(&self.player, entries as usize);
        Ok(serde_json::to_string(&view)?)
    }

    /// What happened since `keepTrace`, as lines.
    pub fn trace(&self) -> Vec<String> {
        let lines = self.player.world().trace();
        lines.map(str::to_string).collect()
    }
}

/// The run of a seed, as JSON.
#[wasm_bindgen]
pub fn draw(seed: u64) -> String {
    sim::draw(seed).to_json()
}
