//! How much a run exercised.

use std::fmt;

use super::adapter::PowerCuts;
use super::rule::{Rule, WithoutPowerCuts};

/// What was done to an adapter that broke no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exercised {
    /// Whether its power was cut.
    pub power_cuts: PowerCuts,
    /// Disks made, each put through a script and its crashes.
    pub disks: u64,
    /// Scripts cut short in the middle, at places that differ.
    pub crash_points: u64,
    /// Writes of the core handed over.
    pub writes: u64,
    /// Receipts that came back.
    pub receipts: u64,
    /// Processes killed.
    pub kills: u64,
    /// Times the power was cut.
    pub cuts: u64,
    /// Times a store was reopened and judged.
    pub reopenings: u64,
    /// Entries found and compared, byte by byte.
    pub entries: u64,
    /// Times it was asked which run stands at an index.
    pub questions: u64,
}

impl Exercised {
    pub(super) fn nothing(power_cuts: PowerCuts) -> Self {
        Self {
            power_cuts,
            disks: 0,
            crash_points: 0,
            writes: 0,
            receipts: 0,
            kills: 0,
            cuts: 0,
            reopenings: 0,
            entries: 0,
            questions: 0,
        }
    }

    /// The rules that were exercised less than wholly, and how much.
    pub fn short_of(&self) -> Vec<(Rule, WithoutPowerCuts)> {
        if self.power_cuts == PowerCuts::Simulated {
            return Vec::new();
        }
        let all = Rule::ALL.map(|rule| (rule, rule.without_power_cuts()));
        let short = all.into_iter();
        short
            .filter(|(_, how)| *how != WithoutPowerCuts::Whole)
            .collect()
    }
}

impl fmt::Display for Exercised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} disks, {} crash points, {} writes, {} receipts, {} kills, {} power cuts, \
             {} reopenings, {} entries compared, {} questions asked",
            self.disks,
            self.crash_points,
            self.writes,
            self.receipts,
            self.kills,
            self.cuts,
            self.reopenings,
            self.entries,
            self.questions
        )?;
        for (rule, how) in self.short_of() {
            match how {
                WithoutPowerCuts::Nothing => write!(f, "\n  not exercised: {rule}")?,
                _ => write!(f, "\n  by process kills only: {rule}")?,
            }
        }
        Ok(())
    }
}
