//! Which class a key's writes have, by the core's own rules.

use kraft_proto::zones::{Pattern, Request, Strictness, Zone, ZoneError, ZoneTable};
use wasm_bindgen::prelude::*;

use crate::codes;

/// An ordered list of zones, and what became of the last question put to it.
#[wasm_bindgen]
#[derive(Default)]
pub struct Zones {
    table: ZoneTable,
    /// The zone whose floor refused the last request, from 0.
    refused_by: Option<usize>,
}

#[wasm_bindgen]
impl Zones {
    /// No zones: every key gets the default.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more zone, behind the others. `mode` and `fsync`: negative for none; `is_floor`: requests
    /// may not ask for less.
    pub fn add(
        &mut self,
        pattern: &str,
        mode: i32,
        fsync: i32,
        is_floor: bool,
    ) -> Result<(), JsError> {
        let request = request(mode, fsync)?;
        let pattern = Pattern::try_from(pattern)
            .map_err(|_| JsError::new("this pattern is longer than zones may be"))?;
        let zone = Zone {
            pattern,
            mode: request.mode,
            fsync: request.fsync,
            strictness: match is_floor {
                true => Strictness::Floor,
                false => Strictness::Default,
            },
        };
        self.table = ZoneTable::new(self.table.zones().iter().cloned().chain([zone]))?;
        Ok(())
    }

    /// Refuses zones that ask for more voters than there are.
    pub fn check(&self, voters: usize) -> Result<(), JsError> {
        Ok(self.table.check(voters)?)
    }

    /// The place of a key's zone, from 0; −1: none.
    pub fn find(&self, key: &[u8]) -> i32 {
        self.table.find(key).map_or(-1, |(place, _)| place as i32)
    }

    /// The class of a request for this key among so many voters: the mode's number times 4, and the
    /// fsync mode's. Throws where there is none, and `refusedBy` says whether a floor did it.
    pub fn resolve(
        &mut self,
        mode: i32,
        fsync: i32,
        key: Option<Vec<u8>>,
        default_mode: u32,
        default_fsync: u8,
        voters: usize,
    ) -> Result<f64, JsError> {
        self.refused_by = None;
        let request = request(mode, fsync)?;
        let default = codes::class(default_mode, default_fsync)
            .ok_or_else(|| JsError::new("the default is no class"))?;
        match self.table.resolve(request, key.as_deref(), default, voters) {
            Ok(class) => Ok(f64::from(codes::mode(class.mode) * 4 + class.fsync as u32)),
            Err(error) => {
                self.refused_by = match error {
                    ZoneError::ModeBelowFloor { zone, .. }
                    | ZoneError::FsyncBelowFloor { zone, .. } => Some(zone),
                    ZoneError::AtLeastZero | ZoneError::AtLeastTooMany { .. } => None,
                };
                Err(error.into())
            }
        }
    }

    /// The zone whose floor refused the last request, from 0; −1: it was refused for another reason.
    #[wasm_bindgen(js_name = refusedBy, getter)]
    pub fn refused_by(&self) -> i32 {
        self.refused_by.map_or(-1, |zone| zone as i32)
    }
}

/// What a request or a zone names.
fn request(mode: i32, fsync: i32) -> Result<Request, JsError> {
    let class = codes::class(mode.max(0) as u32, fsync.max(0) as u8);
    let class = class.ok_or_else(|| JsError::new("no class has these numbers"))?;
    Ok(Request {
        mode: (mode >= 0).then_some(class.mode),
        fsync: (fsync >= 0).then_some(class.fsync),
    })
}
