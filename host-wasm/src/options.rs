//! Every durability option as numbers, in the order in which the TypeScript names them; and the
//! presets.

use std::time::Duration;

use kraft_proto::Durability;
use kraft_proto::durability::{Fallback, LeaderFsync, LeaderOnlyReplication, OnPowerLoss};
use kraft_proto::presets::Preset;
use wasm_bindgen::prelude::*;

use crate::codes;

/// How many options there are.
const COUNT: usize = 15;

/// The options of a preset, by name.
#[wasm_bindgen(js_name = presetOptions)]
pub fn preset_options(name: &str) -> Result<Vec<f64>, JsError> {
    let preset: Preset = name.parse()?;
    Ok(to_numbers(&preset.durability()).to_vec())
}

/// The numbers of these options. Times are in microseconds; of two ways the default is 0.
pub fn to_numbers(options: &Durability) -> [f64; COUNT] {
    [
        f64::from(codes::mode(options.default.mode)),
        f64::from(options.default.fsync as u8),
        f64::from(options.fsync_floor as u8),
        f64::from(options.leader_fsync as u8),
        f64::from(options.leader_only_replication as u8),
        f64::from(options.batch_size),
        micros(options.batch_timeout),
        micros(options.all_timeout),
        f64::from(options.fallback as u8),
        f64::from(options.batch_fsync_count),
        micros(options.batch_fsync_interval),
        micros(options.lazy_force),
        options.at_risk_entries_max as f64,
        f64::from(options.on_power_loss as u8),
        micros(options.disk_stall),
    ]
}

/// The options of these numbers; `None` if they were never made by [`to_numbers`].
pub fn from_numbers(numbers: &[f64]) -> Option<Durability> {
    let numbers: &[f64; COUNT] = numbers.try_into().ok()?;
    let time = |place: usize| Duration::from_micros(numbers[place] as u64);
    let is_set = |place: usize| numbers[place] != 0.0;
    let default = codes::class(numbers[0] as u32, numbers[1] as u8)?;
    let floor = codes::class(0, numbers[2] as u8)?;
    Some(Durability {
        default,
        fsync_floor: floor.fsync,
        leader_fsync: match is_set(3) {
            false => LeaderFsync::AsClass,
            true => LeaderFsync::Required,
        },
        leader_only_replication: match is_set(4) {
            false => LeaderOnlyReplication::Background,
            true => LeaderOnlyReplication::WithHeartbeat,
        },
        batch_size: numbers[5] as u32,
        batch_timeout: time(6),
        all_timeout: time(7),
        fallback: match is_set(8) {
            false => Fallback::Refuse,
            true => Fallback::ToMajority,
        },
        batch_fsync_count: numbers[9] as u32,
        batch_fsync_interval: time(10),
        lazy_force: time(11),
        at_risk_entries_max: numbers[12] as u64,
        on_power_loss: match is_set(13) {
            false => OnPowerLoss::Protect,
            true => OnPowerLoss::Available,
        },
        disk_stall: time(14),
    })
}

fn micros(time: Duration) -> f64 {
    time.as_micros() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_comes_back_as_it_was() {
        for preset in Preset::ALL {
            let options = preset.durability();
            assert_eq!(from_numbers(&to_numbers(&options)), Some(options));
        }
        let others = Durability {
            fsync_floor: kraft_proto::FsyncMode::Always,
            leader_fsync: LeaderFsync::Required,
            leader_only_replication: LeaderOnlyReplication::WithHeartbeat,
            fallback: Fallback::ToMajority,
            on_power_loss: OnPowerLoss::Available,
            disk_stall: Duration::from_micros(1),
            ..Durability::default()
        };
        let numbers = to_numbers(&others);
        assert_eq!(from_numbers(&numbers), Some(others));
        assert_eq!(from_numbers(&numbers[1..]), None);
    }
}
