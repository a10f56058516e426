//! Zone tables in files.

use std::fmt::Write as _;
use std::path::Path;

use kraft_proto::limits::ZONE_PATTERN_MAX;
use kraft_proto::modes::{CommitMode, FsyncMode};
use kraft_proto::zones::{Pattern, Strictness, Zone, ZoneTable};
use toml::de::DeValue;

use super::error::ConfigError;
use super::origin::Origin;
use super::settings::quote;
use super::source::{Entry, Source};
use super::values::parse_switch;

/// Reads a file that holds `[[zones]]` and nothing else.
///
/// # Errors
///
/// When it cannot be read, is not TOML, or a zone makes no sense.
pub fn read_zones(file: &Path) -> Result<ZoneTable, ConfigError> {
    let source = Source::open(file)?;
    let table = source.parse()?;
    let mut zones = ZoneTable::default();
    for (key, value) in table.get_ref() {
        let here = source.origin(key);
        if key.get_ref() != "zones" {
            return Err(ConfigError::UnknownKey {
                origin: here,
                key: key.get_ref().clone().into_owned(),
                hint: "a file of zones holds [[zones]] and nothing else".into(),
            });
        }
        zones = zones_from(&source, here, value.get_ref())?;
    }
    Ok(zones)
}

/// Writes zones as [`read_zones`] reads them.
pub fn write_zones(zones: &ZoneTable) -> String {
    let mut text = String::new();
    for zone in zones.zones() {
        text.push_str("\n[[zones]]\n");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "pattern = {}", quote(&zone.pattern));
        if let Some(mode) = zone.mode {
            let _ = writeln!(text, "mode = \"{mode}\"");
        }
        if let Some(fsync) = zone.fsync {
            let _ = writeln!(text, "fsync = \"{fsync}\"");
        }
        if zone.strictness == Strictness::Floor {
            text.push_str("floor = true\n");
        }
    }
    text
}

pub(super) fn zones_from(
    source: &Source,
    here: Origin,
    value: &DeValue<'_>,
) -> Result<ZoneTable, ConfigError> {
    let known = ["pattern", "mode", "fsync", "floor"];
    let zones = source
        .entries("zones", &known, here.clone(), value)?
        .iter()
        .map(zone_from)
        .collect::<Result<Vec<_>, _>>()?;
    ZoneTable::new(zones).map_err(|error| ConfigError::Shape {
        origin: here,
        why: error.to_string(),
    })
}

fn zone_from(entry: &Entry) -> Result<Zone, ConfigError> {
    let mode = |text: &str| text.parse::<CommitMode>().map_err(|e| e.to_string());
    let fsync = |text: &str| text.parse::<FsyncMode>().map_err(|e| e.to_string());
    let pattern = |text: &str| {
        Pattern::try_from(text)
            .map_err(|_| format!("a pattern has at most {ZONE_PATTERN_MAX} bytes"))
    };
    let floor = |text: &str| parse_switch(text, Strictness::Default, Strictness::Floor);
    Ok(Zone {
        pattern: entry.required("pattern", pattern)?,
        mode: entry.optional("mode", mode)?,
        fsync: entry.optional("fsync", fsync)?,
        strictness: entry.optional("floor", floor)?.unwrap_or_default(),
    })
}
