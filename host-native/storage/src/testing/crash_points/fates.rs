//! Which of the unforced changes a crash takes: every pattern that is tried.

use crate::testing::fault::{Change, Fate, FaultFs, Pending, Tear};

/// How thoroughly patterns are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// A few places to tear a write at.
    Everyday,
    /// Every sector to tear a write at.
    Long,
}

/// What a crash does to the machine.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Losses {
    /// The power goes; each pending change meets its fate, by operation.
    Power(Vec<(u64, Fate)>),
    /// The process is killed in the middle of an operation, and the disk gets these.
    Kill(Fate, Vec<(u64, Fate)>),
}

fn look_up(fates: &[(u64, Fate)], pending: Pending) -> Fate {
    let found = fates.iter().find(|(at, _)| *at == pending.operation);
    found.map_or(Fate::Lost, |(_, fate)| *fate)
}

impl Losses {
    /// The machine afterwards; `fs` stays as it is.
    pub fn apply(&self, fs: &FaultFs) -> FaultFs {
        match self {
            Self::Power(fates) => fs.after_power_cut(|pending| look_up(fates, pending)),
            Self::Kill(interrupted, fates) => {
                fs.after_kill(*interrupted, |pending| look_up(fates, pending))
            }
        }
    }

    /// What a killed machine has on its disk, and a few ways the last operation may have ended.
    pub fn of_kills(fs: &FaultFs) -> Vec<Self> {
        let pending = fs.pending();
        let interrupted = [
            Fate::Lost,
            Fate::Kept,
            Fate::Torn(Tear::First(20)),
            Fate::Torn(Tear::First(600)),
        ];
        let mut all = Vec::new();
        for fate in interrupted {
            for back in [Fate::Lost, Fate::Kept, Fate::Torn(Tear::EvenSectors)] {
                let fates = pending.iter().map(|p| (p.operation, back)).collect();
                all.push(Self::Kill(fate, fates));
            }
        }
        all
    }

    /// All patterns of a power cut that are tried: everything lost, everything kept, each change
    /// alone lost and alone kept, only the earlier ones, only the later ones, and each write torn,
    /// with the others kept, lost, or kept as far as they are earlier.
    pub fn of_power_cuts(fs: &FaultFs, depth: Depth) -> Vec<Self> {
        let pending = fs.pending();
        let mut all = Vec::new();
        let mut add = |fate: &dyn Fn(usize) -> Fate| {
            let fates = pending.iter().enumerate();
            let fates = fates.map(|(at, p)| (p.operation, fate(at)));
            all.push(Self::Power(fates.collect()));
        };
        let kept_if = |kept: bool| if kept { Fate::Kept } else { Fate::Lost };
        add(&|_| Fate::Lost);
        add(&|_| Fate::Kept);
        for (at, change) in pending.iter().enumerate() {
            add(&|other| kept_if(other != at));
            add(&|other| kept_if(other == at));
            add(&|other| kept_if(other < at));
            add(&|other| kept_if(other > at));
            for tear in tears(*change, depth) {
                let torn = |other: usize, fate| if other == at { Fate::Torn(tear) } else { fate };
                add(&|other| torn(other, Fate::Kept));
                add(&|other| torn(other, kept_if(other < at)));
                if depth == Depth::Long {
                    add(&|other| torn(other, Fate::Lost));
                }
            }
        }
        all
    }
}

/// Where a write is torn: between sectors, in the middle of a header and of a payload, and at its
/// very end.
fn tears(pending: Pending, depth: Depth) -> Vec<Tear> {
    let Change::Write { offset, bytes } = pending.change else {
        return Vec::new();
    };
    let first = (512 - offset % 512).min(bytes);
    let mut tears = vec![
        Tear::First(20.min(bytes / 2)),
        Tear::First(bytes.saturating_sub(11)),
    ];
    if first < bytes {
        tears.extend([Tear::First(first), Tear::From(first), Tear::EvenSectors]);
    }
    if depth == Depth::Long {
        for at in (first..bytes).step_by(512).skip(1) {
            tears.extend([Tear::First(at), Tear::From(at)]);
        }
        for at in (1..bytes.min(256)).step_by(8) {
            tears.extend([Tear::First(at), Tear::First(bytes - at)]);
        }
    }
    tears
}
