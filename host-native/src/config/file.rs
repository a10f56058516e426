//! Reads TOML with its line numbers kept.

use std::collections::BTreeMap;
use std::path::{self, Path, PathBuf};

use kraft_proto::ids::{NodeId, StoreId};
use kraft_proto::zones::ZoneTable;
use kraft_wire::address::Address;
use kraft_wire::rpc::CLIENTS_PORT;
use toml::de::DeValue;

use super::error::ConfigError;
use super::members::{MemberConfig, parse_store};
use super::origin::Origin;
use super::ports::PEERS_PORT;
use super::settings::{SETTINGS, Setting};
use super::source::{Source, scalar};
use super::zones::zones_from;

/// One value as it was written.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub text: String,
    pub origin: Origin,
    /// Where relative paths start.
    pub base: PathBuf,
}

/// Everything a file says.
#[derive(Debug, Default)]
pub(super) struct FileLayer {
    pub given: BTreeMap<&'static str, Given>,
    pub members: Option<Vec<MemberConfig>>,
    pub zones: Option<ZoneTable>,
    /// Where its relative paths start.
    pub base: PathBuf,
}

/// Reads what a configuration file says.
pub(super) fn read(file: &Path, text: String) -> Result<FileLayer, ConfigError> {
    let source = Source {
        file: file.into(),
        text,
    };
    let table = source.parse()?;
    let whole = path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let base = whole.parent().unwrap_or(Path::new(""));
    let mut layer = FileLayer {
        base: base.to_owned(),
        ..FileLayer::default()
    };
    for (key, value) in table.get_ref() {
        let name = key.get_ref().as_ref();
        let here = source.origin(key);
        match (name, value.get_ref()) {
            ("members", value) => layer.members = Some(members_from(&source, here, value)?),
            ("zones", value) => layer.zones = Some(zones_from(&source, here, value)?),
            (section, DeValue::Table(table)) if is_section(section) => {
                for (key, value) in table {
                    let path = format!("{section}.{}", key.get_ref());
                    give(&mut layer, path, source.origin(key), value.get_ref(), base)?;
                }
            }
            (name, value) => give(&mut layer, name.to_owned(), here, value, base)?,
        }
    }
    if let (Some(given), Some(_)) = (layer.given.get("zones_file"), &layer.zones) {
        return Err(ConfigError::Shape {
            origin: given.origin.clone(),
            why: "the file has both zones_file and [[zones]]: keep one of them".into(),
        });
    }
    Ok(layer)
}

fn is_section(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.section() == name) && !name.is_empty()
}

/// The known names beside an unknown one.
fn hint(path: &str) -> String {
    let section = path.split_once('.').map_or("", |(section, _)| section);
    let known: Vec<&str> = SETTINGS
        .iter()
        .filter(|setting| setting.section() == section)
        .map(Setting::key)
        .collect();
    if section.is_empty() {
        let mut sections: Vec<&str> = SETTINGS.iter().map(Setting::section).collect();
        sections.dedup();
        sections.retain(|section| !section.is_empty());
        return format!(
            "at the top there are {}, [[members]], [[zones]] and the sections [{}]",
            known.join(", "),
            sections.join("], [")
        );
    }
    format!("in [{section}] there are {}", known.join(", "))
}

fn members_from(
    source: &Source,
    here: Origin,
    value: &DeValue<'_>,
) -> Result<Vec<MemberConfig>, ConfigError> {
    let known = ["id", "peers", "clients", "store"];
    source
        .entries("members", &known, here, value)?
        .iter()
        .map(|entry| {
            Ok(MemberConfig {
                id: NodeId(entry.required("id", |text| {
                    text.parse().map_err(|_| "use a whole number".to_owned())
                })?),
                peers: entry.required("peers", |text| Address::read(text, PEERS_PORT))?,
                clients: entry.required("clients", |text| Address::read(text, CLIENTS_PORT))?,
                store: entry
                    .optional("store", parse_store)?
                    .unwrap_or(StoreId::ANY),
            })
        })
        .collect()
}

/// Adds an option to what the file says.
fn give(
    layer: &mut FileLayer,
    path: String,
    origin: Origin,
    value: &DeValue<'_>,
    base: &Path,
) -> Result<(), ConfigError> {
    let Some(setting) = Setting::at(&path) else {
        return Err(ConfigError::UnknownKey {
            origin,
            hint: hint(&path),
            key: path,
        });
    };
    let given = Given {
        text: scalar(&path, &origin, value)?,
        origin,
        base: base.to_owned(),
    };
    layer.given.insert(setting.path, given);
    Ok(())
}
